import type { KmsCallerContext } from '../encryption/ports.js';
import type { Input } from './fields.js';
import type { Keys } from './keys.js';

/** One action of the AWS KMS API: one file in `actions/`, named as AWS names it, and one line in `registry.ts`. */
export interface Action<I = unknown> {
  name: string;
  /** Reads and validates the members. @throws ValidationException */
  input(input: Input): I;
  /** Every action authorizes through `keys`, before it looks at the key's state or touches key material. */
  handle(input: I, who: KmsCallerContext, keys: Keys): Promise<Record<string, unknown>>;
}

export function action<I>(declared: Action<I>): Action<I> {
  return declared;
}
