import { validation } from './errors.js';
import type { Input } from './fields.js';

/** KeySpec or NumberOfBytes, exactly one of them. */
export function readDataKeyLength(input: Input): number {
  const spec = input.oneOf('KeySpec', ['AES_256', 'AES_128']);
  const bytes = input.integer('NumberOfBytes', { min: 1, max: 1024 });
  if ((spec === undefined) === (bytes === undefined)) {
    throw validation('Please specify either number of bytes or key spec.');
  }
  return bytes ?? (spec === 'AES_256' ? 32 : 16);
}
