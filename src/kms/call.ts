import { randomUUID } from 'node:crypto';
import { type KmsCallerContext, KmsError } from '../encryption/ports.js';
import type { AuditEvent } from './audit/ports.js';
import type { Committing } from './committing.js';
import type { RequestFacts } from './conditions.js';
import { notOurs } from './denial.js';
import { codeOf, noSuchKey, notFound } from './errors.js';
import type { GrantRecord } from './grant-record.js';
import type { Asked, KmsAction } from './key-authorizer.js';
import { isOver, type KeyRecord } from './key-record.js';
import { type KeyReference, kmsArn } from './key-reference.js';
import type { Keys } from './keys.js';
import { accountAt, placeOf } from './place.js';
import { requireState, type StateRule } from './states.js';

type Noted = Pick<AuditEvent, 'keyArn' | 'sourceKeyArn' | 'keyMaterialId' | 'encryptionContext' | 'details'> & {
  dryRun?: boolean;
};

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
  /** Members as AuditEvent has them. */
  #keyArn: string | undefined;
  #sourceKeyArn: string | undefined;
  #keyMaterialId: string | undefined;
  #encryptionContext: AuditEvent['encryptionContext'];
  #dryRun: true | undefined;
  #details: AuditEvent['details'];
  #grant: GrantRecord | undefined;
  /** What was allowed last. */
  #asked: Asked | undefined;
  #recorded = false;

  constructor(
    readonly name: string,
    readonly who: KmsCallerContext,
    readonly keys: Keys,
  ) {}

  /** Adds to the record of the audit. Never a secret. */
  note({ keyArn, sourceKeyArn, keyMaterialId, encryptionContext, dryRun, details }: Noted): void {
    if (keyArn !== undefined) this.#keyArn = keyArn;
    if (sourceKeyArn !== undefined) this.#sourceKeyArn = sourceKeyArn;
    if (keyMaterialId !== undefined) this.#keyMaterialId = keyMaterialId;
    if (encryptionContext && hasPairs(encryptionContext)) this.#encryptionContext = encryptionContext;
    if (dryRun) this.#dryRun = true;
    if (details) this.#details = { ...this.#details, ...details };
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
    const record = this.keys.inMemory(reference) ?? (await this.keys.find(this.who, reference, this.#makingManagedKey));
    this.note({ keyArn: this.keys.arn(record) });
    return record;
  }

  /** Found and authorized. @throws NotFoundException, AccessDeniedException */
  async key(text: string, facts: FactsOf, options: KeyOptions = {}): Promise<KeyRecord> {
    // The store asks for callers who signed nothing, too: no key is looked up or made for them.
    if (this.who.caller.kind === 'anonymous') throw notOurs(this.who, options.action ?? `kms:${this.name}`, '*');
    const reference = this.reference(text, options);
    const record = await this.named(reference, options.action, facts);
    await this.authorize(record, facts, { ...options, reference });
    return record;
  }

  /** What a KeyId says. @throws NotFoundException for an alias where none may stand for the key, InvalidArnException */
  reference(text: string, { byAlias = false }: Pick<KeyOptions, 'byAlias'> = {}): KeyReference {
    const reference = this.keys.reference(this.who, text);
    if (!byAlias && reference.alias !== undefined) throw notFound(`Invalid keyId '${reference.alias}'`);
    return reference;
  }

  /** As `find`, but whether another account has such a key is nobody's business. @throws NotFoundException, AccessDeniedException */
  async named(
    reference: KeyReference,
    action: KmsAction = `kms:${this.name}`,
    facts: FactsOf = {},
  ): Promise<KeyRecord> {
    try {
      return await this.find(reference);
    } catch (error) {
      const other = reference.accountId !== this.who.caller.accountId;
      if (!other || !(error instanceof KmsError && error.code === 'NotFoundException')) throw error;
      return this.#refuse(action, reference, facts);
    }
  }

  /**
   * Another account's, or nobody's. It says the same of both, by what the request itself named: what the caller's own policies
   * don't allow first.
   */
  #refuse(action: KmsAction, { accountId, keyId, alias }: KeyReference, facts: FactsOf): never {
    const arn = kmsArn(this.keys.region, accountId, alias ?? `key/${keyId}`);
    this.authorizeOn(arn, typeof facts === 'function' ? {} : facts, action, accountId);
    throw notOurs(this.who, action, arn);
  }

  /** `reference`: how the request named the key. @throws AccessDeniedException */
  async authorize(
    record: KeyRecord,
    facts: FactsOf,
    options: Omit<KeyOptions, 'byAlias'> & { reference?: KeyReference } = {},
  ): Promise<void> {
    const { action = `kms:${this.name}`, otherAccounts = false, reference = record } = options;
    const { who, keys } = this;
    const other = record.accountId !== who.caller.accountId;
    if (other && !otherAccounts) this.#refuse(action, reference, facts);
    const about = typeof facts === 'function' ? facts(record) : facts;
    const asked = { who, action, facts: about, requestAlias: options.reference?.alias };
    try {
      const decision = keys.authorizer.require(asked, record, keys.clock.now());
      this.#grant = decision instanceof Promise ? await decision : decision;
    } catch (error) {
      if (!other || !(error instanceof KmsError && error.code === 'AccessDeniedException')) throw error;
      this.#refuse(action, reference, facts);
    }
    this.#asked = asked;
  }

  /**
   * Of a key as it is about to be written: it may have been destroyed since it was found, and the right to change it taken away.
   * @throws NotFoundException, AccessDeniedException, KMSInvalidStateException
   */
  requireStill(found: KeyRecord, states: StateRule): void {
    const { keys } = this;
    const nowMs = keys.clock.now();
    if (isOver(found, nowMs)) throw noSuchKey(keys.arn(found));
    if (this.#asked) keys.authorizer.requireStill(this.#asked, found, nowMs);
    requireState(states, keys.stateOf(found), keys.arn(found));
  }

  /** For what is about no key, or an alias: identity policies decide. `accountId`: of the resource. @throws AccessDeniedException */
  authorizeOn(
    resource: string,
    facts: RequestFacts,
    action: KmsAction = `kms:${this.name}`,
    accountId = this.who.caller.accountId,
  ): void {
    this.keys.authorizer.requireOn({ who: this.who, action, facts }, resource, this.keys.clock.now(), accountId);
  }

  /** Changes a key that is still in such a state when it is written. */
  changeKey(record: KeyRecord, states: StateRule, change: (found: KeyRecord) => KeyRecord): Promise<KeyRecord> {
    return this.keys.ring.update(record, this.committing, (found) => {
      this.requireStill(found, states);
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
  readonly #makingManagedKey = (keyArn: string): Committing => {
    const event = {
      ...this.#event('Success'),
      eventId: randomUUID(),
      action: 'CreateKey',
      keyArn,
      details: { KeyManager: 'AWS' },
    };
    return (commit) => this.keys.parts.audit.commit(commit, event);
  };

  /** Leaves the record where no commit took it. Waits only where the log can't keep up. @throws where it can't be written */
  async succeeded(): Promise<void> {
    if (this.#recorded) return;
    const room = this.keys.parts.audit.record(this.#event('Success'), this.#used.map(usedKey));
    if (room) await room;
  }

  async failed(error: unknown): Promise<void> {
    await this.keys.parts.audit.record(this.#event(codeOf(error)));
  }

  #event(result: string): AuditEvent {
    const { caller, requestId, requestContext, viaService, source } = this.who;
    return {
      eventId: this.#eventId,
      timeMs: this.keys.clock.now(),
      requestId,
      action: this.name,
      caller,
      sourceIp: requestContext?.get('aws:sourceip')?.[0],
      viaService,
      source,
      keyArn: this.#keyArn,
      sourceKeyArn: this.#sourceKeyArn,
      keyMaterialId: this.#keyMaterialId,
      encryptionContext: this.#encryptionContext,
      grantId: this.#grant?.grantId,
      dryRun: this.#dryRun,
      result,
      details: this.#details,
    };
  }
}

/** As last uses are kept: the account as in rows. */
const usedKey = (record: KeyRecord): { accountId: string; keyId: string } => ({
  accountId: accountAt(placeOf(record), record.accountId),
  keyId: record.keyId,
});

function hasPairs(context: object): boolean {
  for (const _ in context) return true;
  return false;
}
