import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY, startServer, type TestServer } from '../support/server.js';

let keys: TestServer;
let gateway: TestServer;

beforeAll(async () => {
  keys = await startServer();
  const env = {
    COFFER_KMS_ENDPOINT: keys.url,
    AWS_ACCESS_KEY_ID: ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY,
  };
  gateway = await startServer({ env });
});
afterAll(async () => {
  await gateway?.close();
  await keys?.close();
});

test('a gateway encrypts with the keys of a second Coffer, which decides', async () => {
  const s3 = gateway.s3();
  const Bucket = 'remote';
  await s3.send(new CreateBucketCommand({ Bucket }));
  const { KeyMetadata } = await keys.kms().send(new CreateKeyCommand({}));
  const modes = [
    { ServerSideEncryption: 'aws:kms' as const },
    { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: KeyMetadata!.Arn!, BucketKeyEnabled: true },
    { ServerSideEncryption: 'aws:kms:dsse' as const, SSEKMSKeyId: KeyMetadata!.Arn! },
  ];
  for (const [i, mode] of modes.entries()) {
    const put = await s3.send(new PutObjectCommand({ Bucket, Key: `k${i}`, Body: `body ${i}`, ...mode }));
    expect(put.SSEKMSKeyId).toMatch(/^arn:aws:kms:us-east-1:000000000000:key\//);
    const answer = await s3.send(new GetObjectCommand({ Bucket, Key: `k${i}` }));
    expect(await answer.Body!.transformToString()).toBe(`body ${i}`);
  }
  await keys.kms().send(new DisableKeyCommand({ KeyId: KeyMetadata!.KeyId! }));
  expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k2' })))).toMatchObject({
    status: 400,
    code: 'KMS.DisabledException',
  });
  await keys.kms().send(new EnableKeyCommand({ KeyId: KeyMetadata!.KeyId! }));
  expect(await refusal(gateway.kms().send(new CreateKeyCommand({})))).toMatchObject({
    code: 'UnsupportedOperationException',
  });
  await keys.end('SIGKILL');
  expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k2' })))).toMatchObject({ status: 503 });
});
