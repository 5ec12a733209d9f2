import type { Call } from './call.js';
import type { RequestFacts } from './conditions.js';
import { mac } from './crypto/hmac.js';
import { MAC_ALGORITHMS, type MacAlgorithm } from './crypto/key-spec.js';
import type { Input } from './fields.js';
import type { KeyRecord } from './key-record.js';

/** As AWS lists them in its message. */
const SHOWN = ['HMAC_SHA_384', 'HMAC_SHA_256', 'HMAC_SHA_224', 'HMAC_SHA_512'];

export function readMacAlgorithm(input: Input): MacAlgorithm {
  input.grantTokens();
  return input.requiredOneOf('MacAlgorithm', MAC_ALGORITHMS, SHOWN);
}

export const macFacts = ({ algorithm }: { algorithm: MacAlgorithm }): RequestFacts => ({
  keys: { 'kms:macalgorithm': algorithm },
});

/** @throws InvalidKeyUsageException for an algorithm that isn't the key's */
export function macOf(call: Call, record: KeyRecord, algorithm: MacAlgorithm, message: Buffer): Buffer {
  const backing = call.keys.current(record);
  call.note({ keyMaterialId: backing.id });
  return mac(call.keys.ring.wraps.key(record, backing), algorithm, message);
}
