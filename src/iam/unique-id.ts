import { createHash, randomBytes } from 'node:crypto';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const base32 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => BASE32[byte & 31]).join('');

/** A unique id in IAM's form (AIDA: user, AROA: role); the same for the same name at every start. */
export function uniqueId(prefix: 'AIDA' | 'AROA', accountId: string, name: string): string {
  const kind = prefix === 'AIDA' ? 'user' : 'role';
  return prefix + base32(createHash('sha256').update(`${accountId}/${kind}/${name}`).digest().subarray(0, 17));
}

/** 64 hexadecimal digits, as AWS's canonical user ids; the same for the same account at every start. */
export function canonicalUserIdOf(accountId: string): string {
  return createHash('sha256').update(`coffer-account:${accountId}`).digest('hex');
}

/** AKIA and 16 characters that carry 80 random bits. */
export function newAccessKeyId(): string {
  return `AKIA${base32(randomBytes(16))}`;
}
