import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { ACCOUNT, DAY_MS, makeKms } from './harness.js';
import { ALGORITHMS, importThrough, quickly } from './support/importing.js';

const PLAINTEXT = Buffer.from('a secret').toString('base64');
const pkcs8 = { type: 'pkcs8', format: 'der' } as const;
const materials = new Map<string, Buffer>([
  ['SYMMETRIC_DEFAULT', randomBytes(32)],
  ['HMAC_256', randomBytes(32)],
  ['HMAC_512', randomBytes(64)],
]);

beforeAll(() => {
  const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey.export(pkcs8);
  materials.set('ECC_NIST_P256', ec('P-256'));
  materials.set('ECC_NIST_P521', ec('P-521'));
  materials.set('RSA_2048', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pkcs8));
});

/** How each spec is created and used. */
const SPECS: Record<string, { KeyUsage: string; use: [string, object] }> = {
  SYMMETRIC_DEFAULT: { KeyUsage: 'ENCRYPT_DECRYPT', use: ['Encrypt', { Plaintext: PLAINTEXT }] },
  HMAC_256: {
    KeyUsage: 'GENERATE_VERIFY_MAC',
    use: ['GenerateMac', { Message: PLAINTEXT, MacAlgorithm: 'HMAC_SHA_256' }],
  },
  HMAC_512: {
    KeyUsage: 'GENERATE_VERIFY_MAC',
    use: ['GenerateMac', { Message: PLAINTEXT, MacAlgorithm: 'HMAC_SHA_512' }],
  },
  ECC_NIST_P256: { KeyUsage: 'SIGN_VERIFY', use: ['Sign', { Message: PLAINTEXT, SigningAlgorithm: 'ECDSA_SHA_256' }] },
  ECC_NIST_P521: { KeyUsage: 'SIGN_VERIFY', use: ['Sign', { Message: PLAINTEXT, SigningAlgorithm: 'ECDSA_SHA_512' }] },
  RSA_2048: { KeyUsage: 'SIGN_VERIFY', use: ['Sign', { Message: PLAINTEXT, SigningAlgorithm: 'RSASSA_PSS_SHA_256' }] },
};
/** A private RSA key, and one of P-521 under RSA_2048, are too large for RSA alone. */
const fits = (spec: string, algorithm: string) => !algorithm.startsWith('RSAES') || !/RSA_|P521/.test(spec);

