import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { mkdtemp, open, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeCustomKeyStoresCommand,
  DescribeKeyCommand,
  DisconnectCustomKeyStoreCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { onceIn } from '../../src/cloudhsm/member/process.js';
import { hsmClient, hsmFile, lacking, makeCluster, SOFTHSM, USER_PASSWORD, waitFor } from '../support/cloudhsm.js';
import { startServer } from '../support/server.js';

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: Error) => error.name,
  );

describe.skipIf(lacking)(
  `key stores of clusters${lacking ? ` (left out: ${lacking})` : ''}`,
  { timeout: 300_000 },
  () => {
    test('hold keys that are used while the cluster is connected, after a restart too, and objects under them', async () => {
      const dir = await mkdtemp(join(tmpdir(), 'coffer-hsm-'));
      const env = { COFFER_HSM_FILE: await hsmFile(dir) };
      let server = await startServer({ env });
      const { clusterId, trustAnchor } = await makeCluster(server, 2);
      let kms = server.kms();
      const { CustomKeyStoreId } = await kms.send(
        new CreateCustomKeyStoreCommand({
          ...{ CustomKeyStoreName: 'store', CloudHsmClusterId: clusterId },
          ...{ TrustAnchorCertificate: trustAnchor, KeyStorePassword: USER_PASSWORD },
        }),
      );
      await kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
      const connected = async () => {
        for (;;) {
          const { CustomKeyStores } = await kms.send(new DescribeCustomKeyStoresCommand({ CustomKeyStoreId }));
          const { ConnectionState, ConnectionErrorCode } = CustomKeyStores![0]!;
          expect(ConnectionErrorCode).toBeUndefined();
          if (ConnectionState === 'CONNECTED') return;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      };
      await connected();
      const { KeyMetadata } = await kms.send(new CreateKeyCommand({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' }));
      expect(KeyMetadata).toMatchObject({ Origin: 'AWS_CLOUDHSM', CloudHsmClusterId: clusterId, CustomKeyStoreId });
      const KeyId = KeyMetadata!.KeyId!;
      const EncryptionContext = { marker: 'what-lies-in-the-memory-of-the-server' };
      const { CiphertextBlob } = await kms.send(
        new EncryptCommand({ KeyId, Plaintext: Buffer.from('text'), EncryptionContext }),
      );
      const decrypt = (context = EncryptionContext) =>
        kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: context }));
      expect(Buffer.from((await decrypt()).Plaintext!).toString()).toBe('text');
      expect(await code(decrypt({ marker: 'c' }))).toBe('InvalidCiphertextException');
      await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
      await kms.send(new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'ECC_NIST_P256' }));
      const own = (await kms.send(new CreateKeyCommand({}))).KeyMetadata!.KeyId!;
      await kms.send(
        new ReEncryptCommand({ CiphertextBlob, SourceEncryptionContext: EncryptionContext, DestinationKeyId: own }),
      );
      expect(await code(kms.send(new EnableKeyRotationCommand({ KeyId })))).toBe('UnsupportedOperationException');

      let s3 = server.s3();
      const Bucket = 'held-by-tokens';
      await s3.send(new CreateBucketCommand({ Bucket }));
      const put = { Bucket, Key: 'k', Body: 'body', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyId } as const;
      await s3.send(new PutObjectCommand(put));

      // A restart connects again by itself, as the record says.
      await server.end('SIGTERM');
      server = await startServer({ env, dir: server.dir });
      [kms, s3] = [server.kms(), server.s3()];
      const get = async () => (await s3.send(new GetObjectCommand({ Bucket, Key: 'k' }))).Body!.transformToString();
      expect(await get()).toBe('body');
      await kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
      expect(await code(decrypt())).toBe('KMSInvalidStateException');
      expect(await code(get())).toBe('KMS.KMSInvalidStateException');
      expect((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata!.KeyState).toBe('Unavailable');
      await kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
      await connected();
      expect(await get()).toBe('body');

      // The material itself, as the crypto user gets it: wrapped for a key of his own.
      const { Hsms } = await waitFor(hsmClient(server), clusterId, () => true);
      const label = Hsms![0]!.HsmId!;
      const confFile = join(dir, 'tokens', label, 'softhsm2.conf');
      const own2 = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const publicKey = own2.publicKey.export({ type: 'spki', format: 'der' });
      const material = await onceIn({ library: SOFTHSM, label, confFile }, 30_000, async (member) => {
        await member.ask('login', { userPin: USER_PASSWORD });
        const [reference] = await member.ask('list', {});
        const { wrapped } = await member.ask('wrapKey', { reference: reference!, publicKey });
        const padding = constants.RSA_PKCS1_OAEP_PADDING;
        return privateDecrypt({ key: own2.privateKey, padding, oaepHash: 'sha1' }, wrapped);
      });
      expect(material).toHaveLength(32);
      expect(await get()).toBe('body');
      const files = await readdir(server.dir, { recursive: true, withFileTypes: true });
      for (const file of files.filter((one) => one.isFile())) {
        const bytes = await readFile(join(file.parentPath, file.name));
        for (const secret of [USER_PASSWORD, material, material.toString('hex'), material.toString('base64')]) {
          expect(bytes.includes(secret), file.name).toBe(false);
        }
      }
      const searched = await memoryOf(server.pid, [material, Buffer.from(EncryptionContext.marker)]);
      // What surely lies there is found: the search works.
      expect(searched).toEqual([false, true]);
      await server.close();
    });
  },
);

/** Whether each lies in the memory of a process. */
async function memoryOf(pid: number, wanted: readonly Buffer[]): Promise<boolean[]> {
  const found = wanted.map(() => false);
  const maps = (await readFile(`/proc/${pid}/maps`, 'latin1')).split('\n').filter((line) => / rw/.test(line));
  const memory = await open(`/proc/${pid}/mem`, 'r');
  for (const line of maps) {
    const [start, end] = line
      .split(' ')[0]!
      .split('-')
      .map((one) => Number.parseInt(one, 16)) as [number, number];
    if (end - start > 2 ** 30) continue;
    const bytes = Buffer.alloc(end - start);
    const { bytesRead } = await memory.read(bytes, 0, bytes.length, start).catch(() => ({ bytesRead: 0 }));
    for (const [i, one] of wanted.entries()) found[i] ||= bytes.subarray(0, bytesRead).includes(one);
  }
  await memory.close();
  return found;
}
