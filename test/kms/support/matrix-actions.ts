import { generateKeyPairSync } from 'node:crypto';
import { defaultPolicy } from '../../../src/kms/default-policies.js';
import { ACCOUNT, REGION } from '../harness.js';
import type { Context, Kind, State } from './matrix-model.js';

export interface Asked {
  kind: Kind;
  /** Has an encryption context. */
  context?: true;
  /** What it needs, where that isn't its own name. */
  permissions?: readonly string[];
  input(parts: { blob: string; context: Context }): object;
  /** What it answers where everything allows it; undefined: success. */
  answer?(state: State): string;
}

const PEER = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' });
const text = Buffer.from('a message').toString('base64');
const bare = (kind: Kind = 'symmetric'): Asked => ({ kind, input: () => ({}) });
const importing = (input: object, answer: string): Asked => ({
  kind: 'symmetric',
  input: () => input,
  answer: (state) => (state === 'PendingImport' ? answer : 'UnsupportedOperationException'),
});
const making = (input: object): Asked => ({
  kind: 'symmetric',
  context: true,
  input: ({ context }) => ({ ...input, EncryptionContext: context }),
});
const signing = { Message: text, SigningAlgorithm: 'ECDSA_SHA_256' };
const encapsulation = { EncapsulationAlgorithm: 'ML_KEM' };
const mac = { Message: text, MacAlgorithm: 'HMAC_SHA_256' };

/** Every action on a key, with an input that succeeds. Aliases have tests of their own. */
export const ASKED: Readonly<Record<string, Asked>> = {
  CancelKeyDeletion: bare(),
  CreateGrant: {
    kind: 'symmetric',
    input: () => ({ GranteePrincipal: `arn:aws:iam::${ACCOUNT}:user/someone`, Operations: ['DescribeKey'] }),
  },
  Decapsulate: {
    kind: 'encapsulation',
    input: () => ({ ...encapsulation, SharedSecretCiphertextBlob: Buffer.alloc(768, 1).toString('base64') }),
  },
  Decrypt: {
    kind: 'symmetric',
    context: true,
    input: ({ blob, context }) => ({ CiphertextBlob: blob, EncryptionContext: context }),
  },
  DeleteImportedKeyMaterial: importing({}, ''),
  DeriveSharedSecret: {
    kind: 'agreement',
    input: () => ({ KeyAgreementAlgorithm: 'ECDH', PublicKey: PEER.toString('base64') }),
  },
  DescribeKey: bare(),
  DisableKey: bare(),
  DisableKeyRotation: bare(),
  EnableKey: bare(),
  EnableKeyRotation: bare(),
  Encapsulate: { kind: 'encapsulation', input: () => encapsulation },
  Encrypt: making({ Plaintext: text }),
  GenerateDataKey: making({ KeySpec: 'AES_256' }),
  GenerateDataKeyPair: making({ KeyPairSpec: 'ECC_NIST_P256' }),
  GenerateDataKeyPairWithoutPlaintext: making({ KeyPairSpec: 'ECC_NIST_P256' }),
  GenerateDataKeyWithoutPlaintext: making({ KeySpec: 'AES_256' }),
  GenerateMac: { kind: 'mac', input: () => mac },
  GetKeyLastUsage: bare(),
  GetKeyPolicy: bare(),
  GetKeyRotationStatus: bare(),
  // SM2 is refused behind everything else, and spares the making of an RSA key.
  GetParametersForImport: importing(
    { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'SM2' },
    'UnsupportedOperationException',
  ),
  GetPublicKey: bare('pair'),
  ImportKeyMaterial: importing(
    { ImportToken: text, EncryptedKeyMaterial: text, ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' },
    'InvalidImportTokenException',
  ),
  ListGrants: bare(),
  ListKeyPolicies: bare(),
  ListKeyRotations: bare(),
  ListResourceTags: bare(),
  PutKeyPolicy: { kind: 'symmetric', input: () => ({ Policy: defaultPolicy(ACCOUNT, REGION) }) },
  ReEncrypt: {
    kind: 'symmetric',
    context: true,
    permissions: ['ReEncryptFrom', 'ReEncryptTo'],
    input: ({ blob, context }) => ({
      CiphertextBlob: blob,
      SourceEncryptionContext: context,
      DestinationEncryptionContext: context,
    }),
  },
  RetireGrant: { kind: 'symmetric', input: () => ({ GrantId: 'ab'.repeat(32) }), answer: () => 'NotFoundException' },
  RevokeGrant: { kind: 'symmetric', input: () => ({ GrantId: 'ab'.repeat(32) }), answer: () => 'NotFoundException' },
  RotateKeyOnDemand: bare(),
  ScheduleKeyDeletion: bare(),
  Sign: { kind: 'pair', input: () => signing },
  TagResource: { kind: 'symmetric', input: () => ({ Tags: [{ TagKey: 'a', TagValue: 'b' }] }) },
  UntagResource: { kind: 'symmetric', input: () => ({ TagKeys: ['a'] }) },
  UpdateKeyDescription: { kind: 'symmetric', input: () => ({ Description: 'another' }) },
  UpdatePrimaryRegion: { kind: 'multiRegion', input: () => ({ PrimaryRegion: REGION }) },
  Verify: {
    kind: 'pair',
    input: () => ({ ...signing, Signature: text }),
    answer: () => 'KMSInvalidSignatureException',
  },
  VerifyMac: { kind: 'mac', input: () => ({ ...mac, Mac: text }), answer: () => 'KMSInvalidMacException' },
};

/** The key by every member that names one. */
export const naming = (action: string, KeyId: string): object =>
  action === 'ReEncrypt' ? { SourceKeyId: KeyId, DestinationKeyId: KeyId } : { KeyId };
