import {
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutBucketCorsCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectRetentionCommand,
  PutObjectTaggingCommand,
  RenameObjectCommand,
  UpdateObjectEncryptionCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AccountsServer, startWithAccounts } from '../support/accounts.js';
import { refusal } from '../support/s3-error.js';

/** Where two features meet: policies and ACLs decide over what tags, locks, renames and CORS brought. */
let server: AccountsServer;
let serial = 0;
const allowAll = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] };

beforeAll(async () => {
  server = await startWithAccounts([
    { accountId: '111111111111', name: 'main', users: [{ userName: 'clerk', policies: [allowAll] }] },
    { accountId: '222222222222', name: 'alt' },
  ]);
});
afterAll(() => server?.close());

const as = (name: string) => server.as(name);
const denied = { status: 403, code: 'AccessDenied' };
type Statement = Record<string, unknown>;

async function bucket(more: object = {}): Promise<string> {
  const Bucket = `met-${++serial}`;
  await as('main').send(new CreateBucketCommand({ Bucket, ...more }));
  return Bucket;
}
const allow = (Bucket: string, ...statements: Statement[]) =>
  as('main').send(
    new PutBucketPolicyCommand({
      Bucket,
      Policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: statements.map((one) => ({
          Effect: 'Allow',
          Principal: '*',
          Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
          ...one,
        })),
      }),
    }),
  );
const put = (who: string, Bucket: string, Key: string, more: Partial<PutObjectCommandInput> = {}) =>
  as(who).send(new PutObjectCommand({ Bucket, Key, Body: Key, ...more }));
const get = (who: string, Bucket: string, Key: string) => as(who).send(new GetObjectCommand({ Bucket, Key }));
const tagSet = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const tagBucket = (who: string, Bucket: string, tags: Record<string, string>) =>
  as(who).send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: tagSet(tags) } }));
const tagObject = (who: string, Bucket: string, Key: string, tags: Record<string, string>) =>
  as(who).send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: tagSet(tags) } }));
const rename = (who: string, Bucket: string, RenameSource: string, Key: string) =>
  as(who).send(new RenameObjectCommand({ Bucket, Key, RenameSource }));

describe('policies and tags', () => {
  test('what an object is tagged with decides who reads it, from the moment the tags are put', async () => {
    const Bucket = await bucket();
    const Condition = { StringEquals: { 's3:ExistingObjectTag/class': 'public' } };
    await allow(Bucket, { Action: ['s3:GetObject', 's3:GetObjectTagging'], Condition });
    await put('main', Bucket, 'k', { Tagging: 'class=secret' });
    expect(await refusal(get('alt', Bucket, 'k'))).toMatchObject(denied);
    await tagObject('main', Bucket, 'k', { class: 'public' });
    expect(await (await get('alt', Bucket, 'k')).Body!.transformToString()).toBe('k');
    // The number of tags is told to whom may read them, by the same condition.
    expect((await as('alt').send(new HeadObjectCommand({ Bucket, Key: 'k' }))).TagCount).toBe(1);
    expect((await as('alt').send(new GetObjectTaggingCommand({ Bucket, Key: 'k' }))).TagSet).toHaveLength(1);
    await tagObject('main', Bucket, 'k', { class: 'secret' });
    expect(await refusal(get('alt', Bucket, 'k'))).toMatchObject(denied);
  });

  test('what a request tags an object with decides whether it may', async () => {
    const Bucket = await bucket();
    const Condition = { StringEquals: { 's3:RequestObjectTag/team': 'alt' } };
    await allow(Bucket, { Action: 's3:PutObject' }, { Action: 's3:PutObjectTagging', Condition });
    await put('alt', Bucket, 'k', { Tagging: 'team=alt' });
    expect(await refusal(put('alt', Bucket, 'k', { Tagging: 'team=main' }))).toMatchObject(denied);
    await tagObject('alt', Bucket, 'k', { team: 'alt' });
    expect(await refusal(tagObject('alt', Bucket, 'k', { team: 'main' }))).toMatchObject(denied);
    expect(await refusal(tagObject('alt', Bucket, 'k', {}))).toMatchObject(denied);
  });

  test.each(['aws:ResourceTag', 's3:BucketTag'])('what a bucket is tagged with decides, by %s', async (key) => {
    const Bucket = await bucket();
    await allow(Bucket, { Action: 's3:PutObject', Condition: { StringEquals: { [`${key}/team`]: 'alt' } } });
    expect(await refusal(put('alt', Bucket, 'k'))).toMatchObject(denied);
    await tagBucket('main', Bucket, { team: 'alt' });
    await put('alt', Bucket, 'k');
    await tagBucket('main', Bucket, { team: 'main' });
    expect(await refusal(put('alt', Bucket, 'k'))).toMatchObject(denied);
  });

  test('a denial by a bucket’s tag holds for the account’s own users', async () => {
    const Bucket = await bucket({ CreateBucketConfiguration: { Tags: tagSet({ frozen: 'yes' }) } });
    const frozen = { StringEquals: { 'aws:ResourceTag/frozen': 'yes' } };
    await allow(Bucket, { Effect: 'Deny', Action: ['s3:PutObject', 's3:DeleteObject'], Condition: frozen });
    expect(await refusal(put('clerk', Bucket, 'k'))).toMatchObject(denied);
    const many = new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'k' }] } });
    expect((await as('clerk').send(many)).Errors).toMatchObject([{ Key: 'k', Code: 'AccessDenied' }]);
    await tagBucket('clerk', Bucket, {});
    await put('clerk', Bucket, 'k');
  });

  test('what a request tags a bucket with decides, by aws:RequestTag and aws:TagKeys', async () => {
    const Bucket = await bucket();
    const Condition = { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['team'] } };
    const other = { StringNotEquals: { 'aws:RequestTag/team': 'main' } };
    await allow(
      Bucket,
      { Effect: 'Deny', Principal: '*', Action: 's3:PutBucketTagging', Condition: other },
      { Effect: 'Allow', Principal: '*', Action: 's3:ListBucket', Condition },
    );
    await tagBucket('clerk', Bucket, { team: 'main', more: 'x' });
    expect(await refusal(tagBucket('clerk', Bucket, { team: 'alt' }))).toMatchObject(denied);
    expect(await refusal(tagBucket('clerk', Bucket, { more: 'x' }))).toMatchObject(denied);
  });
});

