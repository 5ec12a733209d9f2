import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UNBUILT } from '../../src/http/unbuilt.js';
import { OPERATIONS } from '../../src/s3/registry.js';
import { formBody, postForm, signedFields } from '../support/form.js';
import { startServer, type TestServer } from '../support/server.js';
import { type Keys, signedRequest } from '../support/signed-request.js';

const keys = {
  root: { accessKeyId: 'AKIAROOTROOTROOTROOT', secretAccessKey: 'root-secret-0123456789' },
  nobody: { accessKeyId: 'AKIANOBODYNOBODYNOBO', secretAccessKey: 'nobody-secret-0123456789' },
  stranger: { accessKeyId: 'AKIASTRANGERSTRANGER', secretAccessKey: 'stranger-secret-012345' },
};
let server: TestServer;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-refusals-'));
  const file = join(dir, 'accounts.json');
  const accounts = [
    { accountId: '111111111111', accessKeys: [keys.root], users: [{ userName: 'nobody', accessKeys: [keys.nobody] }] },
    { accountId: '222222222222', accessKeys: [keys.stranger] },
  ];
  await writeFile(file, JSON.stringify({ accounts }));
  server = await startServer({
    env: { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '', COFFER_ACCOUNTS_FILE: file },
  });
  const s3 = new S3Client({ endpoint: server.url, region: 'us-east-1', forcePathStyle: true, credentials: keys.root });
  await s3.send(new CreateBucketCommand({ Bucket: 'refusals' }));
  await s3.send(new PutObjectCommand({ Bucket: 'refusals', Key: 'key', Body: 'body' }));
});
afterAll(async () => {
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

const send = (
  method: string,
  path: string,
  query: string,
  headers: Record<string, string>,
  body: string,
  key?: Keys,
  spoil = false,
) => signedRequest(server.port, { method, path, query, headers, body, key, spoil });

/** A form is signed by its fields. */
function sendForm(path: string, key: Keys | undefined, spoil: boolean) {
  const fields = { key: 'key' };
  const signed: Record<string, string> = key ? signedFields(key, path.slice(1), fields) : fields;
  const sent = spoil ? { ...signed, 'x-amz-signature': '0'.repeat(64) } : signed;
  return postForm(server.url + path, formBody(sent, { content: 'body', filename: 'f' }));
}

const VALUES: Record<string, string> = { uploadId: 'x', partNumber: '1' };
const ACL =
  '<AccessControlPolicy><Owner><ID>x</ID></Owner><AccessControlList></AccessControlList></AccessControlPolicy>';
const BODIES: Record<string, string> = {
  PutBucketVersioning: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  PutBucketEncryption:
    '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>',
  PutBucketAcl: ACL,
  PutObjectAcl: ACL,
  PutBucketLogging: '<BucketLoggingStatus/>',
  PutBucketNotificationConfiguration: '<NotificationConfiguration/>',
  PutBucketPolicy: '{"Version":"2012-10-17","Statement":[]}',
  PutPublicAccessBlock:
    '<PublicAccessBlockConfiguration><BlockPublicAcls>false</BlockPublicAcls></PublicAccessBlockConfiguration>',
  PutBucketOwnershipControls:
    '<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>',
  PutBucketTagging: '<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>',
  PutObjectTagging: '<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>',
  PutBucketCors:
    '<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>',
  PutBucketLifecycleConfiguration:
    '<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>',
  PutBucketReplication:
    '<ReplicationConfiguration><Role>arn:aws:iam::111111111111:role/r</Role><Rule><Prefix/><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::none</Bucket></Destination></Rule></ReplicationConfiguration>',
  PutBucketRequestPayment: '<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>',
  PutBucketAccelerateConfiguration: '<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>',
  PutObjectLockConfiguration:
    '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>',
  PutObjectRetention: '<Retention/>',
  PutObjectLegalHold: '<LegalHold><Status>ON</Status></LegalHold>',
  RestoreObject: '<RestoreRequest><Days>1</Days></RestoreRequest>',
  UpdateObjectEncryption:
    '<ObjectEncryption><SSE-KMS><KMSKeyArn>arn:aws:kms:us-east-1:111111111111:key/none</KMSKeyArn></SSE-KMS></ObjectEncryption>',
  DeleteObjects: '<Delete><Object><Key>key</Key></Object></Delete>',
  CompleteMultipartUpload:
    '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>e</ETag></Part></CompleteMultipartUpload>',
};

describe.each(OPERATIONS.map((one) => [one.name, one] as const))('%s', (name, { route }) => {
  const path = { service: '/', bucket: '/refusals', object: '/refusals/key' }[route.on];
  const query = (route.query ?? [])
    .map((one) => (one.includes('=') || VALUES[one] === undefined ? one : `${one}=${VALUES[one]}`))
    .join('&');
  const headers: Record<string, string> = route.header ? { [route.header]: '/refusals/key' } : {};
  if (name === 'RenameObject') headers['x-amz-rename-source'] = 'key2';
  if (name === 'GetObjectAttributes') headers['x-amz-object-attributes'] = 'ETag';
  const body = BODIES[name] ?? '';
  if (body !== '') headers['content-md5'] = createHash('md5').update(body).digest('base64');
  const attempt = (key?: (typeof keys)['root'], spoil = false) =>
    name === 'PostObject' ? sendForm(path, key, spoil) : send(route.method, path, query, headers, body, key, spoil);

  test('is refused anonymous', async () => {
    expect((await attempt()).status).toBe(403);
  });

  test('is refused badly signed', async () => {
    const answer = await attempt(keys.root, true);
    expect(answer.status).toBe(403);
    if (route.method !== 'HEAD') expect(answer.text).toContain('SignatureDoesNotMatch');
  });

  test('is refused to a user without rights', async () => {
    const answer = await attempt(keys.nobody);
    // DeleteObjects tells it key by key.
    if (name === 'DeleteObjects') expect(answer.text).toContain('<Code>AccessDenied</Code>');
    else expect(answer.status).toBe(403);
  });

  test('is refused to another account', async () => {
    const answer = await attempt(keys.stranger);
    if (name === 'ListBuckets') expect(answer.text).not.toContain('refusals');
    else if (name === 'CreateBucket') expect(answer.status).toBe(409);
    else expect(answer.status).toBe(403);
  });
});

test('what isn’t built is refused by its name, and is never another operation’s answer', async () => {
  expect(UNBUILT.length).toBeGreaterThan(15);
  for (const { name, method, on, by } of UNBUILT) {
    const [there, gone] = on === 'bucket' ? ['/refusals', '/no-such'] : ['/refusals/key', '/no-such/key'];
    const answer = await send(method, there, by, {}, '', keys.root);
    expect([answer.status, answer.text]).toEqual([501, expect.stringContaining(`<Code>NotImplemented</Code>`)]);
    expect(answer.text).toContain(`not implemented: ${name}</Message>`);
    // That there is no such bucket comes first.
    const nowhere = await send(method, gone, by, {}, '', keys.root);
    expect([nowhere.status, nowhere.text]).toEqual([404, expect.stringContaining('<Code>NoSuchBucket</Code>')]);
  }
  expect(await send('GET', '/refusals/key', '', {}, '', keys.root)).toMatchObject({ status: 200, text: 'body' });
});
