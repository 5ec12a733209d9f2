import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  GetObjectRetentionCommand,
  GetObjectTaggingCommand,
  ListObjectsV2Command,
  PutBucketCorsCommand,
  PutBucketPolicyCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalUserIdOf } from '../../src/iam/unique-id.js';
import { type AccountsServer, keyOf, startWithAccounts } from '../support/accounts.js';
import { FORM_TYPE, formBody, postForm, signedFields } from '../support/form.js';
import { refusal } from '../support/s3-error.js';

/** What policies, ACLs, locks, tags and CORS make of browser forms, which are PutObject by another door. */
let server: AccountsServer;
let serial = 0;

beforeAll(async () => {
  server = await startWithAccounts([
    { accountId: '111111111111', name: 'main' },
    { accountId: '222222222222', name: 'alt' },
  ]);
});
afterAll(() => server?.close());

const main = () => server.as('main');
const content = 'a file';
const denied = { status: 403, text: expect.stringContaining('<Code>AccessDenied</Code>') };

async function bucket(more: object = {}): Promise<string> {
  const Bucket = `form-access-${++serial}`;
  await main().send(new CreateBucketCommand({ Bucket, ...more }));
  return Bucket;
}
type Statement = Record<string, unknown>;
const setPolicy = (Bucket: string, ...statements: Statement[]) => {
  const Resource = [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`];
  const Statement = statements.map((one) => ({ Effect: 'Allow', Principal: '*', Resource, ...one }));
  return main().send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Statement }) }));
};
const post = (Bucket: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  postForm(`${server.url}/${Bucket}`, formBody(fields, { content }), headers);
const postAs = (who: string, Bucket: string, fields: Record<string, string>) =>
  post(Bucket, signedFields(keyOf(who), Bucket, fields));
const keysOf = async (Bucket: string) =>
  ((await main().send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
const read = async (Bucket: string, Key: string) =>
  (await main().send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString();

describe('an anonymous form', () => {
  test('is refused by a bucket that is open to nobody', async () => {
    const Bucket = await bucket();
    expect(await post(Bucket, { key: 'k' })).toMatchObject(denied);
    expect(await keysOf(Bucket)).toEqual([]);
  });

  test('is taken where a bucket policy allows it, under the keys that it names', async () => {
    const Bucket = await bucket();
    await setPolicy(Bucket, { Action: 's3:PutObject', Resource: `arn:aws:s3:::${Bucket}/in/*` });
    expect(await post(Bucket, { key: 'in/k' })).toMatchObject({ status: 204 });
    expect(await post(Bucket, { key: 'out/k' })).toMatchObject(denied);
    expect(await keysOf(Bucket)).toEqual(['in/k']);
    const authType = { StringEquals: { 's3:authType': 'POST' } };
    await setPolicy(Bucket, { Action: 's3:PutObject', Condition: authType });
    expect(await post(Bucket, { key: 'in/k' })).toMatchObject(denied);
    expect(await postAs('alt', Bucket, { key: 'in/k' })).toMatchObject({ status: 204 });
  });

  test('is taken where the ACL says public-read-write, and the object is nobody’s', async () => {
    const Bucket = await bucket({ ACL: 'public-read-write' });
    expect(await post(Bucket, { key: 'k', acl: 'public-read' })).toMatchObject({ status: 204 });
    expect((await server.anonymous('GET', `/${Bucket}/k`)).text).toBe(content);
    expect(await keysOf(Bucket)).toEqual(['k']);
    await main().send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
  });

  test('finds the policy as it is when its fields have come, not as it was when it began', async () => {
    const Bucket = await bucket();
    await setPolicy(Bucket, { Action: 's3:PutObject' });
    const whole = formBody({ key: 'k' }, { content });
    const headers = {
      'content-type': FORM_TYPE,
      'content-length': String(whole.length),
      expect: '100-continue',
      origin: 'https://app.example',
    };
    const sent = request(`${server.url}/${Bucket}`, { method: 'POST', headers });
    const answer = once(sent, 'response');
    // Whoever tells us to go on has looked at the head, and at the bucket.
    sent.flushHeaders();
    await once(sent, 'continue');
    sent.write(whole.subarray(0, 40));
    await setPolicy(Bucket, { Effect: 'Deny', Action: 's3:PutObject' });
    sent.end(whole.subarray(40));
    const [reply] = (await answer) as [IncomingMessage];
    reply.resume();
    expect(reply.statusCode).toBe(403);
    expect(await keysOf(Bucket)).toEqual([]);
  });

  test('names no ACL and no tags without leave', async () => {
    const Bucket = await bucket();
    await setPolicy(Bucket, { Action: 's3:PutObject' });
    const tagging = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';
    expect(await post(Bucket, { key: 'k', tagging })).toMatchObject(denied);
    const Condition = { StringEquals: { 's3:RequestObjectTag/a': 'b' } };
    await setPolicy(Bucket, { Action: 's3:PutObject' }, { Action: 's3:PutObjectTagging', Condition });
    expect(await post(Bucket, { key: 'k', tagging })).toMatchObject({ status: 204 });
    expect(await post(Bucket, { key: 'k', tagging: tagging.replace('>b<', '>c<') })).toMatchObject(denied);
    const { TagSet } = await main().send(new GetObjectTaggingCommand({ Bucket, Key: 'k' }));
    expect(TagSet).toEqual([{ Key: 'a', Value: 'b' }]);
  });
});

describe('a signed form', () => {
  test('of another account is taken where the policy allows it, and the object is that account’s', async () => {
    const Bucket = await bucket();
    expect(await postAs('alt', Bucket, { key: 'k' })).toMatchObject(denied);
    await setPolicy(Bucket, { Action: 's3:PutObject', Principal: { AWS: '222222222222' } });
    expect(await postAs('alt', Bucket, { key: 'k' })).toMatchObject({ status: 204 });
    expect(await refusal(read(Bucket, 'k'))).toMatchObject({ status: 403 });
    const { Owner } = await server.as('alt').send(new GetObjectAclCommand({ Bucket, Key: 'k' }));
    expect(Owner).toEqual({ ID: canonicalUserIdOf('222222222222') });
  });

  test('has its ACL field held against ownership and the public access block', async () => {
    const enforced = await bucket({ ObjectOwnership: 'BucketOwnerEnforced' });
    const unsupported = { status: 400, text: expect.stringContaining('<Code>AccessControlListNotSupported</Code>') };
    expect(await postAs('main', enforced, { key: 'k', acl: 'public-read' })).toMatchObject(unsupported);
    const Bucket = await bucket();
    await main().send(
      new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: { BlockPublicAcls: true } }),
    );
    expect(await postAs('main', Bucket, { key: 'k', acl: 'public-read' })).toMatchObject(denied);
    expect(await postAs('main', Bucket, { key: 'k', acl: 'private' })).toMatchObject({ status: 204 });
    const odd = { status: 400, text: expect.stringContaining('<Code>InvalidArgument</Code>') };
    expect(await postAs('main', Bucket, { key: 'k', acl: 'none-such' })).toMatchObject(odd);
  });

  test('locks what it stores, by its fields or the bucket’s default, and only with a digest', async () => {
    const Bucket = await bucket({ ObjectLockEnabledForBucket: true });
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const lock = { 'x-amz-object-lock-mode': 'GOVERNANCE', 'x-amz-object-lock-retain-until-date': until };
    const md5 = { 'content-md5': createHash('md5').update(content).digest('base64') };
    const undigested = { status: 400, text: expect.stringContaining('Content-MD5 OR x-amz-checksum-') };
    expect(await postAs('main', Bucket, { key: 'k', ...lock })).toMatchObject(undigested);
    const made = await postAs('main', Bucket, { key: 'k', ...lock, ...md5 });
    expect(made).toMatchObject({ status: 204 });
    const VersionId = made.headers.get('x-amz-version-id')!;
    const remove = main().send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId }));
    expect(await refusal(remove)).toMatchObject({ status: 403, code: 'AccessDenied' });
    const Rule = { DefaultRetention: { Mode: 'COMPLIANCE', Days: 1 } } as const;
    const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule } as const;
    await main().send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
    expect(await postAs('main', Bucket, { key: 'd' })).toMatchObject(undigested);
    expect(await postAs('main', Bucket, { key: 'd', ...md5 })).toMatchObject({ status: 204 });
    const { Retention } = await main().send(new GetObjectRetentionCommand({ Bucket, Key: 'd' }));
    expect(Retention?.Mode).toBe('COMPLIANCE');
    const unlocked = await bucket();
    const missing = { status: 400, text: expect.stringContaining('Bucket is missing Object Lock Configuration') };
    expect(await postAs('main', unlocked, { key: 'k', ...lock, ...md5 })).toMatchObject(missing);
    await setPolicy(Bucket, { Effect: 'Deny', Action: 's3:PutObjectRetention' });
    expect(await postAs('main', Bucket, { key: 'k', ...lock, ...md5 })).toMatchObject(denied);
  });
});

test('answers to a form across origins carry the headers of CORS, refusals as well', async () => {
  const Bucket = await bucket();
  const Origin = 'https://app.example';
  const rule = { AllowedMethods: ['POST'], AllowedOrigins: [Origin], ExposeHeaders: ['ETag'] };
  await main().send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }));
  const ask = async (fields: Record<string, string>, origin = Origin) => {
    const { status, headers } = await post(Bucket, fields, { origin });
    return [status, headers.get('access-control-allow-origin'), headers.get('access-control-expose-headers')];
  };
  const signed = signedFields(keyOf('main'), Bucket, { key: 'k' });
  expect(await ask(signed)).toEqual([204, Origin, 'ETag']);
  expect(await ask({ key: 'k' })).toEqual([403, Origin, 'ETag']);
  expect(await ask({ ...signed, 'x-amz-signature': '0'.repeat(64) })).toEqual([403, Origin, 'ETag']);
  expect(await ask(signed, 'https://other.example')).toEqual([204, null, null]);
  const gone = await postForm(`${server.url}/none-such-bucket`, formBody({ key: 'k' }, { content }), {
    origin: Origin,
  });
  expect([gone.status, gone.headers.get('access-control-allow-origin')]).toEqual([404, null]);
});