describe('policies and conditions of writes', () => {
  test('s3:if-match asks the header, and the ETag of each key of DeleteObjects', async () => {
    const Bucket = await bucket();
    const Condition = { Null: { 's3:if-match': 'true' } };
    await allow(Bucket, { Effect: 'Deny', Action: 's3:DeleteObject', Condition });
    const { ETag } = await put('clerk', Bucket, 'a');
    await put('clerk', Bucket, 'b');
    expect(await refusal(as('clerk').send(new DeleteObjectCommand({ Bucket, Key: 'a' })))).toMatchObject(denied);
    const Objects = [{ Key: 'a', ETag }, { Key: 'b' }];
    const { Deleted, Errors } = await as('clerk').send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect([Deleted, Errors]).toMatchObject([[{ Key: 'a' }], [{ Key: 'b', Code: 'AccessDenied' }]]);
    await as('clerk').send(new DeleteObjectCommand({ Bucket, Key: 'b', IfMatch: '*' }));
  });

  test('whether an ETag is the one isn’t told of an object that another account keeps to itself', async () => {
    const Bucket = await bucket({ ACL: 'public-read-write' });
    const { ETag } = await put('alt', Bucket, 'k');
    for (const IfMatch of [ETag, '"other"']) {
      const remove = as('main').send(new DeleteObjectCommand({ Bucket, Key: 'k', IfMatch }));
      expect(await refusal(remove)).toMatchObject(denied);
    }
    await as('main').send(new DeleteObjectCommand({ Bucket, Key: 'k', IfMatch: '*' }));
  });

  test('how long a retention may be is decided by the policy, in headers and in a body', async () => {
    const Bucket = await bucket({ ObjectLockEnabledForBucket: true });
    const Condition = { NumericGreaterThan: { 's3:object-lock-remaining-retention-days': '10' } };
    await allow(Bucket, { Effect: 'Deny', Action: 's3:PutObjectRetention', Condition });
    const until = (days: number) => new Date(Date.now() + days * 86_400_000 + 3_600_000);
    const locked = (days: number): Partial<PutObjectCommandInput> => ({
      ObjectLockMode: 'GOVERNANCE',
      ObjectLockRetainUntilDate: until(days),
    });
    const { VersionId } = await put('clerk', Bucket, 'k', locked(3));
    expect(await refusal(put('clerk', Bucket, 'k', locked(11)))).toMatchObject(denied);
    const retain = (days: number) =>
      as('clerk').send(
        new PutObjectRetentionCommand({
          Bucket,
          Key: 'k',
          VersionId,
          Retention: { Mode: 'GOVERNANCE', RetainUntilDate: until(days) },
        }),
      );
    await retain(10);
    expect(await refusal(retain(11))).toMatchObject(denied);
  });
});

