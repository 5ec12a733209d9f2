import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteCustomKeyStoreCommand,
  DescribeCustomKeyStoresCommand,
  DescribeKeyCommand,
  DisconnectCustomKeyStoreCommand,
  EncryptCommand,
  type KMSClient,
  KMSInvalidStateException,
  ScheduleKeyDeletionCommand,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { coffer } from '../support/cli.js';
import { refusal } from '../support/s3-error.js';
import { startServer, type TestServer } from '../support/server.js';
import { TestXksProxy, XKS_CA_FILE, xksCredential } from '../support/xks-proxy.js';

const Bucket = 'held-keys';
const env = { COFFER_XKS_CA_FILE: XKS_CA_FILE, COFFER_XKS_TIMEOUT_MS: '60000', COFFER_XKS_HOSTS: 'localhost' };
const credential = xksCredential();

let proxy: TestXksProxy;
let server: TestServer;
let kms: KMSClient;
let s3: S3Client;
let CustomKeyStoreId: string;
let KeyId: string;

const stateIs = (state: string) =>
  vi.waitFor(async () => {
    const { CustomKeyStores } = await kms.send(new DescribeCustomKeyStoresCommand({ CustomKeyStoreId }));
    expect(CustomKeyStores![0]!.ConnectionState).toBe(state);
  }, 60_000);

const start = async (dir?: string) => {
  server = await startServer({ env, ...(dir !== undefined && { dir }) });
  kms = server.kms();
  s3 = server.s3();
};

beforeAll(async () => {
  proxy = await TestXksProxy.start(credential);
  proxy.addKey('one');
  await start();
  await s3.send(new CreateBucketCommand({ Bucket }));
  ({ CustomKeyStoreId } = (await kms.send(new CreateCustomKeyStoreCommand(proxy.settings(credential)))) as {
    CustomKeyStoreId: string;
  });
  await kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
  await stateIs('CONNECTED');
  const made = await kms.send(
    new CreateKeyCommand({ Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId: 'one' }),
  );
  KeyId = made.KeyMetadata!.Arn!;
});
afterAll(async () => {
  await server?.close();
  await proxy?.close();
});

const MODES: Record<string, () => object> = {
  kms: () => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyId }),
  bucketKey: () => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyId, BucketKeyEnabled: true }),
  dsse: () => ({ ServerSideEncryption: 'aws:kms:dsse', SSEKMSKeyId: KeyId }),
};
const read = async (Key: string): Promise<string> =>
  (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString();
const refused = { status: 400, code: 'KMS.KMSInvalidStateException' };

test('objects under an external key are there as long as its proxy is', async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: 'own', Body: 'own', ServerSideEncryption: 'aws:kms' }));
  for (const [mode, write] of Object.entries(MODES)) {
    await s3.send(new PutObjectCommand({ Bucket, Key: mode, Body: `body ${mode}`, ...write() }));
    const upload = { Bucket, Key: `${mode}/parts` };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...upload, ...write() }));
    const { ETag } = await s3.send(
      new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: `parts ${mode}` }),
    );
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await s3.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload }));
    await s3.send(new CopyObjectCommand({ Bucket, Key: `${mode}/copy`, CopySource: `${Bucket}/own`, ...write() }));
  }
  const readable = async () => {
    for (const mode of Object.keys(MODES)) {
      expect(await read(mode)).toBe(`body ${mode}`);
      expect(await read(`${mode}/parts`)).toBe(`parts ${mode}`);
      expect(await read(`${mode}/copy`)).toBe('own');
    }
  };
  const unreadable = async () => {
    for (const [mode, write] of Object.entries(MODES)) {
      for (const Key of [mode, `${mode}/parts`, `${mode}/copy`])
        expect(await refusal(read(Key))).toMatchObject(refused);
      const put = s3.send(new PutObjectCommand({ Bucket, Key: 'new', Body: 'x', ...write() }));
      expect(await refusal(put)).toMatchObject(refused);
    }
    expect(await read('own')).toBe('own');
    await s3.send(new PutObjectCommand({ Bucket, Key: 'own too', Body: 'x', ServerSideEncryption: 'aws:kms' }));
  };
  await readable();
  const { port } = proxy;
  await proxy.close();
  await unreadable();
  await proxy.listen(port);
  await readable();
  await kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
  expect((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata).toMatchObject({ KeyState: 'Unavailable' });
  await unreadable();
  await kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
  await stateIs('CONNECTED');
  await readable();
  expect(server.output()).not.toContain(credential.RawSecretAccessKey);
});

test('a killed server comes back connected, under another root key too; its data hold neither the proxy’s secret nor anything that opens alone', async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: 'kept', ...MODES.kms!() }));
  await server.end('SIGKILL');
  const secrets = [credential.RawSecretAccessKey, proxy.keys.get('one')!.material];
  for (const entry of await readdir(server.dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    for (const secret of secrets) expect(bytes.includes(secret)).toBe(false);
  }
  const rotated = await coffer(server.dir, ['root-key', 'rotate', '--yes'], env);
  expect(rotated, rotated.stderr).toMatchObject({ status: 0 });
  await start(server.dir);
  expect(await read('kept')).toBe('kept');
  const asked = proxy.seen.at(-1)!.body.requestMetadata;
  expect(asked).toMatchObject({
    kmsOperation: 'Decrypt',
    kmsKeyArn: KeyId,
    kmsViaService: 's3.us-east-1.amazonaws.com',
  });
  expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'kept' }))).SSEKMSKeyId).toBe(KeyId);
});

test('the SDK’s errors are AWS’s; a key store that holds a key isn’t deleted', async () => {
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }));
  proxy.addKey('one', { ...proxy.keys.get('one')!, keyStatus: 'DISABLED' });
  await expect(kms.send(new DecryptCommand({ CiphertextBlob }))).rejects.toBeInstanceOf(KMSInvalidStateException);
  proxy.addKey('one', { ...proxy.keys.get('one')!, keyStatus: 'ENABLED' });
  const renamed = { CustomKeyStoreId, NewCustomKeyStoreName: 'renamed' };
  await kms.send(new UpdateCustomKeyStoreCommand(renamed));
  await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 30 }));
  await kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
  const remove = () => kms.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId }));
  await expect(remove()).rejects.toMatchObject({ name: 'CustomKeyStoreHasCMKsException' });
});
