import { constants, publicEncrypt, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateKeyCommand,
  DecryptCommand,
  DeleteImportedKeyMaterialCommand,
  EncryptCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lacking } from '../support/cloudhsm.js';
import { PIN, TokenFolder, uriOf } from '../support/root-token.js';
import { startServer } from '../support/server.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-token-kill-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const KILLS = 8;

async function importMaterial(kms: KMSClient, KeyId: string): Promise<void> {
  const { PublicKey, ImportToken } = await kms.send(
    new GetParametersForImportCommand({
      ...{ KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' },
    }),
  );
  const key = { key: Buffer.from(PublicKey!), format: 'der', type: 'spki', oaepHash: 'sha256' } as const;
  const EncryptedKeyMaterial = publicEncrypt({ ...key, padding: constants.RSA_PKCS1_OAEP_PADDING }, randomBytes(32));
  const ExpirationModel = 'KEY_MATERIAL_DOES_NOT_EXPIRE';
  await kms.send(new ImportKeyMaterialCommand({ KeyId, ImportToken, EncryptedKeyMaterial, ExpirationModel }));
}

test.skipIf(lacking)(
  `killed ${KILLS} times while it destroys, a store whose root key is in a token starts, and the token has one destruction key${lacking ? ` (left out: ${lacking})` : ''}`,
  async () => {
    const folder = await TokenFolder.make(join(dir, 'softhsm'));
    const pinFile = join(dir, 'pin');
    await writeFile(pinFile, PIN, { mode: 0o600 });
    const env = { ...folder.env, COFFER_ROOT_KEY_PKCS11: uriOf(), COFFER_ROOT_KEY_PKCS11_PIN_FILE: pinFile };
    let server = await startServer({ dir, env });
    const survivor = (await server.kms().send(new CreateKeyCommand({}))).KeyMetadata!.KeyId!;
    const Plaintext = Buffer.from('a secret');
    const { CiphertextBlob } = await server.kms().send(new EncryptCommand({ KeyId: survivor, Plaintext }));
    const gone: Uint8Array[] = [];
    let midway = 0;
    for (let kills = 0; kills < KILLS; kills++) {
      const kms = server.kms();
      const KeyId = (await kms.send(new CreateKeyCommand({ Origin: 'EXTERNAL' }))).KeyMetadata!.KeyId!;
      await importMaterial(kms, KeyId);
      gone.push((await kms.send(new EncryptCommand({ KeyId, Plaintext }))).CiphertextBlob!);
      await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId }));
      // Wherever it is by then: a destruction takes a few tenths of a second.
      await new Promise((resolve) => setTimeout(resolve, 60 * kills));
      await server.end('SIGKILL');
      if (folder.destructionKeys().length !== 1 || !server.output().includes('was destroyed')) midway++;
      server = await startServer({ dir, env });
      const opened = await server.kms().send(new DecryptCommand({ CiphertextBlob }));
      expect(Buffer.from(opened.Plaintext!)).toEqual(Plaintext);
      for (const blob of gone) {
        await expect(server.kms().send(new DecryptCommand({ CiphertextBlob: blob }))).rejects.toThrow();
      }
    }
    expect(midway).toBeGreaterThan(0);
    expect(await server.end('SIGTERM')).toBe(0);
    expect(folder.destructionKeys()).toHaveLength(1);
  },
);
