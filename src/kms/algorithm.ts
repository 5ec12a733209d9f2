import { KmsError } from '../encryption/ports.js';
import type { Input } from './fields.js';

/** EncryptionAlgorithm: symmetric keys have one. */
export function readAlgorithm(input: Input, member: string): 'SYMMETRIC_DEFAULT' {
  const value = input.oneOf(member, ['SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE']);
  if (value === undefined || value === 'SYMMETRIC_DEFAULT') return 'SYMMETRIC_DEFAULT';
  throw new KmsError('InvalidKeyUsageException', `Algorithm ${value} is incompatible with key spec SYMMETRIC_DEFAULT.`);
}
