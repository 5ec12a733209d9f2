import { randomBytes } from 'node:crypto';
import { type MaybePromise, whenThere } from '../base/maybe-promise.js';
import type { EncryptionContext } from '../encryption/ports.js';
import type { Call } from './call.js';
import type { RequestFacts } from './conditions.js';
import { validation } from './errors.js';
import type { Input } from './fields.js';
import type { KeyRecord } from './key-record.js';
import { encryptUnder } from './symmetric.js';

/** KeySpec or NumberOfBytes, exactly one of them. */
export function readDataKeyLength(input: Input): number {
  const spec = input.oneOf('KeySpec', ['AES_256', 'AES_128']);
  const bytes = input.integer('NumberOfBytes', { min: 1, max: 1024 });
  if ((spec === undefined) === (bytes === undefined)) {
    throw validation('Please specify either number of bytes or key spec.');
  }
  return bytes ?? (spec === 'AES_256' ? 32 : 16);
}

/** Condition keys of what makes data keys: they are under symmetric keys alone. */
export const dataKeyFacts = (context: EncryptionContext, keys: RequestFacts['keys'] = {}): RequestFacts => ({
  encryptionContext: context,
  keys: { 'kms:encryptionalgorithm': 'SYMMETRIC_DEFAULT', ...keys },
});

/** Random bytes and their ciphertext; a promise where a custom key store makes it. Zero the plaintext after use. */
export function newDataKey(
  call: Call,
  record: KeyRecord,
  context: EncryptionContext,
  bytes: number,
): MaybePromise<{ plaintext: Buffer; blob: Buffer; keyMaterialId: string }> {
  const plaintext = randomBytes(bytes);
  return whenThere(encryptUnder(call, record, context, plaintext), (made) => ({ plaintext, ...made }));
}
