import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { newWrappingKey } from '../../src/kms/crypto/import-wrapping.js';
import { mlKemPkcs8 } from '../../src/kms/crypto/ml-kem.js';
import { sealTicket } from '../../src/kms/import-token.js';
import { ACCOUNT, type Answer, DAY_MS, makeKms, OTHER_ACCOUNT, OTHER_REGION, REGION } from './harness.js';
import { clusterSettings } from './key-stores/clusters.js';
import { wrapMaterial } from './recorded/wrapped.js';

/** The kinds of keys that actions work on. All but `own` have imported material, so that they can be in every state. */
export type KeyKind = 'symmetric' | 'signing' | 'agreement' | 'mac' | 'encapsulation' | 'multiRegion' | 'own';

const pkcs8 = (): Buffer =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'der', type: 'pkcs8' });
const KINDS: Record<KeyKind, { create: object; material?: () => Buffer }> = {
  symmetric: { create: { Origin: 'EXTERNAL' }, material: () => randomBytes(32) },
  signing: { create: { Origin: 'EXTERNAL', KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }, material: pkcs8 },
  agreement: { create: { Origin: 'EXTERNAL', KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }, material: pkcs8 },
  mac: {
    create: { Origin: 'EXTERNAL', KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
    material: () => randomBytes(32),
  },
  encapsulation: {
    create: { Origin: 'EXTERNAL', KeySpec: 'ML_KEM_512', KeyUsage: 'ENCAPSULATE_DECAPSULATE' },
    material: () => mlKemPkcs8('ML_KEM_512', randomBytes(64)),
  },
  multiRegion: { create: { Origin: 'EXTERNAL', MultiRegion: true }, material: () => randomBytes(32) },
  own: { create: {} },
};

/** Both accounts may do all with the key. */
const POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [ACCOUNT, OTHER_ACCOUNT].map((account) => ({
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${account}:root` },
    Action: 'kms:*',
    Resource: '*',
  })),
});

const BYTES = Buffer.from('some bytes').toString('base64');
const SIGNING = { Message: BYTES, SigningAlgorithm: 'ECDSA_SHA_256' };
const MAC = { Message: BYTES, MacAlgorithm: 'HMAC_SHA_256' };
const ENCAPSULATION = { EncapsulationAlgorithm: 'ML_KEM' };
const GRANTEE = `arn:aws:iam::${ACCOUNT}:user/grantee`;
const WRAPPING = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const;

type TestKms = ReturnType<typeof makeKms>;

/** One wrapping key for all: drawing one takes longer than a whole test. */
const wrapping = await newWrappingKey('RSA_2048');

/** What ImportKeyMaterial takes, with a token as GetParametersForImport would have given it. */
function importing({ keys, clock }: TestKms, keyId: string, material: Buffer): object {
  const ticket = { accountId: ACCOUNT, keyId, algorithm: WRAPPING.WrappingAlgorithm, validToMs: clock.now() + DAY_MS };
  const token = sealTicket(keys.parts.tokenCipher, { ...ticket, privateKey: wrapping.secret.expose() });
  return {
    ImportToken: token.toString('base64'),
    EncryptedKeyMaterial: wrapMaterial(WRAPPING.WrappingAlgorithm, wrapping.publicKey.toString('base64'), material),
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
  };
}

/** An enabled key, and a way to ask about it. */
export interface Prepared {
  kms: TestKms;
  ask: TestKms['ask'];
  KeyId: string;
  Arn: string;
  material: Buffer;
}

export async function prepareKey(kind: KeyKind, kms = makeKms()): Promise<Prepared> {
  const { create, material: draw } = KINDS[kind];
  const { ask, createKey } = kms;
  const { KeyId, Arn } = await createKey({ ...create, Policy: POLICY });
  const material = draw?.() ?? Buffer.alloc(0);
  if (draw) await ask('ImportKeyMaterial', { KeyId, ...importing(kms, KeyId, material) });
  return { kms, ask, KeyId, Arn, material };
}

/** A request that succeeds while the key is enabled. What it names besides the key is made while it still is. */
interface Request {
  kind?: KeyKind;
  /** Members beside KeyId, or all where `whole` is set. */
  more?: (key: Prepared) => Promise<object> | object;
  whole?: true;
}

const answer = async (asked: Promise<Answer>) => (await asked).json;
const encrypted = ({ ask, KeyId }: Prepared) => answer(ask('Encrypt', { KeyId, Plaintext: BYTES }));
const grant = ({ ask, KeyId }: Prepared) =>
  answer(ask('CreateGrant', { KeyId, GranteePrincipal: GRANTEE, Operations: ['DescribeKey'] }));
const alias = async ({ ask, KeyId }: Pick<Prepared, 'ask' | 'KeyId'>) => {
  await ask('CreateAlias', { AliasName: 'alias/made', TargetKeyId: KeyId });
  return { AliasName: 'alias/made' };
};
/** Another key, which stays as it is. */
const another = async ({ ask }: Prepared, create: object = {}): Promise<string> =>
  (await answer(ask('CreateKey', { Policy: POLICY, ...create }))).KeyMetadata.KeyId;

/** By action; ReEncrypt is asked about its source and its destination. */
export const REQUESTS: Record<string, Request> = {
  CancelKeyDeletion: {},
  CreateAlias: { whole: true, more: ({ Arn }) => ({ AliasName: 'alias/new', TargetKeyId: Arn }) },
  CreateGrant: { more: () => ({ GranteePrincipal: GRANTEE, Operations: ['DescribeKey'] }) },
  Decapsulate: {
    kind: 'encapsulation',
    more: async ({ ask, KeyId }) => ({
      ...ENCAPSULATION,
      SharedSecretCiphertextBlob: (await answer(ask('Encapsulate', { KeyId, ...ENCAPSULATION })))
        .SharedSecretCiphertextBlob,
    }),
  },
  Decrypt: { more: async (key) => ({ CiphertextBlob: (await encrypted(key)).CiphertextBlob }) },
  DeleteAlias: { whole: true, more: alias },
  DeleteImportedKeyMaterial: {},
  DeriveSharedSecret: {
    kind: 'agreement',
    more: () => {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const PublicKey = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
      return { KeyAgreementAlgorithm: 'ECDH', PublicKey };
    },
  },
  DescribeKey: {},
  DisableKey: {},
  DisableKeyRotation: { kind: 'own' },
  EnableKey: {},
  EnableKeyRotation: { kind: 'own' },
  Encapsulate: { kind: 'encapsulation', more: () => ENCAPSULATION },
  Encrypt: { more: () => ({ Plaintext: BYTES }) },
  GenerateDataKey: { more: () => ({ KeySpec: 'AES_256' }) },
  GenerateDataKeyPair: { more: () => ({ KeyPairSpec: 'ECC_NIST_P256' }) },
  GenerateDataKeyPairWithoutPlaintext: { more: () => ({ KeyPairSpec: 'ECC_NIST_P256' }) },
  GenerateDataKeyWithoutPlaintext: { more: () => ({ KeySpec: 'AES_256' }) },
  GenerateMac: { kind: 'mac', more: () => MAC },
  GetKeyLastUsage: {},
  GetKeyPolicy: {},
  GetKeyRotationStatus: {},
  GetParametersForImport: { more: () => WRAPPING },
  GetPublicKey: { kind: 'signing' },
  ImportKeyMaterial: {
    more: ({ kms, KeyId, material }) => importing(kms, KeyId, material),
  },
  ListAliases: {},
  ListGrants: {},
  ListKeyPolicies: {},
  ListKeyRotations: {},
  ListResourceTags: {},
  PutKeyPolicy: { more: () => ({ Policy: POLICY, BypassPolicyLockoutSafetyCheck: true }) },
  'ReEncrypt as source': {
    whole: true,
    more: async (key) => ({
      CiphertextBlob: (await encrypted(key)).CiphertextBlob,
      SourceKeyId: key.Arn,
      DestinationKeyId: (await another(key)).replace(/^/, key.Arn.replace(/[^/]*$/, '')),
    }),
  },
  'ReEncrypt as destination': {
    whole: true,
    more: async (key) => {
      const SourceKeyId = key.Arn.replace(/[^/]*$/, await another(key));
      const { CiphertextBlob } = await encrypted({ ...key, KeyId: SourceKeyId });
      return { CiphertextBlob, SourceKeyId, DestinationKeyId: key.Arn };
    },
  },
  ReplicateKey: {
    kind: 'multiRegion',
    more: () => ({ ReplicaRegion: OTHER_REGION, Tags: [{ TagKey: 'a', TagValue: 'b' }] }),
  },
  RetireGrant: { more: async (key) => ({ GrantId: (await grant(key)).GrantId }) },
  RevokeGrant: { more: async (key) => ({ GrantId: (await grant(key)).GrantId }) },
  RotateKeyOnDemand: {
    more: async ({ kms, ask, KeyId }) => {
      const waiting = importing(kms, KeyId, randomBytes(32));
      await ask('ImportKeyMaterial', { KeyId, ...waiting, ImportType: 'NEW_KEY_MATERIAL' });
      return {};
    },
  },
  ScheduleKeyDeletion: {},
  Sign: { kind: 'signing', more: () => SIGNING },
  TagResource: { more: () => ({ Tags: [{ TagKey: 'a', TagValue: 'b' }] }) },
  UntagResource: { more: () => ({ TagKeys: ['a'] }) },
  UpdateAlias: {
    whole: true,
    more: async (key) => ({ ...(await alias({ ask: key.ask, KeyId: await another(key) })), TargetKeyId: key.Arn }),
  },
  UpdateKeyDescription: { more: () => ({ Description: 'new' }) },
  UpdatePrimaryRegion: {
    kind: 'multiRegion',
    more: () => ({ PrimaryRegion: REGION }),
  },
  Verify: {
    kind: 'signing',
    more: async ({ ask, KeyId }) => ({
      ...SIGNING,
      Signature: (await answer(ask('Sign', { KeyId, ...SIGNING }))).Signature,
    }),
  },
  VerifyMac: {
    kind: 'mac',
    more: async ({ ask, KeyId }) => ({ ...MAC, Mac: (await answer(ask('GenerateMac', { KeyId, ...MAC }))).Mac }),
  },
};

/** The action that a name of `REQUESTS` is about. */
export const actionOf = (name: string): string => name.split(' ')[0]!;

/** The whole input, made while the key is enabled. */
export async function inputOf(name: string, key: Prepared): Promise<object> {
  const { more, whole } = REQUESTS[name]!;
  return { ...(!whole && { KeyId: key.Arn }), ...(await more?.(key)) };
}

/** Requests that are about no key. */
export const KEYLESS: Record<string, object | ((kms: TestKms) => Promise<object>)> = {
  ConnectCustomKeyStore: keyStore,
  CreateCustomKeyStore: clusterSettings('store'),
  CreateKey: { Tags: [{ TagKey: 'a', TagValue: 'b' }] },
  DeleteCustomKeyStore: keyStore,
  DescribeCustomKeyStores: {},
  DisconnectCustomKeyStore: async (kms) => {
    const named = await keyStore(kms);
    await kms.ask('ConnectCustomKeyStore', named);
    return named;
  },
  GenerateRandom: { NumberOfBytes: 1 },
  ListKeys: {},
  ListRetirableGrants: { RetiringPrincipal: GRANTEE },
  UpdateCustomKeyStore: async (kms) => ({ ...(await keyStore(kms)), NewCustomKeyStoreName: 'renamed' }),
};

async function keyStore({ ask }: TestKms): Promise<{ CustomKeyStoreId: string }> {
  return { CustomKeyStoreId: (await ask('CreateCustomKeyStore', clusterSettings('made'))).json.CustomKeyStoreId };
}

/** Every action has a request. */
export const REQUESTED: readonly string[] = [
  ...new Set([...Object.keys(REQUESTS).map(actionOf), ...Object.keys(KEYLESS)]),
].sort();
