import type { HsmCall } from './call.js';
import type { Fields } from './fields.js';

export type Answer = Record<string, unknown>;

/** One action of the CloudHSM v2 API: one file in `actions/`, named as AWS names it, and one line in `registry.ts`. */
export interface HsmAction<I = unknown> {
  name: string;
  /** Reads and validates the members. @throws CloudHsmInvalidRequestException */
  input(fields: Fields): I;
  run(input: I, call: HsmCall): Promise<Answer>;
}

export const hsmAction = <I>(declared: HsmAction<I>): HsmAction<I> => declared;
