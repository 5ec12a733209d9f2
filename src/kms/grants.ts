import { createHmac, randomBytes } from 'node:crypto';
import { Mac } from '../base/mac.js';
import { comparable } from '../base/partition.js';
import type { EncryptionContext } from '../encryption/ports.js';
import { KmsError } from '../encryption/ports.js';
import type { Principal } from '../policy/ports.js';
import type { KeyGrants } from './grant-book.js';
import type { GrantConstraints, GrantOperation, GrantRecord } from './grant-record.js';

/** Operations that a constraint says nothing about. */
const UNCONSTRAINED: ReadonlySet<string> = new Set(['DescribeKey', 'RetireGrant', 'CreateGrant', 'GetPublicKey']);

/** A role's session is the role, and itself. */
export const isSelf = ({ arn, sessionArn }: Principal, principalArn: string | undefined): boolean =>
  principalArn !== undefined && principalArn !== '' && [arn, sessionArn].some((one) => isSame(one, principalArn));

const isSame = (one: string | undefined, other: string): boolean =>
  one !== undefined && comparable(one) === comparable(other);

/** The grants of which a principal is the grantee. */
export function grantsTo({ byGrantee }: KeyGrants, { arn, sessionArn }: Principal): readonly GrantRecord[] {
  const own = byGrantee.get(comparable(arn)) ?? [];
  return sessionArn === undefined ? own : [...own, ...(byGrantee.get(comparable(sessionArn)) ?? [])];
}

/** The grant by which a principal may do `action` (`kms:…`) with the key, if there is one. */
export function grantFor(
  held: KeyGrants,
  principal: Principal,
  action: string,
  { context = {}, sourceArns }: GrantedRequest,
): GrantRecord | undefined {
  const operation = action.slice('kms:'.length);
  // A grant with RetireGrant lets its grantee retire this one grant; `RetireGrant.ts` sees to it.
  if (operation === 'RetireGrant') return undefined;
  return grantsTo(held, principal).find(
    (grant) =>
      (grant.operations as string[]).includes(operation) &&
      isFrom(grant.constraints?.SourceArn, sourceArns) &&
      (UNCONSTRAINED.has(operation) || holds(grant.constraints, context)),
  );
}

/** What constraints of grants look at in a request. */
export interface GrantedRequest {
  context?: EncryptionContext | undefined;
  /** `aws:SourceArn`. */
  sourceArns?: readonly string[] | undefined;
}

/** Unlike the constraints on contexts it binds every operation but RetireGrant. Whoever asks for himself has no source. */
const isFrom = (wanted: string | undefined, sourceArns: readonly string[] | undefined): boolean =>
  wanted === undefined || sourceArns?.includes(wanted) === true;

/**
 * The constraints on the encryption context. The case of a pair's key doesn't count, unlike that of its value.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html
 */
export function holds(constraints: GrantConstraints | undefined, context: EncryptionContext): boolean {
  const { EncryptionContextEquals: equal, EncryptionContextSubset: subset } = constraints ?? {};
  if (equal && !(includes(context, equal) && includes(equal, context) && sizeOf(context) === sizeOf(equal)))
    return false;
  return !subset || includes(context, subset);
}

function includes(context: EncryptionContext, pairs: EncryptionContext): boolean {
  const held = Object.entries(context).map(([key, value]) => [key.toLowerCase(), value] as const);
  return Object.entries(pairs).every(([key, value]) => {
    const name = key.toLowerCase();
    return held.some(([one, other]) => one === name && other === value);
  });
}

const sizeOf = (context: EncryptionContext): number => Object.keys(context).length;

/**
 * A grantee grants no more than it has: only operations of its own grant, under constraints that are as strict at least.
 * https://docs.aws.amazon.com/kms/latest/developerguide/create-grant-overview.html
 */
export function isWithin(
  parent: GrantRecord,
  operations: readonly GrantOperation[],
  constraints: GrantConstraints | undefined,
): boolean {
  if (!operations.every((one) => parent.operations.includes(one))) return false;
  const { EncryptionContextEquals: equal, EncryptionContextSubset: subset, SourceArn } = parent.constraints ?? {};
  if (SourceArn !== undefined && constraints?.SourceArn !== SourceArn) return false;
  if (equal) {
    const own = constraints?.EncryptionContextEquals;
    if (!own || !holds({ EncryptionContextEquals: equal }, own)) return false;
  }
  if (!subset || Object.keys(subset).length === 0) return true;
  const own = constraints?.EncryptionContextEquals ?? constraints?.EncryptionContextSubset;
  return own !== undefined && includes(own, subset);
}

/** What a grant token says. */
export interface GrantToken extends Pick<GrantRecord, 'accountId' | 'keyId' | 'grantId'> {
  nonce: string;
  proof: Buffer;
}

/**
 * An opaque text that names a grant and proves that the caller was told of it; another one each time, as good as those before.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html, "Name"
 */
export function newGrantToken(grant: GrantRecord): string {
  const nonce = randomBytes(16).toString('hex');
  const { accountId, keyId, grantId } = grant;
  const proof = proofOf(grant, nonce).toBytes().toString('hex');
  return Buffer.from(`${accountId}/${keyId}/${grantId}/${nonce}/${proof}`, 'latin1').toString('base64');
}

const TOKEN = /^(\d{12})\/([0-9a-fmrk-]{36})\/([0-9a-f]{64})\/([0-9a-f]{32})\/([0-9a-f]{64})$/;

/** @throws KmsError InvalidGrantTokenException */
export function readGrantToken(token: string): GrantToken {
  const match = TOKEN.exec(Buffer.from(token, 'base64').toString('latin1'));
  if (!match) throw invalidToken();
  const [, accountId, keyId, grantId, nonce, proof] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return { accountId, keyId, grantId, nonce, proof: Buffer.from(proof, 'hex') };
}

export const provesGrant = (grant: GrantRecord, { nonce, proof }: GrantToken): boolean =>
  proofOf(grant, nonce).equals(proof);

const proofOf = ({ tokenSecret }: GrantRecord, nonce: string): Mac =>
  new Mac(createHmac('sha256', Buffer.from(tokenSecret, 'base64')).update(nonce).digest());

export const invalidToken = (): KmsError => new KmsError('InvalidGrantTokenException', 'Invalid grant token.');
export const noSuchGrant = (grantId: string): KmsError =>
  new KmsError('NotFoundException', `Grant ID ${grantId} not found`);
