import { randomUUID } from 'node:crypto';
import { type EncryptionContext, type KmsCallerContext, KmsError } from '../encryption/ports.js';
import type { AuditEvent } from './audit/ports.js';
import type { RequestFacts } from './conditions.js';
import { notOurs } from './denial.js';
import { noSuchKey, notFound } from './errors.js';
import type { GrantRecord } from './grant-record.js';
import type { KmsAction } from './key-authorizer.js';
import { isOver, type KeyRecord } from './key-record.js';
import type { KeyReference } from './key-reference.js';
import type { Committing } from './key-ring.js';
import type { Keys } from './keys.js';
import { requireState, type StateRule } from './states.js';

type Noted = Partial<
  Pick<AuditEvent, 'keyArn' | 'sourceKeyArn' | 'keyMaterialId' | 'encryptionContext' | 'dryRun' | 'details'>
>;

/** Condition keys of a request, some of which may depend on the key that it turns out to be about. */
export type FactsOf = RequestFacts | ((record: KeyRecord) => RequestFacts);

export interface KeyOptions {
  /** The permission that is needed, where it isn't that of the request's own name. */
  action?: KmsAction;
  otherAccounts?: boolean;
  byAlias?: boolean;
}

/** One request under way: finds and authorizes keys for its caller, and gathers what its record of the audit will say. */
export class Call {
  readonly #eventId = randomUUID();
  readonly #used: KeyRecord[] = [];
  #noted: Noted = {};
  #grant: GrantRecord | undefined;
  #recorded = false;

  constructor(
    readonly name: string,
    readonly who: KmsCallerContext,
    readonly keys: Keys,
  ) {}

  /** Adds to the record of the audit. Never a secret. */
  note(noted: Noted): void {
    this.#noted = { ...this.#noted, ...noted, details: { ...this.#noted.details, ...noted.details } };
  }

  /** A cryptographic operation with this key: its last use, if the request succeeds. */
  uses(record: KeyRecord): void {
    this.#used.push(record);
  }

  /** The grant that allowed the request, where nothing else did. */
  get grant(): GrantRecord | undefined {
    return this.#grant;
  }

  /** @throws NotFoundException, InvalidArnException */
  async find(reference: KeyReference): Promise<KeyRecord> {
    // The store asks for callers who signed nothing, too: no key is looked up or made for them.
    if (this.who.caller.kind === 'anonymous') throw notOurs(this.who, `kms:${this.name}`, '*');
    const record = await this.keys.find(this.who, reference, this.#makingManagedKey);
    this.note({ keyArn: this.keys.arn(record) });
    return record;
  }

  /** Found and authorized. @throws NotFoundException, AccessDeniedException */
  async key(text: string, facts: FactsOf, options: KeyOptions = {}): Promise<KeyRecord> {
    const reference = this.reference(text, options);
    const record = await this.named(reference, options.action);
    await this.authorize(record, facts, { ...options, requestAlias: reference.alias });
    return record;
  }

  /** What a KeyId says. @throws NotFoundException for an alias where none may stand for the key, InvalidArnException */
  reference(text: string, { byAlias = false }: Pick<KeyOptions, 'byAlias'> = {}): KeyReference {
    const reference = this.keys.reference(this.who, text);
    if (!byAlias && reference.alias !== undefined) throw notFound(`Invalid keyId '${reference.alias}'`);
    return reference;
  }

  /** As `find`, but whether another account has such a key is nobody's business. @throws NotFoundException, AccessDeniedException */
  async named(reference: KeyReference, action: KmsAction = `kms:${this.name}`): Promise<KeyRecord> {
    try {
      return await this.find(reference);
    } catch (error) {
      const { accountId, keyId, alias } = reference;
      const other = accountId !== this.who.caller.accountId;
      if (!other || !(error instanceof KmsError && error.code === 'NotFoundException')) throw error;
      const arn = `arn:aws:kms:${this.keys.region}:${accountId}:${alias ?? `key/${keyId}`}`;
      return this.#refuse(action, arn);
    }
  }

  /** Another account's, or nobody's. What the caller's own policies don't allow is said first, as about a key that is shared. */
  #refuse(action: KmsAction, arn: string): never {
    this.authorizeOn(arn, {}, action);
    throw notOurs(this.who, action, arn);
  }

