import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateKeyCommand, DisableKeyCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import {
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  type Destination,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AccountsServer, startWithAccounts } from '../support/accounts.js';
import { coffer } from '../support/cli.js';
import { isCluster } from '../support/cluster.js';
import { customerKey } from '../support/customer-key.js';
import { replicate, rule, settled, TRUSTS_S3, versionedBucket } from '../support/replication.js';
import { refusal } from '../support/s3-error.js';

const ACCOUNT = '111111111111';
const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
const allow = (Action: string[], Resource: string | string[] = '*') => ({ Effect: 'Allow', Action, Resource });
/** What AWS's documentation gives such a role. */
const READ = allow(['s3:GetObjectVersionForReplication', 's3:GetObjectVersionTagging', 's3:GetObjectVersionAcl']);
const WRITE = allow(['s3:ReplicateObject', 's3:ReplicateDelete', 's3:ReplicateTags']);
const policy = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });

let server: AccountsServer;
let rejecting: AccountsServer;
const accounts = [
  {
    accountId: ACCOUNT,
    name: 'main',
    roles: [
      {
        roleName: 'full',
        assumeRolePolicyDocument: TRUSTS_S3,
        policies: [policy(READ, WRITE, allow(['kms:Decrypt', 'kms:Encrypt']))],
      },
      { roleName: 'nokms', assumeRolePolicyDocument: TRUSTS_S3, policies: [policy(READ, WRITE)] },
      {
        roleName: 'decrypts',
        assumeRolePolicyDocument: TRUSTS_S3,
        policies: [policy(READ, WRITE, allow(['kms:Decrypt']))],
      },
    ],
  },
];

beforeAll(async () => {
  server = await startWithAccounts(accounts);
  rejecting = await startWithAccounts(accounts, { COFFER_SSE_C_ON_REPLICATED_BUCKET: 'reject' });
});
afterAll(async () => {
  await server?.close();
  await rejecting?.close();
});

const s3 = () => server.as('main');
const createKey = async () => (await server.kmsAs('main').send(new CreateKeyCommand({}))).KeyMetadata!.Arn!;
const kmsRule = (to: string, ReplicaKmsKeyID: string, status: 'Enabled' | 'Disabled' = 'Enabled') =>
  rule(to, {
    SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: status } },
    Destination: { Bucket: `arn:aws:s3:::${to}`, EncryptionConfiguration: { ReplicaKmsKeyID } },
  });
const head = async (Bucket: string, Key: string, more = {}) =>
  s3().send(new HeadObjectCommand({ Bucket, Key, ...more }));
const failures = async (bucket: string): Promise<{ reason: string; detail: string }[]> => {
  const env = {
    COFFER_ACCESS_KEY_ID: 'AKIAMAINXXXXXXXXXXXX',
    COFFER_SECRET_ACCESS_KEY: 'secret-of-main-0123456789',
  };
  const { stdout } = await coffer(server.dir, ['replication', 'failed', bucket, '--json', '--url', server.url], env);
  const lines = stdout
    .trim()
    .split('\n')
    .map((one) => JSON.parse(one));
  return lines.filter(({ reason }) => reason);
};