describe('ACLs', () => {
  test('a rename needs leave to read the source, and leaves the object its owner and its ACL', async () => {
    const Bucket = await bucket({ ACL: 'public-read-write' });
    await put('alt', Bucket, 'private');
    await put('alt', Bucket, 'public', { ACL: 'public-read' });
    const acl = async (Key: string) => {
      const { Owner, Grants } = await as('alt').send(new GetObjectAclCommand({ Bucket, Key }));
      return { Owner, Grants };
    };
    const before = await acl('public');
    expect(await refusal(rename('main', Bucket, 'private', 'stolen'))).toMatchObject(denied);
    await rename('main', Bucket, 'public', 'moved');
    expect(await acl('moved')).toEqual(before);
    expect((await server.anonymous('GET', `/${Bucket}/moved`)).text).toBe('public');
    await rename('alt', Bucket, 'private', 'still private');
    expect(await refusal(get('main', Bucket, 'still private'))).toMatchObject(denied);
    // What is missing is told to whom may list.
    expect(await refusal(rename('alt', Bucket, 'none', 'x'))).toMatchObject({ status: 404, code: 'NoSuchKey' });
  });

  test('a rename under a policy needs each of reading, deleting and putting, and tags theirs', async () => {
    const Bucket = await bucket();
    const actions = ['GetObject', 'DeleteObject', 'PutObject', 'ListBucket', 'GetObjectTagging', 'PutObjectTagging'];
    for (const left of actions.filter((one) => one !== 'ListBucket')) {
      await put('main', Bucket, 'from', { Tagging: 'a=b' });
      await allow(Bucket, { Action: actions.filter((one) => one !== left).map((one) => `s3:${one}`) });
      expect([left, await refusal(rename('alt', Bucket, 'from', 'to'))]).toMatchObject([left, denied]);
    }
    await allow(Bucket, { Action: actions.map((one) => `s3:${one}`) });
    await rename('alt', Bucket, 'from', 'to');
    expect(await (await get('main', Bucket, 'to')).Body!.transformToString()).toBe('from');
  });

  test('WRITE on a bucket is no leave to give its objects another key', async () => {
    const Bucket = await bucket({ ACL: 'public-read-write' });
    await put('main', Bucket, 'k');
    const KMSKeyArn = 'arn:aws:kms:us-east-1:111111111111:key/none';
    const ObjectEncryption = { SSEKMS: { KMSKeyArn } };
    const update = as('alt').send(new UpdateObjectEncryptionCommand({ Bucket, Key: 'k', ObjectEncryption }));
    expect(await refusal(update)).toMatchObject(denied);
  });
});

describe('CORS', () => {
  const Origin = 'https://app.example';
  const ask = async (Bucket: string, Key: string) => {
    const answer = await server.anonymous('GET', `/${Bucket}/${Key}`, { headers: { Origin } });
    return [answer.status, answer.headers.get('access-control-allow-origin'), answer.text];
  };

  test('headers go with what a policy allows and with what it refuses, and the policy is the newest one', async () => {
    const Bucket = await bucket();
    const CORSRules = [{ AllowedMethods: ['GET'], AllowedOrigins: [Origin] }];
    await as('main').send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
    await put('main', Bucket, 'k');
    const refused = [403, Origin, expect.stringContaining('<Code>AccessDenied</Code>')];
    expect(await ask(Bucket, 'k')).toEqual(refused);
    await allow(Bucket, { Action: 's3:GetObject' });
    expect(await ask(Bucket, 'k')).toEqual([200, Origin, 'k']);
    expect(await ask(Bucket, 'none')).toEqual(refused);
    await allow(Bucket, { Effect: 'Deny', Action: 's3:GetObject' });
    expect(await ask(Bucket, 'k')).toEqual(refused);
  });

  test('a public ACL opens an object to another origin, and a bucket’s tags may close it', async () => {
    const Bucket = await bucket();
    const CORSRules = [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'] }];
    await as('main').send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
    await put('main', Bucket, 'k', { ACL: 'public-read' });
    expect(await ask(Bucket, 'k')).toEqual([200, '*', 'k']);
    const Condition = { StringEquals: { 'aws:ResourceTag/closed': 'yes' } };
    await allow(Bucket, { Effect: 'Deny', Action: 's3:GetObject', Condition });
    expect(await ask(Bucket, 'k')).toEqual([200, '*', 'k']);
    await tagBucket('main', Bucket, { closed: 'yes' });
    expect(await ask(Bucket, 'k')).toEqual([403, '*', expect.stringContaining('<Code>AccessDenied<')]);
  });
});
