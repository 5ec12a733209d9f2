import { createHash } from 'node:crypto';
import { utf8 } from '../base/bytes.js';
import { comparable } from '../base/partition.js';
import { TAG } from '../store/keys.js';
import type { Shape } from '../store/table.js';
import { accountAt, type Place } from './place.js';

/** GrantOperation of the API model. */
export const GRANT_OPERATIONS = [
  'Decrypt',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncryptFrom',
  'ReEncryptTo',
  'Sign',
  'Verify',
  'GetPublicKey',
  'CreateGrant',
  'RetireGrant',
  'DescribeKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateMac',
  'VerifyMac',
  'DeriveSharedSecret',
  'Encapsulate',
  'Decapsulate',
] as const;
export type GrantOperation = (typeof GRANT_OPERATIONS)[number];

export interface GrantConstraints {
  EncryptionContextSubset?: Readonly<Record<string, string>>;
  EncryptionContextEquals?: Readonly<Record<string, string>>;
  /** ARN of the resource on whose behalf a service asks. */
  SourceArn?: string;
}

export interface GrantRecord {
  /** 64 hexadecimal digits. */
  grantId: string;
  /** Where the key is. */
  accountId: string;
  keyId: string;
  name?: string;
  createdMs: number;
  /** An ARN, or the name of a service. */
  grantee: string;
  retiring?: string;
  /** They were named as GranteeServicePrincipal and RetiringServicePrincipal. */
  granteeService?: true;
  retiringService?: true;
  /** The account under which the grant was issued: the creator's. */
  issuingAccountId: string;
  operations: GrantOperation[];
  constraints?: GrantConstraints;
  /** 32 random bytes, base64: under what its grant tokens are proven. */
  tokenSecret: string;
}

export const GRANT: Shape<GrantRecord> = { type: 'kms-grant', version: 1 };

const row = (text: string): Buffer => Buffer.concat([TAG.kms, utf8(text)]);

export const grantsOf = (accountId: string, keyId: string): Buffer => row(`g/${accountId}/${keyId}/`);
export const grantRow = (accountId: string, keyId: string, grantId: string): Buffer =>
  row(`g/${accountId}/${keyId}/${grantId}`);

/** Index of grants by who may retire them. Principals stand in it as digests: names don't lie about in clear. */
const principalDigest = (principal: string): string => createHash('sha256').update(comparable(principal)).digest('hex');
export const retirableBy = (principal: string, place: Place): Buffer =>
  row(`r/${accountAt(place, principalDigest(principal))}/`);
export const retirableRow = (
  principal: string,
  { accountId, keyId, grantId }: Pick<GrantRecord, 'accountId' | 'keyId' | 'grantId'>,
  place: Place,
): Buffer => row(`r/${accountAt(place, principalDigest(principal))}/${accountId}/${keyId}/${grantId}`);

/** What a row of that index names. */
export function readRetirableRow(key: Buffer): Pick<GrantRecord, 'accountId' | 'keyId' | 'grantId'> {
  const [accountId, keyId, grantId] = key.toString('latin1').split('/').slice(-3) as [string, string, string];
  return { accountId, keyId, grantId };
}

/** Rows of all keys; and of all principals. */
export const ALL_GRANTS = row('g/');
export const ALL_RETIRABLE = row('r/');
