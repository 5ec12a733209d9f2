import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DescribeClustersCommand } from '@aws-sdk/client-cloudhsm-v2';
import { CreateCustomKeyStoreCommand, CreateKeyCommand, EncryptCommand } from '@aws-sdk/client-kms';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { hsmClient } from '../support/cloudhsm.js';
import { startServer } from '../support/server.js';

/** An installation as npm leaves it where pkcs11js could not be built. */
async function withoutPkcs11js(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-bare-'));
  await cp('dist', join(dir, 'dist'), { recursive: true });
  await cp('package.json', join(dir, 'package.json'));
  await mkdir(join(dir, 'node_modules'));
  for (const name of await readdir('node_modules')) {
    if (name === 'pkcs11js') continue;
    await symlink(resolve('node_modules', name), join(dir, 'node_modules', name));
  }
  return dir;
}

test('without pkcs11js a server starts and serves; what needs it says so, and nothing else fails', async () => {
  const bare = await withoutPkcs11js();
  const file = join(bare, 'hsm.json');
  // It is never loaded.
  await writeFile(file, JSON.stringify({ library: process.execPath, tokens: join(bare, 'tokens') }));
  const server = await startServer({ main: join(bare, 'dist/main.js'), env: { COFFER_HSM_FILE: file } });
  const refused = await hsmClient(server)
    .send(new DescribeClustersCommand({}))
    .catch((error: Error) => error);
  expect(refused).toMatchObject({ name: 'CloudHsmServiceException' });
  expect((refused as Error).message).toContain('pkcs11js');
  const kms = server.kms();
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  await kms.send(new EncryptCommand({ KeyId: KeyMetadata!.KeyId!, Plaintext: Buffer.from('text') }));
  const store = new CreateCustomKeyStoreCommand({
    ...{ CustomKeyStoreName: 'hsm', CloudHsmClusterId: 'cluster-abcdefghijk' },
    ...{ TrustAnchorCertificate: 'certificate', KeyStorePassword: 'password' },
  });
  expect(await kms.send(store).catch((error: Error) => error)).toMatchObject({
    name: 'CloudHsmClusterNotFoundException',
  });
  await server.s3().send(new CreateBucketCommand({ Bucket: 'bare' }));
  await server.close();
  await rm(bare, { recursive: true });
});
