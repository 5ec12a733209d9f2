import type { Call } from './call.js';
import type { RequestFacts } from './conditions.js';
import type { KeyUsage } from './crypto/key-spec.js';
import { dryRunSucceeded, invalidKeyUsage } from './errors.js';
import { type Input, KEY_ID } from './fields.js';
import type { KeyRecord } from './key-record.js';
import { requireState, type StateRule } from './states.js';

export type Answer = Record<string, unknown>;

/** One action of the AWS KMS API: one file in `actions/`, named as AWS names it, and one line in `registry.ts`. */
export interface Action<I = unknown> {
  name: string;
  /** Reads and validates the members. @throws ValidationException */
  input(input: Input): I;
  /** Authorizes through `call` before it looks at a key's state or touches key material. */
  run(input: I, call: Call): Promise<Answer>;
}

/** An action on one key that its KeyId names. */
export interface KeyAction<I> {
  name: string;
  /** What it has beside KeyId. */
  input(input: Input): I;
  /** The condition keys that the request brings. */
  needs(input: NoInfer<I>): RequestFacts;
  states: StateRule;
  /** The one usage of keys that it works with. */
  usage?: KeyUsage;
  /** What else has to be true of the key. @throws KmsError */
  check?(record: KeyRecord, arn: string): void;
  /** Keys of other accounts may be named, where both sides allow it. */
  otherAccounts?: true;
  /** Takes DryRun: all is decided, nothing is done. */
  dryRun?: true;
  /** Counts as a use of the key: GetKeyLastUsage tells of it. */
  cryptographic?: true;
  handle(input: NoInfer<I>, record: KeyRecord, call: Call): Promise<Answer> | Answer;
}

/** Declares an action on one key. Found, authorized, checked for its state and usage, and only then used: in this order. */
export function keyAction<I>(declared: KeyAction<I>): Action<{ keyId: string; dryRun: boolean; own: I }> {
  const { name, states, usage, otherAccounts = false } = declared;
  return {
    name,
    input: (input) => ({
      keyId: input.requiredText('KeyId', KEY_ID),
      dryRun: declared.dryRun === true && input.boolean('DryRun') === true,
      own: declared.input(input),
    }),
    async run({ keyId, dryRun, own }, call) {
      const facts = declared.needs(own);
      const { encryptionContext } = facts;
      call.note({
        ...(encryptionContext && hasPairs(encryptionContext) && { encryptionContext }),
        ...(dryRun && { dryRun }),
      });
      const record = await call.key(keyId, facts, { otherAccounts });
      requireUsable(call, record, states, usage);
      declared.check?.(record, call.keys.arn(record));
      if (dryRun) throw dryRunSucceeded();
      const answer = await declared.handle(own, record, call);
      if (declared.cryptographic) call.uses(record);
      return answer;
    },
  };
}

/** Declares any other action: on the account, on an alias, on two keys. */
export function action<I>(declared: Action<I>): Action<I> {
  return declared;
}

/** State, then usage. @throws KMSInvalidStateException, DisabledException, InvalidKeyUsageException */
export function requireUsable(call: Call, record: KeyRecord, states: StateRule, usage?: KeyUsage): void {
  const arn = call.keys.arn(record);
  requireState(states, call.keys.stateOf(record), arn);
  if (usage !== undefined && record.usage !== usage) throw invalidKeyUsage(arn, record.usage, call.name);
}

const hasPairs = (context: object): boolean => Object.keys(context).length > 0;
