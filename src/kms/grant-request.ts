import { AWS, partitionOf, partitionOfArn } from '../base/partition.js';
import { KmsError } from '../encryption/ports.js';
import type { Call } from './call.js';
import { validation } from './errors.js';
import type { Input } from './fields.js';
import { GRANT_OPERATIONS, type GrantConstraints, type GrantOperation, type GrantRecord } from './grant-record.js';
import type { KeyRecord } from './key-record.js';
import type { Principals } from './keys.js';

/** PrincipalIdType of the API model. */
export const PRINCIPAL_ID = { min: 1, max: 256, pattern: '^[\\w+=,.@:/-]+$' };
/** ServicePrincipalType of the API model. */
export const SERVICE_PRINCIPAL = {
  min: 1,
  max: 128,
  pattern: '^([A-Za-z0-9\\-]+)\\.([A-Za-z0-9\\-]+)(\\.[A-Za-z0-9\\-]+)+$',
};
/** GrantConstraintSourceArnType of the API model. */
const SOURCE_ARN = { min: 20, max: 512, pattern: '^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$' };
export const GRANT_ID = { min: 1, max: 128 };
const CONSTRAINT_PAIRS_MAX = 8;
const CONSTRAINT_MAX_CHARACTERS = 384;

/** Accounts, users, roles, federated users, sessions, and services. */
const PRINCIPAL =
  /^(arn:[a-z-]+:(iam::\d{12}:(root|(user|role)\/[\w+=,.@/-]+)|sts::\d{12}:(assumed-role|federated-user)\/[\w+=,.@/-]+)|[a-z0-9-]+(\.[a-z0-9-]+)+)$/;

/** `principals`: where it has to exist, too, if it is of an account of Coffer's. @throws InvalidArnException */
export function requirePrincipal(principal: string | undefined, region: string, principals?: Principals): void {
  if (principal === undefined) return;
  const partition = partitionOfArn(principal);
  const here = partition === undefined || partition === AWS || partition === partitionOf(region);
  if (PRINCIPAL.test(principal) && here && principals?.exists(principal) !== false) return;
  throw new KmsError('InvalidArnException', 'ARN does not refer to a valid principal');
}

/** Whom two members of a request name together, of which one alone may be there. */
export interface NamedPrincipal {
  principal: string;
  /** It was named as a service principal. */
  service?: true;
}

/** `Grantee` or `Retiring`. @throws ValidationException where both members are there */
export function readPrincipal(input: Input, who: 'Grantee' | 'Retiring'): NamedPrincipal | undefined {
  const principal = input.text(`${who}Principal`, PRINCIPAL_ID);
  const service = input.text(`${who}ServicePrincipal`, SERVICE_PRINCIPAL);
  if (principal !== undefined && service !== undefined) {
    throw validation(`You can specify either ${who}Principal or ${who}ServicePrincipal, but not both.`);
  }
  if (service !== undefined) return { principal: service, service: true };
  return principal === undefined ? undefined : { principal };
}

/** A service alone may ask for what is its own. @throws AccessDeniedException */
export function requireServiceCaller(named: NamedPrincipal | undefined, member: string, { who, name }: Call): void {
  if (!named?.service || (who.caller.kind === 'service' && who.caller.arn === named.principal)) return;
  throw new KmsError(
    'AccessDeniedException',
    `User: ${who.caller.arn} is not authorized to perform: kms:${name} because only that service principal may use ${member}`,
  );
}

export function readOperations(input: Input): GrantOperation[] {
  const operations = input.requiredSomeOf('Operations', GRANT_OPERATIONS);
  if (operations.length === 0) throw validation('A grant needs at least one operation.');
  return [...new Set(operations)];
}

