import { type EncryptionContext, KmsError } from '../encryption/ports.js';
import type { KeySpec } from './crypto/key-spec.js';
import { validation } from './errors.js';
import type { Input } from './fields.js';

const ENCRYPTION = ['SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE'] as const;
export type EncryptionAlgorithm = (typeof ENCRYPTION)[number];

/** EncryptionAlgorithm: SYMMETRIC_DEFAULT where none is named. */
export const readAlgorithm = (input: Input, member: string): EncryptionAlgorithm =>
  input.oneOf(member, ENCRYPTION) ?? 'SYMMETRIC_DEFAULT';

/**
 * Symmetric keys have one algorithm, the others have theirs, which binds no context: what isn't bound must not look as if it were.
 * @throws InvalidKeyUsageException, ValidationException
 */
export function requireAlgorithm(algorithm: EncryptionAlgorithm, spec: KeySpec, context: EncryptionContext): void {
  if ((algorithm === 'SYMMETRIC_DEFAULT') !== (spec === 'SYMMETRIC_DEFAULT')) {
    throw new KmsError('InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${spec}.`);
  }
  if (spec !== 'SYMMETRIC_DEFAULT' && Object.keys(context).length > 0) {
    throw validation('An encryption context is supported only on operations with symmetric encryption KMS keys.');
  }
}

/** Condition keys of an encryption algorithm. */
export const algorithmFacts = (algorithm: string): Record<string, string> => ({ 'kms:encryptionalgorithm': algorithm });
