import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
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
    { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: KeyMetadata!.Arn!, BucketKeyEnabled: true },
    { ServerSideEncryption: 'aws:kms:dsse' as const, SSEKMSKeyId: KeyMetadata!.Arn! },
  ];
  for (const [i, mode] of modes.entries()) {
    const put = await s3.send(new PutObjectCommand({ Bucket, Key: `k${i}`, Body: `body ${i}`, ...mode }));
    expect(put.SSEKMSKeyId).toMatch(/^arn:aws:kms:us-east-1:000000000000:key\//);
    const answer = await s3.send(new GetObjectCommand({ Bucket, Key: `k${i}` }));
    expect(await answer.Body!.transformToString()).toBe(`body ${i}`);
  }
  // Without a key's name it is AWS's own key, which serves through S3 itself alone: neither AWS nor Coffer lets a gateway use it.
  const unnamed = { Bucket, Key: 'unnamed', Body: 'x', ServerSideEncryption: 'aws:kms' as const };
  expect(await refusal(s3.send(new PutObjectCommand(unnamed)))).toMatchObject({ status: 403, code: 'AccessDenied' });
  const byDefault = { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID: KeyMetadata!.Arn! };
  await s3.send(
    new PutBucketEncryptionCommand({
      ...{ Bucket, ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: byDefault }] } },
    }),
  );
  const put = await s3.send(new PutObjectCommand({ Bucket, Key: 'default', Body: 'x' }));
  expect(put.SSEKMSKeyId).toBe(KeyMetadata!.Arn!);
  await keys.kms().send(new DisableKeyCommand({ KeyId: KeyMetadata!.KeyId! }));
  expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k1' })))).toMatchObject({
    status: 400,
    code: 'KMS.DisabledException',
  });
  await keys.kms().send(new EnableKeyCommand({ KeyId: KeyMetadata!.KeyId! }));
  expect(await refusal(gateway.kms().send(new CreateKeyCommand({})))).toMatchObject({
    code: 'UnsupportedOperationException',
  });
  await keys.end('SIGKILL');
  expect(await refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'k1' })))).toMatchObject({ status: 503 });
});