export function readConstraints(input: Input): GrantConstraints | undefined {
  const given = input.structure('Constraints');
  if (!given) return undefined;
  const sourceArn = given.text('SourceArn', SOURCE_ARN);
  const constraints: GrantConstraints = {
    ...(given.has('EncryptionContextEquals') && { EncryptionContextEquals: given.context('EncryptionContextEquals') }),
    ...(given.has('EncryptionContextSubset') && { EncryptionContextSubset: given.context('EncryptionContextSubset') }),
    ...(sourceArn !== undefined && { SourceArn: sourceArn }),
  };
  // One that isn't known would be one that doesn't hold.
  given.requireAllRead();
  for (const pairs of [constraints.EncryptionContextEquals, constraints.EncryptionContextSubset]) {
    const entries = Object.entries(pairs ?? {});
    const characters = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
    if (entries.length > CONSTRAINT_PAIRS_MAX || characters > CONSTRAINT_MAX_CHARACTERS) {
      throw validation(
        `A grant constraint has at most ${CONSTRAINT_PAIRS_MAX} pairs of together ${CONSTRAINT_MAX_CHARACTERS} characters.`,
      );
    }
  }
  return Object.keys(constraints).length === 0 ? undefined : constraints;
}

const ALWAYS: readonly GrantOperation[] = ['CreateGrant', 'RetireGrant', 'DescribeKey'];

/** @throws ValidationException where the key can't do what is granted */
export function requireGrantable(
  record: KeyRecord,
  operations: readonly GrantOperation[],
  constraints: GrantConstraints | undefined,
): void {
  const possible = new Set<GrantOperation>([...ALWAYS, ...operationsOf(record)]);
  const impossible = operations.filter((one) => !possible.has(one));
  if (impossible.length > 0) {
    throw validation(`Grant operations [${impossible.join(', ')}] are not valid for key spec ${record.spec}.`);
  }
  const { EncryptionContextEquals: equal, EncryptionContextSubset: subset } = constraints ?? {};
  if ((equal ?? subset) && record.spec !== 'SYMMETRIC_DEFAULT') {
    throw validation('Encryption context constraints are only supported on symmetric encryption KMS keys.');
  }
}

/** https://docs.aws.amazon.com/kms/latest/developerguide/grants.html#terms-grant-operations */
function operationsOf({ spec, usage }: KeyRecord): GrantOperation[] {
  switch (usage) {
    case 'ENCRYPT_DECRYPT':
      return spec === 'SYMMETRIC_DEFAULT'
        ? [
            'Encrypt',
            'Decrypt',
            'ReEncryptFrom',
            'ReEncryptTo',
            'GenerateDataKey',
            'GenerateDataKeyWithoutPlaintext',
            'GenerateDataKeyPair',
            'GenerateDataKeyPairWithoutPlaintext',
          ]
        : ['Encrypt', 'Decrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GetPublicKey'];
    case 'SIGN_VERIFY':
      return ['Sign', 'Verify', 'GetPublicKey'];
    case 'GENERATE_VERIFY_MAC':
      return ['GenerateMac', 'VerifyMac'];
    case 'KEY_AGREEMENT':
      return ['DeriveSharedSecret', 'GetPublicKey'];
    case 'ENCAPSULATE_DECAPSULATE':
      return ['Encapsulate', 'Decapsulate', 'GetPublicKey'];
  }
}

/** GrantListEntry of the API model. */
export const grantEntry = (grant: GrantRecord, keyArn: string): Record<string, unknown> => ({
  KeyId: keyArn,
  GrantId: grant.grantId,
  Name: grant.name ?? '',
  CreationDate: grant.createdMs / 1000,
  [grant.granteeService ? 'GranteeServicePrincipal' : 'GranteePrincipal']: grant.grantee,
  ...(grant.retiring !== undefined && {
    [grant.retiringService ? 'RetiringServicePrincipal' : 'RetiringPrincipal']: grant.retiring,
  }),
  IssuingAccount: `arn:${partitionOfArn(keyArn)}:iam::${grant.issuingAccountId}:root`,
  Operations: grant.operations,
  ...(grant.constraints && { Constraints: grant.constraints }),
});
