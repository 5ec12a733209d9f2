import { generateKeyPairSync } from 'node:crypto';
import { ACCOUNT, REGION } from '../harness.js';

/** One condition key, a value that a request has, and one that it doesn't have. */
export interface ConditionCase {
  key: string;
  operator: string;
  value: string | readonly string[];
  other: string | readonly string[];
  action: string;
  input: object;
  /** What CreateKey is asked for the key; absent: SYMMETRIC_DEFAULT. */
  spec?: object;
  /** Names the key by its alias. */
  byAlias?: true;
  /** The members that name the key; absent: KeyId. */
  naming?: readonly string[];
  throughS3?: true;
  /** What it answers where it is allowed; absent: success. */
  answer?: string;
}

const text = Buffer.from('a message').toString('base64');
const PEER = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' });
const EXTERNAL = { Origin: 'EXTERNAL' };
const PAIR = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' };
export const SOMEONE = `arn:aws:iam::${ACCOUNT}:user/someone`;
const ANOTHER = `arn:aws:iam::${ACCOUNT}:user/another`;
/** Within a year of the tests’ clock. */
const VALID_TO_S = Date.UTC(2026, 11, 1) / 1000;

const encrypt = { action: 'Encrypt', input: { Plaintext: text, EncryptionContext: { App: 'x', tenant: 'y' } } };
const describe = { action: 'DescribeKey', input: {} };
const sign = { action: 'Sign', input: { Message: text, SigningAlgorithm: 'ECDSA_SHA_256' }, spec: PAIR };
const grant = {
  action: 'CreateGrant',
  input: {
    GranteePrincipal: SOMEONE,
    RetiringPrincipal: SOMEONE,
    Operations: ['Encrypt', 'Decrypt'],
    Constraints: { EncryptionContextSubset: { a: 'b' } },
  },
};
const parameters = {
  action: 'GetParametersForImport',
  input: { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' },
  spec: EXTERNAL,
};
const importing = {
  action: 'ImportKeyMaterial',
  input: {
    ImportToken: text,
    EncryptedKeyMaterial: text,
    ExpirationModel: 'KEY_MATERIAL_EXPIRES',
    ValidTo: VALID_TO_S,
  },
  spec: EXTERNAL,
  answer: 'InvalidImportTokenException',
};
const tagging = { action: 'TagResource', input: { Tags: [{ TagKey: 'Team', TagValue: 'red' }] } };
const tagged = { spec: { Tags: [{ TagKey: 'Team', TagValue: 'red' }] } };
const reEncrypt = { action: 'ReEncrypt', input: {}, naming: ['SourceKeyId', 'DestinationKeyId'] };

type Row = [key: string, operator: string, value: ConditionCase['value'], other: ConditionCase['other'], asked: Asked];
type Asked = Omit<ConditionCase, 'key' | 'operator' | 'value' | 'other'>;

const ROWS: Row[] = [
  [
    'kms:ViaService',
    'StringEquals',
    `s3.${REGION}.amazonaws.com`,
    `ebs.${REGION}.amazonaws.com`,
    { ...encrypt, throughS3: true },
  ],
  ['kms:CallerAccount', 'StringEquals', ACCOUNT, '999999999999', describe],
  ['kms:EncryptionContext:App', 'StringEquals', 'x', 'X', encrypt],
  ['kms:EncryptionContext:app', 'StringLike', ['nothing', 'x*'], 'y*', encrypt],
  ['kms:EncryptionContextKeys', 'ForAllValues:StringEquals', ['App', 'tenant', 'more'], ['App'], encrypt],
  ['kms:EncryptionContextKeys', 'ForAnyValue:StringEquals', ['tenant', 'more'], ['Tenant', 'app'], encrypt],
  ['kms:EncryptionAlgorithm', 'StringEquals', 'SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_256', encrypt],
  ['kms:SigningAlgorithm', 'StringEquals', 'ECDSA_SHA_256', 'ECDSA_SHA_384', sign],
  [
    'kms:MacAlgorithm',
    'StringEquals',
    'HMAC_SHA_256',
    'HMAC_SHA_512',
    {
      action: 'GenerateMac',
      input: { Message: text, MacAlgorithm: 'HMAC_SHA_256' },
      spec: { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
    },
  ],
  ['kms:MessageType', 'StringEquals', 'RAW', 'DIGEST', sign],
  ['kms:GrantIsForAWSResource', 'Bool', 'false', 'true', grant],
  ['kms:GrantIsForAWSResource', 'Bool', 'true', 'false', { ...grant, throughS3: true }],
  ['kms:GrantIsForAWSResource', 'Bool', 'false', 'true', { action: 'ListGrants', input: {} }],
  ['kms:GrantOperations', 'ForAllValues:StringEquals', ['Encrypt', 'Decrypt'], ['Encrypt'], grant],
  ['kms:GranteePrincipal', 'StringEquals', SOMEONE, ANOTHER, grant],
  ['kms:RetiringPrincipal', 'StringEquals', SOMEONE, ANOTHER, grant],
  ['kms:GrantConstraintType', 'StringEquals', 'EncryptionContextSubset', 'EncryptionContextEquals', grant],
  ['kms:KeySpec', 'StringEquals', 'ECC_NIST_P256', 'ECC_NIST_P384', sign],
  ['kms:KeySpec', 'StringEquals', 'ECC_NIST_P256', 'ECC_NIST_P384', { action: 'CreateKey', input: PAIR }],
  ['kms:KeyUsage', 'StringEquals', 'SIGN_VERIFY', 'KEY_AGREEMENT', sign],
  ['kms:KeyUsage', 'StringEquals', 'SIGN_VERIFY', 'KEY_AGREEMENT', { action: 'CreateKey', input: PAIR }],
  ['kms:KeyOrigin', 'StringEquals', 'EXTERNAL', 'AWS_KMS', { ...describe, spec: EXTERNAL }],
  ['kms:KeyOrigin', 'StringEquals', 'EXTERNAL', 'AWS_KMS', { action: 'CreateKey', input: EXTERNAL }],
  [
    'kms:DataKeyPairSpec',
    'StringEquals',
    'ECC_NIST_P256',
    'RSA_2048',
    { action: 'GenerateDataKeyPair', input: { KeyPairSpec: 'ECC_NIST_P256' } },
  ],
  ['kms:ReEncryptOnSameKey', 'Bool', 'true', 'false', reEncrypt],
  ['kms:RequestAlias', 'StringEquals', 'alias/one', 'alias/two', { ...encrypt, byAlias: true }],
  ['kms:ResourceAliases', 'ForAnyValue:StringEquals', 'alias/one', 'alias/two', encrypt],
  [
    'kms:RotationPeriodInDays',
    'NumericLessThanEquals',
    '180',
    '179',
    { action: 'EnableKeyRotation', input: { RotationPeriodInDays: 180 } },
  ],
  ['kms:RotationPeriodInDays', 'NumericEquals', '365', '90', { action: 'EnableKeyRotation', input: {} }],
  [
    'kms:ScheduleKeyDeletionPendingWindowInDays',
    'NumericGreaterThanEquals',
    '30',
    '31',
    { action: 'ScheduleKeyDeletion', input: {} },
  ],
  ['kms:ValidTo', 'DateLessThan', '2026-12-01T00:00:01Z', '2026-12-01T00:00:00Z', importing],
  ['kms:ExpirationModel', 'StringEquals', 'KEY_MATERIAL_EXPIRES', 'KEY_MATERIAL_DOES_NOT_EXPIRE', importing],
  ['kms:WrappingAlgorithm', 'StringEquals', 'RSAES_OAEP_SHA_256', 'RSAES_OAEP_SHA_1', parameters],
  ['kms:WrappingKeySpec', 'StringEquals', 'RSA_2048', 'RSA_4096', parameters],
  [
    'kms:BypassPolicyLockoutSafetyCheck',
    'Bool',
    'true',
    'false',
    { action: 'CreateKey', input: { BypassPolicyLockoutSafetyCheck: true } },
  ],
  [
    'kms:KeyAgreementAlgorithm',
    'StringEquals',
    'ECDH',
    'DH',
    {
      action: 'DeriveSharedSecret',
      input: { KeyAgreementAlgorithm: 'ECDH', PublicKey: PEER.toString('base64') },
      spec: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' },
    },
  ],
  [
    'kms:EncapsulationAlgorithm',
    'StringEquals',
    'ML_KEM',
    'RSA_KEM',
    {
      action: 'Encapsulate',
      input: { EncapsulationAlgorithm: 'ML_KEM' },
      spec: { KeySpec: 'ML_KEM_512', KeyUsage: 'ENCAPSULATE_DECAPSULATE' },
    },
  ],
  ['aws:PrincipalArn', 'ArnLike', `arn:aws:iam::${ACCOUNT}:user/al*`, `arn:aws:iam::${ACCOUNT}:user/b*`, describe],
  ['aws:PrincipalAccount', 'StringEquals', ACCOUNT, '999999999999', describe],
  ['aws:PrincipalType', 'StringEquals', 'User', 'AssumedRole', describe],
  ['aws:userid', 'StringEquals', 'AIDAALICE', 'AIDABOB', describe],
  ['aws:username', 'StringEquals', 'alice', 'bob', describe],
  ['aws:SourceIp', 'IpAddress', '192.0.2.0/24', '198.51.100.0/24', describe],
  ['aws:SecureTransport', 'Bool', 'true', 'false', describe],
  ...[describe, { ...encrypt, throughS3: true } as const, { action: 'CreateKey', input: {} }].flatMap(
    (asked): Row[] => [
      ['aws:RequestedRegion', 'StringEquals', REGION, 'eu-central-1', asked],
      ['aws:ResourceAccount', 'StringEquals', ACCOUNT, '999999999999', asked],
    ],
  ),
  ['aws:CurrentTime', 'DateLessThan', '2026-01-01T00:00:01Z', '2026-01-01T00:00:00Z', describe],
  ['aws:EpochTime', 'NumericEquals', '1767225600', '1767225601', describe],
  ['aws:RequestTag/Team', 'StringEquals', 'red', 'blue', tagging],
  ['aws:RequestTag/team', 'StringEquals', 'red', 'blue', { action: 'CreateKey', input: tagged.spec }],
  ['aws:ResourceTag/Team', 'StringEquals', 'red', 'blue', { ...describe, ...tagged }],
  ['aws:TagKeys', 'ForAllValues:StringEquals', ['Team', 'more'], ['team'], tagging],
  [
    'aws:TagKeys',
    'ForAnyValue:StringEquals',
    ['Team'],
    ['more'],
    { action: 'UntagResource', input: { TagKeys: ['Team'] } },
  ],
];

export const CONDITION_CASES: readonly ConditionCase[] = ROWS.map(([key, operator, value, other, asked]) => ({
  key,
  operator,
  value,
  other,
  ...asked,
}));
