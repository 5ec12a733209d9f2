import { createPublicKey, randomBytes, verify } from 'node:crypto';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisabledException,
  DisableKeyCommand,
  DryRunOperationException,
  EncryptCommand,
  GetKeyLastUsageCommand,
  GetParametersForImportCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  InvalidCiphertextException,
  InvalidMarkerException,
  type KMSClient,
  KMSInvalidSignatureException,
  KMSInvalidStateException,
  KMSServiceException,
  ListKeysCommand,
  NotFoundException,
  paginateListAliases,
  paginateListGrants,
  paginateListKeyRotations,
  paginateListKeys,
  paginateListResourceTags,
  paginateListRetirableGrants,
  RotateKeyOnDemandCommand,
  SignCommand,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wrapMaterial } from '../kms/recorded/wrapped.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let kms: KMSClient;
beforeAll(async () => {
  server = await startServer();
  kms = server.kms();
});
afterAll(() => server.close());

const createKey = async (input: ConstructorParameters<typeof CreateKeyCommand>[0] = {}): Promise<string> =>
  (await kms.send(new CreateKeyCommand(input))).KeyMetadata!.KeyId!;
const MESSAGE = Buffer.from('some important message');

describe('AWS’s own client of KMS', () => {
  test('pages through every list, one entry at a time', async () => {
    const config = { client: kms, pageSize: 1 };
    const Tags = ['a', 'b', 'c'].map((TagKey) => ({ TagKey, TagValue: 'v' }));
    const KeyId = await createKey({ Tags });
    const made = [KeyId, await createKey(), await createKey()];
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    const RetiringPrincipal = `arn:aws:iam::${KeyMetadata!.AWSAccountId}:root`;
    for (const i of [1, 2, 3]) {
      await kms.send(new CreateAliasCommand({ AliasName: `alias/paged-${i}`, TargetKeyId: KeyId }));
      const grant = { KeyId, GranteePrincipal: RetiringPrincipal, RetiringPrincipal, Operations: ['Decrypt' as const] };
      await kms.send(new CreateGrantCommand(grant));
      await kms.send(new RotateKeyOnDemandCommand({ KeyId }));
    }
    const count = async <T>(pages: AsyncIterable<T>, entries: (page: T) => unknown[] | undefined): Promise<number> => {
      const seen = new Set<string>();
      let found = 0;
      for await (const page of pages) {
        for (const one of entries(page) ?? []) {
          found++;
          seen.add(JSON.stringify(one));
        }
      }
      expect(seen.size).toBe(found);
      return found;
    };
    const keys: string[] = [];
    for await (const { Keys } of paginateListKeys(config, {})) keys.push(...Keys!.map((one) => one.KeyId!));
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).toEqual(expect.arrayContaining(made));
    expect(await count(paginateListAliases(config, { KeyId }), (page) => page.Aliases)).toBe(3);
    expect(await count(paginateListGrants(config, { KeyId }), (page) => page.Grants)).toBe(3);
    expect(await count(paginateListRetirableGrants(config, { RetiringPrincipal }), (page) => page.Grants)).toBe(3);
    expect(await count(paginateListKeyRotations(config, { KeyId }), (page) => page.Rotations)).toBe(3);
    expect(await count(paginateListResourceTags(config, { KeyId }), (page) => page.Tags)).toBe(3);
  });

  test('signs, and anybody verifies with the public key', async () => {
    const KeyId = await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    const SigningAlgorithm = 'ECDSA_SHA_256' as const;
    const { Signature } = await kms.send(new SignCommand({ KeyId, Message: MESSAGE, SigningAlgorithm }));
    const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
    const key = createPublicKey({ key: Buffer.from(PublicKey!), format: 'der', type: 'spki' });
    expect(verify('sha256', MESSAGE, key, Signature!)).toBe(true);
    const asked = { KeyId, Message: MESSAGE, Signature, SigningAlgorithm };
    expect(await kms.send(new VerifyCommand(asked))).toMatchObject({ SignatureValid: true });
    const wrong = kms.send(new VerifyCommand({ ...asked, Message: Buffer.from('another') }));
    await expect(wrong).rejects.toThrow(KMSInvalidSignatureException);
  });

  test('imports material, uses it and knows when it was used', async () => {
    const KeyId = await createKey({ Origin: 'EXTERNAL' });
    const encrypt = () => kms.send(new EncryptCommand({ KeyId, Plaintext: MESSAGE }));
    await expect(encrypt()).rejects.toThrow(KMSInvalidStateException);
    const WrappingAlgorithm = 'RSA_AES_KEY_WRAP_SHA_256' as const;
    const parameters = await kms.send(
      new GetParametersForImportCommand({ KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' }),
    );
    expect(parameters.ParametersValidTo).toBeInstanceOf(Date);
    const publicKey = Buffer.from(parameters.PublicKey!).toString('base64');
    const wrapped = Buffer.from(wrapMaterial(WrappingAlgorithm, publicKey, randomBytes(32)), 'base64');
    const ValidTo = new Date(Math.floor(Date.now() / 1000 + 3600) * 1000);
    await kms.send(
      new ImportKeyMaterialCommand({
        KeyId,
        ImportToken: parameters.ImportToken,
        EncryptedKeyMaterial: wrapped,
        ValidTo,
      }),
    );
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({ KeyState: 'Enabled', ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo });
    const { CiphertextBlob } = await encrypt();
    const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(Plaintext!)).toEqual(MESSAGE);
    const { KeyLastUsage } = await kms.send(new GetKeyLastUsageCommand({ KeyId }));
    expect(KeyLastUsage).toMatchObject({ Operation: 'Decrypt', Timestamp: expect.any(Date) });
  });

  test('knows every refusal by its class', async () => {
    const KeyId = await createKey();
    const Plaintext = MESSAGE;
    const dry = kms.send(new EncryptCommand({ KeyId, Plaintext, DryRun: true }));
    await expect(dry).rejects.toThrow(DryRunOperationException);
    const garbled = kms.send(new DecryptCommand({ CiphertextBlob: MESSAGE }));
    await expect(garbled).rejects.toThrow(InvalidCiphertextException);
    await expect(kms.send(new ListKeysCommand({ Marker: 'x' }))).rejects.toThrow(InvalidMarkerException);
    await expect(kms.send(new DescribeKeyCommand({ KeyId: 'none' }))).rejects.toThrow(NotFoundException);
    await kms.send(new DisableKeyCommand({ KeyId }));
    await expect(kms.send(new EncryptCommand({ KeyId, Plaintext }))).rejects.toThrow(DisabledException);
    const error = await kms.send(new ListKeysCommand({ Limit: 0 })).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(KMSServiceException);
    expect(error).toMatchObject({ name: 'ValidationException', $metadata: { httpStatusCode: 400 } });
  });
});