describe('SSE-KMS', () => {
  let from: string;
  let to: string;

  beforeAll(async () => {
    [from, to] = [await createKey(), await createKey()];
    for (const name of ['kms-source', 'kms-target']) await versionedBucket(s3(), name);
  });
  const putUnderKms = (Bucket: string, Key: string, more = {}) =>
    s3().send(
      new PutObjectCommand({
        Bucket,
        Key,
        Body: 'secret',
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: from,
        ...more,
      }),
    );

  test('is replicated where the rule says so: decrypted, and encrypted again under ReplicaKmsKeyID', async () => {
    await replicate(s3(), 'kms-source', [kmsRule('kms-target', to)], role('full'));
    const context = Buffer.from('{"team":"blue"}').toString('base64');
    await putUnderKms('kms-source', 'k', { SSEKMSEncryptionContext: context, ChecksumAlgorithm: 'SHA256' });
    await settled(s3(), { Bucket: 'kms-source', Key: 'k' });
    const copy = await s3().send(new GetObjectCommand({ Bucket: 'kms-target', Key: 'k', ChecksumMode: 'ENABLED' }));
    expect([copy.ServerSideEncryption, copy.SSEKMSKeyId]).toEqual(['aws:kms', to]);
    expect(copy.ChecksumSHA256).toBeDefined();
    expect(await copy.Body!.transformToString()).toBe('secret');
    // SSE-S3 stays what it is.
    await s3().send(new PutObjectCommand({ Bucket: 'kms-source', Key: 'plain', Body: 'x' }));
    await settled(s3(), { Bucket: 'kms-source', Key: 'plain' });
    expect((await head('kms-target', 'plain')).ServerSideEncryption).toBe('AES256');
    await s3().send(
      new PutObjectCommand({
        ...{ Bucket: 'kms-source', Key: 'dsse', Body: 'x' },
        ...{ ServerSideEncryption: 'aws:kms:dsse', SSEKMSKeyId: from },
      }),
    );
    await settled(s3(), { Bucket: 'kms-source', Key: 'dsse' }, 'FAILED');
    expect((await failures('kms-source')).map((one) => one.detail)[0]).toContain('kms:GenerateDataKey');
  });

  test('is under the same key again where the rule says UseSourceMultiRegionKey, which only a multi-Region key is', async () => {
    const { KeyMetadata } = await server.kmsAs('main').send(new CreateKeyCommand({ MultiRegion: true }));
    const related = (more: object) => ({
      EncryptionConfiguration: { UseSourceMultiRegionKey: { Status: 'Enabled' }, ...more },
    });
    const asked = (more: object = {}) =>
      rule('kms-target', {
        SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: 'Enabled' } },
        Destination: { Bucket: 'arn:aws:s3:::kms-target', ...related(more) } as Destination,
      });
    await expect(replicate(s3(), 'kms-source', [asked({ ReplicaKmsKeyID: to })], role('full'))).rejects.toThrow(
      /UseSource/,
    );
    await replicate(s3(), 'kms-source', [asked()], role('full'));
    const put = await putUnderKms('kms-source', 'related', { SSEKMSKeyId: KeyMetadata!.Arn });
    expect(put.SSEKMSKeyId).toBe(KeyMetadata!.Arn);
    await settled(s3(), { Bucket: 'kms-source', Key: 'related' });
    expect((await head('kms-target', 'related')).SSEKMSKeyId).toBe(KeyMetadata!.Arn);
    await putUnderKms('kms-source', 'unrelated');
    await settled(s3(), { Bucket: 'kms-source', Key: 'unrelated' }, 'FAILED');
    expect((await failures('kms-source')).map((one) => one.detail).join()).toContain('is no multi-Region key');
  });

  test('isn’t replicated, and has no status, where the rule doesn’t', async () => {
    await replicate(s3(), 'kms-source', [rule('kms-target')], role('full'));
    await putUnderKms('kms-source', 'not-wanted');
    expect((await head('kms-source', 'not-wanted')).ReplicationStatus).toBeUndefined();
  });

  test.each([
    ['nokms', 'SrcGetObjectNotPermitted', 'kms:Decrypt'],
    ['decrypts', 'DstPutObjectNotPermitted', 'kms:Encrypt'],
  ])('a role without the right to a key (%s) fails: %s', async (name, reason, action) => {
    await replicate(s3(), 'kms-source', [kmsRule('kms-target', to)], role(name));
    await putUnderKms('kms-source', `by-${name}`);
    await settled(s3(), { Bucket: 'kms-source', Key: `by-${name}` }, 'FAILED');
    const found = (await failures('kms-source')).filter((one) => one.detail.includes(action));
    expect(found.map((one) => one.reason)).toEqual([reason]);
    const left = await s3().send(new ListObjectVersionsCommand({ Bucket: 'kms-target', Prefix: `by-${name}` }));
    expect(left.Versions).toBeUndefined();
  });

  test('a key policy that shuts the role out counts, and a disabled key', async () => {
    await replicate(s3(), 'kms-source', [kmsRule('kms-target', to)], role('full'));
    const kms = server.kmsAs('main');
    const statement = {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
      Action: 'kms:*',
      Resource: '*',
    };
    const deny = { Effect: 'Deny', Principal: { AWS: role('full') }, Action: 'kms:Encrypt', Resource: '*' };
    const put = (...all: object[]) =>
      kms.send(new PutKeyPolicyCommand({ KeyId: to, PolicyName: 'default', Policy: JSON.stringify(policy(...all)) }));
    await put(statement, deny);
    await putUnderKms('kms-source', 'denied');
    await settled(s3(), { Bucket: 'kms-source', Key: 'denied' }, 'FAILED');
    await put(statement);
    await kms.send(new DisableKeyCommand({ KeyId: to }));
    await putUnderKms('kms-source', 'disabled');
    await settled(s3(), { Bucket: 'kms-source', Key: 'disabled' }, 'FAILED');
    expect((await failures('kms-source')).map((one) => one.reason)).toContain('DstKmsKeyInvalidState');
  });
});