describe.each(Object.entries(SPECS))('%s', (KeySpec, { KeyUsage, use: [action, input] }) => {
  test.each(ALGORITHMS)('under %s', async (algorithm) => {
    const { ask, createKey, keys } = makeKms();
    const { KeyId } = await createKey({ KeySpec, KeyUsage, Origin: 'EXTERNAL' });
    const bring = async (material: Buffer) =>
      (await ask('ImportKeyMaterial', quickly(keys, KeyId, material, {}, algorithm))).json;
    const material = materials.get(KeySpec)!;
    if (!fits(KeySpec, algorithm)) {
      const asked = { KeyId, WrappingAlgorithm: algorithm, WrappingKeySpec: 'RSA_2048' };
      expect((await ask('GetParametersForImport', asked)).json.__type).toBe('UnsupportedOperationException');
      return;
    }
    // Making a wrapping key takes longer than all else: once for each algorithm will do.
    const json = async (name: string, members: object) => (await ask(name, members)).json;
    const whole = KeySpec === 'SYMMETRIC_DEFAULT';
    const answer = await (whole ? importThrough(json, KeyId, material, algorithm) : bring(material));
    expect(answer.KeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
    expect((await ask(action, { KeyId, ...input })).status).toBe(200);
    const metadata = (await ask('DescribeKey', { KeyId })).json.KeyMetadata;
    expect(metadata).toMatchObject({ KeyState: 'Enabled', ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' });
    // Only the same comes back, and where it does the key is itself again.
    const wrong = Buffer.from(material);
    wrong[wrong.length - 1]! ^= 1;
    expect((await ask('DeleteImportedKeyMaterial', { KeyId })).status).toBe(200);
    expect((await ask(action, { KeyId, ...input })).json.__type).toBe('KMSInvalidStateException');
    expect((await bring(wrong)).__type).toBe('IncorrectKeyMaterialException');
    expect((await bring(material)).KeyMaterialId).toBe(answer.KeyMaterialId);
    expect((await ask(action, { KeyId, ...input })).status).toBe(200);
  });
});

/** A symmetric key that waits for its material. */
async function makeExternal() {
  const service = makeKms();
  const { KeyId } = await service.createKey({ Origin: 'EXTERNAL' });
  const bring = async (material: Buffer, more: object = {}) =>
    (await service.ask('ImportKeyMaterial', quickly(service.keys, KeyId, material, more))).json;
  const encrypt = async () => (await service.ask('Encrypt', { KeyId, Plaintext: PLAINTEXT })).json;
  const open = async (CiphertextBlob: string) => (await service.ask('Decrypt', { CiphertextBlob })).json;
  const state = async () => (await service.ask('DescribeKey', { KeyId })).json.KeyMetadata.KeyState as string;
  const rotations = async () =>
    (await service.ask('ListKeyRotations', { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })).json.Rotations;
  return { ...service, KeyId, bring, encrypt, open, state, rotations };
}

const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

test('material expires by the clock at its use, whether or not the keeper has come by', async () => {
  for (const keeps of [false, true]) {
    const { bring, encrypt, open, state, clock, keeper, ring, KeyId } = await makeExternal();
    const ValidTo = (clock.now() + DAY_MS) / 1000;
    await bring(first, { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo });
    const { CiphertextBlob } = await encrypt();
    clock.advance(DAY_MS - 1);
    if (keeps) await keeper.run();
    expect((await open(CiphertextBlob)).Plaintext).toBe(PLAINTEXT);
    clock.advance(1);
    if (keeps) await keeper.run();
    expect(await state()).toBe('PendingImport');
    expect([(await open(CiphertextBlob)).__type, (await encrypt()).__type]).toEqual(
      Array(2).fill('KMSInvalidStateException'),
    );
    const record = (await ring.find(ACCOUNT, KeyId))!;
    expect(record.backingKeys[0]!.wrapped === undefined).toBe(keeps);
    expect((await bring(second)).__type).toBe('IncorrectKeyMaterialException');
    await bring(first);
    expect((await open(CiphertextBlob)).Plaintext).toBe(PLAINTEXT);
  }
});

test('material for a rotation waits, is taken, and what was before has to stay', async () => {
  const { ask, bring, encrypt, open, state, rotations, KeyId } = await makeExternal();
  const { KeyMaterialId: one } = await bring(first);
  const old = (await encrypt()).CiphertextBlob;
  expect((await bring(second)).__type).toBe('IncorrectKeyMaterialException');
  const { KeyMaterialId: two } = await bring(second, { ImportType: 'NEW_KEY_MATERIAL' });
  expect((await rotations()).map((entry: { KeyMaterialState: string }) => entry.KeyMaterialState)).toEqual([
    'CURRENT',
    'PENDING_ROTATION',
  ]);
  expect((await open((await encrypt()).CiphertextBlob)).KeyMaterialId).toBe(one);
  expect((await bring(Buffer.alloc(32, 3), { ImportType: 'NEW_KEY_MATERIAL' })).__type).toBe(
    'KMSInvalidStateException',
  );
  expect((await ask('RotateKeyOnDemand', { KeyId })).status).toBe(200);
  expect((await open((await encrypt()).CiphertextBlob)).KeyMaterialId).toBe(two);
  expect((await ask('RotateKeyOnDemand', { KeyId })).json.__type).toBe('KMSInvalidStateException');
  // All of it has to be there for anything to work.
  await ask('DeleteImportedKeyMaterial', { KeyId, KeyMaterialId: one });
  expect(await state()).toBe('PendingImport');
  expect((await encrypt()).__type).toBe('KMSInvalidStateException');
  expect((await bring(first, { KeyMaterialId: two, ImportType: 'EXISTING_KEY_MATERIAL' })).__type).toBe(
    'IncorrectKeyMaterialException',
  );
  await bring(first, { KeyMaterialId: one, ImportType: 'EXISTING_KEY_MATERIAL' });
  expect((await open(old)).Plaintext).toBe(PLAINTEXT);
});

test('a disabled key stays disabled when material for its rotation comes', async () => {
  const { ask, bring, state, KeyId } = await makeExternal();
  await bring(first);
  await ask('DisableKey', { KeyId });
  await bring(second, { ImportType: 'NEW_KEY_MATERIAL' });
  expect(await state()).toBe('Disabled');
  await ask('DeleteImportedKeyMaterial', { KeyId });
  expect(await state()).toBe('PendingImport');
  await bring(first);
  expect(await state()).toBe('Enabled');
});

test('25 rotations, and none more', async () => {
  const { ask, bring, encrypt, open, KeyId } = await makeExternal();
  await bring(first);
  const { CiphertextBlob } = await encrypt();
  for (let i = 0; i < 26; i++) {
    expect((await bring(randomBytes(32), { ImportType: 'NEW_KEY_MATERIAL' })).KeyMaterialId).toBeDefined();
    const { json } = await ask('RotateKeyOnDemand', { KeyId });
    expect(json.__type).toBe(i < 25 ? undefined : 'LimitExceededException');
  }
  expect((await open(CiphertextBlob)).Plaintext).toBe(PLAINTEXT);
});

test('an import token is for one key, for a day, and whole', async () => {
  const { ask, createKey, keys, KeyId, clock } = await makeExternal();
  const other = (await createKey({ Origin: 'EXTERNAL' })).KeyId;
  const outcome = async (input: object) => (await ask('ImportKeyMaterial', input)).json.__type ?? '';
  const input = quickly(keys, KeyId, first);
  const token = Buffer.from(input.ImportToken, 'base64');
  let tried = 0;
  for (let i = 0; i < token.length; i += 97) {
    const changed = Buffer.from(token);
    changed[i]! ^= 1;
    expect(await outcome({ ...input, ImportToken: changed.toString('base64') })).toBe('InvalidImportTokenException');
    tried++;
  }
  expect(tried).toBeGreaterThan(10);
  expect(await outcome({ ...input, ImportToken: 'AA==' })).toBe('InvalidImportTokenException');
  expect(await outcome({ ...quickly(keys, other, first), KeyId })).toBe('InvalidImportTokenException');
  const own = (await createKey()).KeyId;
  expect(await outcome(quickly(keys, own, first))).toBe('UnsupportedOperationException');
  const garbled = Buffer.from(input.EncryptedKeyMaterial, 'base64');
  garbled[9]! ^= 1;
  expect(await outcome({ ...input, EncryptedKeyMaterial: garbled.toString('base64') })).toBe(
    'InvalidCiphertextException',
  );
  for (const bytes of [0, 1, 16, 31, 33]) {
    const code = bytes === 0 ? /Exception/ : /^IncorrectKeyMaterialException$/;
    expect(await outcome(quickly(keys, KeyId, Buffer.alloc(bytes)))).toMatch(code);
  }
  clock.advance(1000);
  expect(await outcome(input)).toBe('ExpiredImportTokenException');
});
