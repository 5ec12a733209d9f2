import type { Call } from './call.js';
import type { RequestFacts } from './conditions.js';
import type { KeyUsage } from './crypto/key-spec.js';
import { dryRunSucceeded, invalidKeyUsage, wrongOrigin } from './errors.js';
import { type Input, KEY_ID } from './fields.js';
import type { KmsAction } from './key-authorizer.js';
import type { KeyRecord } from './key-record.js';
import { requireState, type StateRule } from './states.js';

export type Answer = Record<string, unknown>;

/** What is declared of an action: the surface of the API, which `fixtures/golden/kms-actions.json` keeps. */
export interface ActionFacts {
  /** Every one has to be allowed, where what it is for occurs. */
  permissions: readonly KmsAction[];
  /** Absent for what is about no key. */
  states?: StateRule;
  /** The one usage of keys that it works with. */
  usage?: KeyUsage;
  /** The one origin of keys that it works with. */
  origin?: KeyRecord['origin'];
  /** Keys of other accounts may be named, where both sides allow it. */
  otherAccounts?: true;
  /** An alias may stand for the key. */
  byAlias?: true;
  /** Takes DryRun: all is decided, nothing is done. */
  dryRun?: true;
  /** Counts as a use of the key: GetKeyLastUsage tells of it. */
  cryptographic?: true;
}

/** One action of the AWS KMS API: one file in `actions/`, named as AWS names it, and one line in `registry.ts`. */
export interface Action<I = unknown> extends ActionFacts {
  name: string;
  /** Reads and validates the members. @throws ValidationException */
  input(input: Input): I;
  /** Authorizes through `call` before it looks at a key's state or touches key material. */
  run(input: I, call: Call): Promise<Answer>;
}

/** An action on one key that its KeyId names. */
export interface KeyAction<I> extends Omit<ActionFacts, 'permissions'> {
  name: string;
  /** Permissions besides that of its own name, which `handle` asks for. */
  more?: readonly KmsAction[];
  /** What it has beside KeyId. */
  input(input: Input): I;
  /** The condition keys that the request brings. */
  needs(input: NoInfer<I>): RequestFacts;
  states: StateRule;
  /** What else has to be true of the key, for this input; a dry run stops behind it. @throws KmsError */
  check?(record: KeyRecord, arn: string, input: NoInfer<I>, call: Call): Promise<void> | void;
  handle(input: NoInfer<I>, record: KeyRecord, call: Call): Promise<Answer> | Answer;
}

/** Declares an action on one key. Found, authorized, checked for its origin, state and usage, and only then used: in this order. */
export function keyAction<I>(declared: KeyAction<I>): Action<{ keyId: string; dryRun: boolean; own: I }> {
  const { name, more = [], input: readOwn, needs, check, handle, ...facts } = declared;
  const { states, usage, origin, otherAccounts = false, byAlias = false } = facts;
  return {
    name,
    permissions: [`kms:${name}`, ...more],
    ...facts,
    input: (input) => ({
      keyId: input.requiredText('KeyId', KEY_ID),
      dryRun: facts.dryRun === true && input.boolean('DryRun') === true,
      own: readOwn(input),
    }),
    async run({ keyId, dryRun, own }, call) {
      const conditions = needs(own);
      call.note({ encryptionContext: conditions.encryptionContext, dryRun });
      const record = await call.key(keyId, conditions, { otherAccounts, byAlias });
      const arn = call.keys.arn(record);
      if (origin !== undefined && record.origin !== origin) throw wrongOrigin(arn, record.origin);
      requireUsable(call, record, states, usage);
      const connected = facts.cryptographic ? requireConnected(call, record) : undefined;
      if (connected) await connected;
      await check?.(record, arn, own, call);
      if (dryRun) throw dryRunSucceeded();
      const answer = await handle(own, record, call);
      if (facts.cryptographic) call.uses(record);
      return answer;
    },
  };
}

/** Declares any other action: on the account, on an alias, on two keys. `permissions`: its own name's, where they aren't given. */
export function action<I>(declared: Omit<Action<I>, 'permissions'> & Partial<Pick<Action, 'permissions'>>): Action<I> {
  return { permissions: [`kms:${declared.name}`], ...declared };
}

/** State, then usage. @throws KMSInvalidStateException, DisabledException, InvalidKeyUsageException */
export function requireUsable(call: Call, record: KeyRecord, states: StateRule, usage?: KeyUsage): void {
  const arn = call.keys.arn(record);
  requireState(states, call.keys.stateOf(record), arn);
  if (usage !== undefined && record.usage !== usage) throw invalidKeyUsage(arn, record.usage, call.name);
}

/** Before key material is used. Only keys of custom key stores wait for it. @throws KMSInvalidStateException */
export const requireConnected = (call: Call, record: KeyRecord): Promise<unknown> | undefined =>
  record.keyStore && call.keys.stores.requireConnected(record);
