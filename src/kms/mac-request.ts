import type { Mac } from '../base/mac.js';
import type { Call } from './call.js';
import type { RequestFacts } from './conditions.js';
import { generateMac } from './crypto/hmac.js';
import type { Input } from './fields.js';
import type { KeyRecord } from './key-record.js';

/** As AWS lists them in its message. */
const ALGORITHMS = ['HMAC_SHA_384', 'HMAC_SHA_256', 'HMAC_SHA_224', 'HMAC_SHA_512'];

export function readMacAlgorithm(input: Input): string {
  input.grantTokens();
  return input.requiredOneOf('MacAlgorithm', ALGORITHMS);
}

export const macFacts = ({ algorithm }: { algorithm: string }): RequestFacts => ({
  keys: { 'kms:macalgorithm': algorithm },
});

/** @throws InvalidKeyUsageException for an algorithm that isn't the key's */
export function macOf(call: Call, record: KeyRecord, algorithm: string, message: Buffer): Mac {
  const backing = call.keys.current(record);
  call.note({ keyMaterialId: backing.id });
  return generateMac(call.keys.ring.wraps.key(record, backing), algorithm, message);
}
