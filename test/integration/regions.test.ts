import {
  AlreadyExistsException,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  KMSClient,
  ListAliasesCommand,
  ListKeysCommand,
  NotFoundException,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  UpdatePrimaryRegionCommand,
} from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { credentials, failedStart, startServer, type TestServer } from '../support/server.js';
import { signedRequest } from '../support/signed-request.js';

const EU = 'eu-west-1';
const Plaintext = Buffer.from('a secret');
let server: TestServer;
let here: KMSClient;
let eu: KMSClient;
const kmsOf = (region: string) => new KMSClient({ endpoint: server.url, region, credentials, maxAttempts: 1 });
beforeAll(async () => {
  server = await startServer({ env: { COFFER_REGIONS: `us-east-1, ${EU}` } });
  here = server.kms();
  eu = kmsOf(EU);
});
afterAll(() => server.close());

test('the credential scope names the region of a request; one that isn’t served is refused', async () => {
  const { KeyMetadata } = await eu.send(new CreateKeyCommand({}));
  expect(KeyMetadata!.Arn).toContain(`:${EU}:`);
  await expect(here.send(new DescribeKeyCommand({ KeyId: KeyMetadata!.KeyId! }))).rejects.toThrow(NotFoundException);
  await eu.send(new CreateAliasCommand({ AliasName: 'alias/eu', TargetKeyId: KeyMetadata!.KeyId! }));
  expect((await here.send(new ListAliasesCommand({}))).Aliases!.map((one) => one.AliasName)).not.toContain('alias/eu');
  await expect(kmsOf('eu-north-1').send(new ListKeysCommand({}))).rejects.toThrow(/eu-north-1/);
  // Buckets lie in COFFER_REGION, as before.
  await expect(server.s3({ region: EU }).send(new CreateBucketCommand({ Bucket: 'elsewhere' }))).rejects.toThrow();
  const body = 'Action=GetCallerIdentity&Version=2011-06-15';
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const asked = { method: 'POST', path: '/', body, headers, key: credentials, service: 'sts', region: EU };
  expect((await signedRequest(server.port, asked)).status).toBe(200);
});

test('a multi-Region key opens in one region what it sealed in another, objects of S3 too', async () => {
  const { KeyMetadata } = await here.send(new CreateKeyCommand({ MultiRegion: true }));
  const KeyId = KeyMetadata!.KeyId!;
  expect(KeyId).toMatch(/^mrk-[0-9a-f]{32}$/);
  const replicate = () => here.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: EU }));
  const { ReplicaKeyMetadata } = await replicate();
  expect(ReplicaKeyMetadata).toMatchObject({ KeyId, MultiRegion: true, KeyState: 'Creating' });
  await expect(replicate()).rejects.toThrow(AlreadyExistsException);
  const { CiphertextBlob } = await here.send(new EncryptCommand({ KeyId, Plaintext }));
  const opened = await eu.send(new DecryptCommand({ CiphertextBlob: CiphertextBlob! }));
  expect([Buffer.from(opened.Plaintext!), opened.KeyId]).toEqual([Plaintext, ReplicaKeyMetadata!.Arn]);

  const s3 = server.s3();
  const object = { Bucket: 'regions', Key: 'a' };
  await s3.send(new CreateBucketCommand({ Bucket: object.Bucket }));
  const sealed = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyId } as const;
  const put = await s3.send(new PutObjectCommand({ ...object, Body: Plaintext, ...sealed }));
  expect(put.SSEKMSKeyId).toBe(KeyMetadata!.Arn);
  expect(await (await s3.send(new GetObjectCommand(object))).Body!.transformToString()).toBe('a secret');
  const elsewhere = { ...sealed, SSEKMSKeyId: ReplicaKeyMetadata!.Arn! };
  await expect(s3.send(new PutObjectCommand({ ...object, Body: Plaintext, ...elsewhere }))).rejects.toThrow();

  await here.send(new UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion: EU }));
  const described = await here.send(new DescribeKeyCommand({ KeyId }));
  expect(described.KeyMetadata!.MultiRegionConfiguration).toMatchObject({
    MultiRegionKeyType: 'REPLICA',
    PrimaryKey: { Region: EU },
    ReplicaKeys: [{ Region: 'us-east-1' }],
  });
  expect(await (await s3.send(new GetObjectCommand(object))).Body!.transformToString()).toBe('a secret');
  const scheduled = await eu.send(new ScheduleKeyDeletionCommand({ KeyId }));
  expect([scheduled.KeyState, scheduled.DeletionDate]).toEqual(['PendingReplicaDeletion', undefined]);
});

test('regions of other partitions, and with a remote KMS, are refused at the start', async () => {
  const bad: Record<string, string>[] = [
    { COFFER_REGIONS: 'us-east-1,cn-north-1' },
    { COFFER_REGIONS: 'Europe' },
    { COFFER_REGIONS: EU, COFFER_KMS_ENDPOINT: 'http://127.0.0.1:1' },
  ];
  for (const env of bad) {
    const { code, output } = await failedStart(server.dir, env);
    expect(code).toBe(1);
    expect(output).toContain('COFFER_REGIONS');
  }
});
