import { unsupported } from './errors.js';
import type { Input } from './fields.js';

/** Attested enclaves are AWS hardware. */
export function refuseRecipient(input: Input): undefined {
  if (input.structure('Recipient')) throw unsupported('Recipient (Nitro Enclaves) is not supported.');
  return undefined;
}
