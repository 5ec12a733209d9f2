import { createPublicKey, randomBytes, verify } from 'node:crypto';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DecapsulateCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisabledException,
  DisableKeyCommand,
  DryRunOperationException,
  EncapsulateCommand,
  EncryptCommand,
  GenerateDataKeyPairCommand,
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
import { ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wrapMaterial } from '../kms/recorded/wrapped.js';
import { credentials, startServer, type TestServer } from '../support/server.js';
import { type SignedRequestParts, signedRequest } from '../support/signed-request.js';

let server: TestServer;
let kms: KMSClient;
beforeAll(async () => {
  server = await startServer();
  kms = server.kms();
});
afterAll(() => server.close());

const createKey = async (input: ConstructorParameters<typeof CreateKeyCommand>[0] = {}): Promise<string> =>
  (await kms.send(new CreateKeyCommand(input))).KeyMetadata!.KeyId!;
const post = (parts: Partial<SignedRequestParts>) =>
  signedRequest(server.port, {
    ...{ method: 'POST', path: '/', body: '{}', key: credentials, service: 'kms' },
    ...parts,
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'TrentService.ListKeys',
      ...parts.headers,
    },
  });
const whoAmI: Partial<SignedRequestParts> = {
  service: 'sts',
  body: 'Action=GetCallerIdentity&Version=2011-06-15',
  headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-amz-target': '' },
};

describe('what is signed', () => {
  test('is what KMS and STS are asked for', async () => {
    expect((await post({})).status).toBe(200);
    expect((await post(whoAmI)).status).toBe(200);
    for (const unsigned of [['x-amz-target'], ['host'], ['x-amz-date']]) {
      const { status, text } = await post({ unsigned });
      expect([status, JSON.parse(text).__type]).toEqual([400, 'InvalidSignatureException']);
      const sts = await post({ ...whoAmI, unsigned });
      expect(sts.status).toBe(403);
      expect(sts.text).toContain('<Code>SignatureDoesNotMatch</Code>');
    }
  });
});

describe('a page of another origin', () => {
  const EXPOSED = 'x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date';
  const preflight = (headers: Record<string, string>, path = '/') =>
    fetch(`${server.url}${path}`, { method: 'OPTIONS', headers: { origin: 'https://page.example', ...headers } });

  test('may ask KMS and STS, whatever its headers', async () => {
    const wanted = 'authorization,content-type,x-amz-date,x-amz-target,x-amz-user-agent';
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': wanted };
    const { status, headers } = await preflight(asked);
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': wanted,
      'access-control-expose-headers': EXPOSED,
      'access-control-max-age': '172800',
      'content-length': '0',
    });
    expect((await preflight({ 'access-control-request-method': 'POST' })).status).toBe(200);
  });

  test('reads the answer, an error as well', async () => {
    const origin = 'https://page.example';
    for (const [parts, expected] of [
      [{}, 200],
      [{ spoil: true }, 400],
      [{ key: undefined }, 400],
      [{ body: '{"Limit":"x"}' }, 400],
      [whoAmI, 200],
      [{ ...whoAmI, spoil: true }, 403],
    ] as const) {
      const { status, headers } = await post({
        ...parts,
        headers: { ...('headers' in parts && parts.headers), origin },
      });
      expect(status).toBe(expected);
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('access-control-expose-headers')).toBe(EXPOSED);
    }
    expect((await post({})).headers.get('access-control-allow-origin')).toBeNull();
  });

  test('learns nothing more of S3 and of commands by it', async () => {
    for (const [headers, path] of [
      [{ 'access-control-request-method': 'GET' }, '/'],
      [{}, '/'],
      [{ 'access-control-request-method': 'POST' }, '/bucket'],
      [{ 'access-control-request-method': 'POST' }, '/bucket/key'],
      [{ 'access-control-request-method': 'POST' }, '/-/admin/store/status'],
    ] as const) {
      const answer = await preflight(headers, path);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

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
    // Another gateway hears of it when the one that was asked has written it.
    await expect
      .poll(async () => (await kms.send(new GetKeyLastUsageCommand({ KeyId }))).KeyLastUsage)
      .toMatchObject({ Operation: 'Decrypt', Timestamp: expect.any(Date) });
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

describe('ML-KEM', () => {
  const EncapsulationAlgorithm = 'ML_KEM' as const;

  test('a key encapsulates and decapsulates; whoever has its public key does it without Coffer', async () => {
    const KeyId = await createKey({ KeySpec: 'ML_KEM_768', KeyUsage: 'ENCAPSULATE_DECAPSULATE' });
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({ KeyUsage: 'ENCAPSULATE_DECAPSULATE', EncapsulationAlgorithms: ['ML_KEM'] });
    const made = await kms.send(new EncapsulateCommand({ KeyId, EncapsulationAlgorithm }));
    expect(made).toMatchObject({ KeyId: KeyMetadata!.Arn, EncapsulationAlgorithm });
    const decapsulate = async (SharedSecretCiphertextBlob: Uint8Array) =>
      kms.send(new DecapsulateCommand({ KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob }));
    expect((await decapsulate(made.SharedSecretCiphertextBlob!)).SharedSecret).toEqual(made.SharedSecret);
    const { PublicKey, EncapsulationAlgorithms } = await kms.send(new GetPublicKeyCommand({ KeyId }));
    expect(EncapsulationAlgorithms).toEqual(['ML_KEM']);
    const own = ml_kem768.encapsulate(PublicKey!.subarray(22));
    expect((await decapsulate(own.cipherText)).SharedSecret).toEqual(own.sharedSecret);
    await expect(decapsulate(own.cipherText.subarray(1))).rejects.toThrow(InvalidCiphertextException);
  });

  test('a data key pair comes with its private half as a seed, sealed', async () => {
    const KeyId = await createKey();
    const pair = await kms.send(new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'ML_KEM_1024' }));
    const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob: pair.PrivateKeyCiphertextBlob! }));
    expect(Plaintext).toEqual(pair.PrivateKeyPlaintext);
    const { publicKey } = ml_kem1024.keygen(Plaintext!.subarray(22));
    expect(pair.PublicKey!.subarray(22)).toEqual(publicKey);
  });
});