  /** @throws AccessDeniedException */
  async authorize(
    record: KeyRecord,
    facts: FactsOf,
    options: Omit<KeyOptions, 'byAlias'> & { requestAlias?: string | undefined } = {},
  ): Promise<void> {
    const { action = `kms:${this.name}`, otherAccounts = false, requestAlias } = options;
    const { who, keys } = this;
    if (!otherAccounts && record.accountId !== who.caller.accountId) this.#refuse(action, keys.arn(record));
    const asked = { who, action, facts: typeof facts === 'function' ? facts(record) : facts, requestAlias };
    this.#grant = await keys.authorizer.require(asked, record, keys.clock.now());
  }

  /** For what is about no key, or an alias: identity policies decide. @throws AccessDeniedException */
  authorizeOn(resource: string, facts: RequestFacts, action: KmsAction = `kms:${this.name}`): void {
    this.keys.authorizer.requireOn({ who: this.who, action, facts }, resource, this.keys.clock.now());
  }

  /** Changes a key that is still in such a state when it is written. */
  changeKey(record: KeyRecord, states: StateRule, change: (found: KeyRecord) => KeyRecord): Promise<KeyRecord> {
    return this.keys.ring.update(record, this.committing, (found) => {
      // Its time may have come since it was found.
      if (isOver(found, this.keys.clock.now())) throw noSuchKey(this.keys.arn(found));
      requireState(states, this.keys.stateOf(found), this.keys.arn(found));
      return change(found);
    });
  }

  /** Commits what the request changes together with its record: both or neither. */
  readonly committing: Committing = async (commit) => {
    const done = await this.keys.parts.audit.commit(commit, this.#event('Success'));
    if (done) this.#recorded = true;
    return done;
  };

  /** An AWS-managed key comes into being whatever becomes of the request that named it: an event of its own. */
  readonly #makingManagedKey: Committing = (commit) => {
    const event = {
      ...this.#event('Success'),
      eventId: randomUUID(),
      action: 'CreateKey',
      details: { KeyManager: 'AWS' },
    };
    return this.keys.parts.audit.commit(commit, event);
  };

  /** Leaves the record where no commit took it. Waits only where the log can't keep up. @throws where it can't be written */
  async succeeded(): Promise<void> {
    if (this.#recorded) return;
    await this.keys.parts.audit.record(this.#event('Success'), this.#used);
  }

  async failed(error: unknown): Promise<void> {
    const code = error instanceof KmsError ? error.code : 'KMSInternalException';
    await this.keys.parts.audit.record(this.#event(code));
  }

  #event(result: string): AuditEvent {
    const { caller, requestId, requestContext, viaService, source } = this.who;
    const sourceIp = requestContext?.get('aws:sourceip')?.[0];
    const { details, ...noted } = this.#noted;
    return {
      eventId: this.#eventId,
      timeMs: this.keys.clock.now(),
      requestId,
      action: this.name,
      caller: {
        arn: caller.arn,
        accountId: caller.accountId,
        userId: caller.userId,
        accessKeyId: caller.accessKeyId,
      },
      ...(sourceIp !== undefined && { sourceIp }),
      ...(viaService !== undefined && { viaService }),
      ...(source && { source }),
      ...noted,
      ...(this.#grant && { grantId: this.#grant.grantId }),
      result,
      ...(details && Object.keys(details).length > 0 && { details }),
    };
  }
}

/** What of the encryption context goes into the record: nothing where there is none. */
export const contextNote = (context: EncryptionContext): { encryptionContext?: EncryptionContext } =>
  Object.keys(context).length === 0 ? {} : { encryptionContext: context };