describe('SSE-C', () => {
  const key = customerKey();

  test('is stored and readable, has failed from the first answer on, and is listed with its reason', async () => {
    for (const name of ['ssec-source', 'ssec-target']) await versionedBucket(s3(), name);
    await replicate(s3(), 'ssec-source', [rule('ssec-target', { Filter: { Prefix: 'r/' } })], role('full'));
    const put = (Key: string) => s3().send(new PutObjectCommand({ Bucket: 'ssec-source', Key, Body: 'mine', ...key }));
    const { VersionId } = await put('r/k');
    expect((await head('ssec-source', 'r/k', key)).ReplicationStatus).toBe('FAILED');
    const found = await s3().send(new GetObjectCommand({ Bucket: 'ssec-source', Key: 'r/k', ...key }));
    expect(found.ReplicationStatus).toBe('FAILED');
    expect(await found.Body!.transformToString()).toBe('mine');
    expect(await failures('ssec-source')).toMatchObject([
      { key: 'r/k', versionId: VersionId, reason: 'SseCustomerKeyNotReplicable' },
    ]);
    const metrics = await (await fetch(`${server.url}/-/metrics`)).text();
    expect(metrics).toContain('coffer_replication_failed_total{reason="SseCustomerKeyNotReplicable"} 1');
    // Where no rule applies there is nothing to fail.
    await put('elsewhere');
    expect((await head('ssec-source', 'elsewhere', key)).ReplicationStatus).toBeUndefined();
    expect((await s3().send(new ListObjectVersionsCommand({ Bucket: 'ssec-target' }))).Versions).toBeUndefined();
    // Nor does a command change it.
    const run = ['replication', 'run', 'ssec-source', '--url', server.url];
    const env = {
      COFFER_ACCESS_KEY_ID: 'AKIAMAINXXXXXXXXXXXX',
      COFFER_SECRET_ACCESS_KEY: 'secret-of-main-0123456789',
    };
    expect((await coffer(server.dir, run, env)).status).toBe(0);
    expect((await head('ssec-source', 'r/k', key)).ReplicationStatus).toBe('FAILED');
    await s3().send(new DeleteObjectCommand({ Bucket: 'ssec-source', Key: 'r/k', VersionId }));
    expect(await failures('ssec-source')).toEqual([]);
  });

  test('is turned down where COFFER_SSE_C_ON_REPLICATED_BUCKET says so', async () => {
    const s3 = rejecting.as('main');
    for (const name of ['ssec-source', 'ssec-target']) await versionedBucket(s3, name);
    await replicate(s3, 'ssec-source', [rule('ssec-target', { Filter: { Prefix: 'r/' } })], role('full'));
    const where = { Bucket: 'ssec-source', Key: 'r/k' };
    for (const command of [
      new PutObjectCommand({ ...where, Body: 'mine', ...key }),
      new CreateMultipartUploadCommand({ ...where, ...key }),
      new CopyObjectCommand({ ...where, CopySource: 'ssec-source/plain', ...key }),
    ]) {
      if (command instanceof CopyObjectCommand) {
        await s3.send(new PutObjectCommand({ Bucket: 'ssec-source', Key: 'plain', Body: 'x' }));
      }
      expect(await refusal(s3.send(command as PutObjectCommand))).toMatchObject({
        status: 400,
        code: 'InvalidRequest',
      });
    }
    await s3.send(new PutObjectCommand({ Bucket: 'ssec-source', Key: 'elsewhere', Body: 'mine', ...key }));
    await s3.send(new PutObjectCommand({ ...where, Body: 'x' }));
    await settled(s3, where);
  });
});

// What gateways share lies in a database, whose files aren't read here.
if (!isCluster) {
  test('no secret of these tests lies in a log or in clear on the disk', async () => {
    const key = customerKey();
    expect(server.output()).not.toContain(key.SSECustomerKey);
    let looked = 0;
    for (const name of await readdir(join(server.dir, 'data', 'meta'))) {
      const bytes = await readFile(join(server.dir, 'data', 'meta', name));
      expect(bytes.includes('"reason"')).toBe(false);
      expect(bytes.includes('arn:aws:s3:::kms-target')).toBe(false);
      looked++;
    }
    expect(looked).toBeGreaterThan(2);
  });
}
