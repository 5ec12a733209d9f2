import { ACCOUNT, OTHER_ACCOUNT } from '../harness.js';

/**
 * What AWS says about who may do what with a key, in the plainest words: no policy is parsed here, no operator compared. The
 * matrix asks the key service the same and compares.
 */
export type State = 'Enabled' | 'Disabled' | 'PendingDeletion' | 'PendingImport';
export type Kind = 'symmetric' | 'pair' | 'mac' | 'agreement' | 'encapsulation' | 'multiRegion';
export type PolicyName = 'default' | 'names' | 'nobody' | 'denies' | 'via S3' | 'own account' | 'context a=b';
export type GrantName = 'none' | 'for it' | 'equals a=b' | 'subset a=b' | 'for another';
export type Context = Readonly<Record<string, string>>;

export interface Who {
  name: string;
  kind: 'root' | 'user' | 'role' | 'anonymous';
  accountId: string;
  identity: 'none' | 'allows' | 'denies';
}

const person = (kind: Who['kind'], accountId: string, identity: Who['identity']): Who => ({
  name: `${kind}-${accountId[0] ?? ''}-${identity}`,
  kind,
  accountId,
  identity,
});

export const WHO: readonly Who[] = [
  person('root', ACCOUNT, 'none'),
  person('user', ACCOUNT, 'none'),
  person('user', ACCOUNT, 'allows'),
  person('user', ACCOUNT, 'denies'),
  person('role', ACCOUNT, 'none'),
  person('role', ACCOUNT, 'allows'),
  person('root', OTHER_ACCOUNT, 'none'),
  person('user', OTHER_ACCOUNT, 'none'),
  person('user', OTHER_ACCOUNT, 'allows'),
  person('anonymous', '', 'none'),
];

export const POLICIES: readonly PolicyName[] = [
  'default',
  'names',
  'nobody',
  'denies',
  'via S3',
  'own account',
  'context a=b',
];
export const GRANTS: readonly GrantName[] = ['none', 'for it', 'equals a=b', 'subset a=b', 'for another'];
export const CONTEXTS: readonly Context[] = [{}, { a: 'b' }, { a: 'b', c: 'd' }, { a: 'x' }];

/** Permission by permission: an action may need more than one (ReEncrypt). */
export interface Question {
  who: Who;
  permission: string;
  policy: PolicyName;
  grant: GrantName;
  /** Only of actions that have one. */
  context: Context | undefined;
  viaS3: boolean;
}

/** https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html, "Cross-account use". */
const CROSS_ACCOUNT = new Set(
  (
    'CreateGrant Decapsulate Decrypt DeriveSharedSecret DescribeKey Encapsulate Encrypt GenerateDataKey GenerateDataKeyPair ' +
    'GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext GenerateMac GetKeyRotationStatus GetPublicKey ' +
    'ListGrants ReEncryptFrom ReEncryptTo RetireGrant RevokeGrant Sign Verify VerifyMac'
  ).split(' '),
);
/** https://docs.aws.amazon.com/kms/latest/developerguide/grants.html#terms-grant-operations */
export const GRANTABLE: Readonly<Record<Kind, readonly string[]>> = {
  symmetric: (
    'CreateGrant RetireGrant DescribeKey Decrypt Encrypt GenerateDataKey GenerateDataKeyPair ' +
    'GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext ReEncryptFrom ReEncryptTo'
  ).split(' '),
  multiRegion: (
    'CreateGrant RetireGrant DescribeKey Decrypt Encrypt GenerateDataKey GenerateDataKeyPair ' +
    'GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext ReEncryptFrom ReEncryptTo'
  ).split(' '),
  pair: ['CreateGrant', 'RetireGrant', 'DescribeKey', 'GetPublicKey', 'Sign', 'Verify'],
  mac: ['CreateGrant', 'RetireGrant', 'DescribeKey', 'GenerateMac', 'VerifyMac'],
  agreement: ['CreateGrant', 'RetireGrant', 'DescribeKey', 'GetPublicKey', 'DeriveSharedSecret'],
  encapsulation: ['CreateGrant', 'RetireGrant', 'DescribeKey', 'GetPublicKey', 'Encapsulate', 'Decapsulate'],
};

export function mayDo({ who, permission, policy, grant, context, viaS3 }: Question, kind: Kind): boolean {
  if (who.kind === 'anonymous' || who.identity === 'denies' || policy === 'denies') return false;
  const isOwn = who.accountId === ACCOUNT;
  if (!isOwn && !CROSS_ACCOUNT.has(permission)) return false;
  const decidesForItself = who.kind === 'root' || who.identity === 'allows';
  const everyone = who.kind === 'root' ? 'the account' : 'the principal';
  let allowed: 'the account' | 'the principal' | undefined;
  if (policy === 'default' && isOwn) allowed = 'the account';
  if (policy === 'names' && who.kind !== 'root') allowed = 'the principal';
  if (policy === 'via S3' && viaS3) allowed = everyone;
  if (policy === 'own account' && isOwn) allowed = everyone;
  if (policy === 'context a=b' && context?.a === 'b') allowed = everyone;
  const granted = who.kind !== 'root' && GRANTABLE[kind].includes(permission) && grants(grant, permission, context);
  if (!isOwn) return decidesForItself && (allowed !== undefined || granted);
  return allowed === 'the principal' || (allowed === 'the account' && decidesForItself) || granted;
}

/** Constraints are about the encryption context: what has none isn't constrained. */
function grants(grant: GrantName, permission: string, context: Context | undefined): boolean {
  if (grant === 'none' || grant === 'for another') return false;
  // A grant is retired by its own grantee alone, and what is asked here is about another.
  if (permission === 'RetireGrant') return false;
  if (grant === 'for it' || context === undefined) return true;
  if (permission === 'CreateGrant') return true;
  return context.a === 'b' && (grant === 'subset a=b' || Object.keys(context).length === 1);
}

const NEEDS_ENABLED = (
  'CreateGrant Decapsulate Decrypt DeriveSharedSecret DisableKeyRotation EnableKeyRotation Encapsulate Encrypt GenerateDataKey GenerateDataKeyPair ' +
  'GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext GenerateMac GetPublicKey ReEncrypt RotateKeyOnDemand ' +
  'Sign UpdatePrimaryRegion Verify VerifyMac'
).split(' ');
const NEEDS_MATERIAL = [...NEEDS_ENABLED, 'DisableKey', 'EnableKey'];
const NEEDS_LIFE = [
  ...NEEDS_MATERIAL,
  ...'ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription'.split(' '),
];

/** https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html @returns the code; undefined: the state allows it */
export function stateError(action: string, state: State): string | undefined {
  if (action === 'CancelKeyDeletion') return state === 'PendingDeletion' ? undefined : 'KMSInvalidStateException';
  // Imported material never rotates by a schedule, whatever the key waits for.
  if (state === 'PendingImport' && /^(En|Dis)ableKeyRotation$/.test(action)) return 'UnsupportedOperationException';
  if (state === 'PendingDeletion' && NEEDS_LIFE.includes(action)) return 'KMSInvalidStateException';
  if (state === 'PendingImport' && NEEDS_MATERIAL.includes(action)) return 'KMSInvalidStateException';
  if (state === 'Disabled' && NEEDS_ENABLED.includes(action)) return 'DisabledException';
  return undefined;
}
