import { CreateKeyCommand, DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { startServer } from '../support/server.js';

test('KMS says that a store is read-only, by an error that clients try again, and goes on with what writes nothing', async () => {
  const first = await startServer();
  const { KeyMetadata } = await first.kms().send(new CreateKeyCommand({}));
  await first.end('SIGTERM');
  // More than any disk has.
  const server = await startServer({ dir: first.dir, env: { COFFER_MIN_FREE_MIB: '100000000' } });
  const kms = server.kms();
  const refused = await kms.send(new CreateKeyCommand({})).catch((error: Error) => error);
  expect(refused).toMatchObject({ name: 'DependencyTimeoutException', $metadata: { httpStatusCode: 503 } });
  expect((refused as Error).message).toContain('The store is read-only');
  expect(server.output()).toContain('a request was refused: The store is read-only');
  const KeyId = KeyMetadata!.KeyId!;
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('text') }));
  const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob }));
  expect(Buffer.from(Plaintext!).toString()).toBe('text');
  await server.close();
});
