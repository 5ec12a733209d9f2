import type { Clock } from '../base/clock.js';
import { KmsError } from '../encryption/ports.js';
import type { RecordSealer } from '../seal/ports.js';
import { under } from '../store/keys.js';
import type { MetaStore } from '../store/ports.js';
import { CommitBuilder, Table } from '../store/table.js';
import { ALIAS, type AliasRecord, aliasesOf, aliasRow } from './alias-record.js';
import type { Committing } from './committing.js';
import type { KeyRecord } from './key-record.js';
import { accountAt, HOME, type Place } from './place.js';

/** https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html: it bounds the memory, too. */
export const ALIASES_PER_KEY_MAX = 50;

interface AccountAliases {
  byName: Map<string, AliasRecord>;
  /** Names by key id, for `kms:ResourceAliases`. */
  byKey: Map<string, Set<string>>;
}

/** The aliases of an account, in memory from their first use on. Every write goes to the store first. */
export class AliasBook {
  readonly #table: Table<AliasRecord>;
  readonly #accounts = new Map<string, Promise<AccountAliases>>();
  readonly #ready = new Map<string, AccountAliases>();

  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
    private readonly clock: Clock,
    /** Whose aliases. */
    private readonly place: Place = HOME,
  ) {
    this.#table = new Table(meta, sealer, ALIAS);
  }

  /** Loads nothing: a client may name any account, also one that there isn't. */
  async find(accountId: string, name: string): Promise<AliasRecord | undefined> {
    const account = this.#ready.get(accountId);
    return account ? account.byName.get(name) : (await this.#table.get(this.#row(accountId, name)))?.record;
  }

  isLoaded(accountId: string): boolean {
    return this.#ready.has(accountId);
  }

  /** What `namesOf` needs: loads the account's aliases, once. */
  load(accountId: string): Promise<AccountAliases> {
    const known = this.#accounts.get(accountId);
    if (known) return known;
    const loading = this.#read(accountId);
    this.#accounts.set(accountId, loading);
    // What was forgotten while it was read is older than the store.
    const isCurrent = () => this.#accounts.get(accountId) === loading;
    loading.then(
      (all) => isCurrent() && this.#ready.set(accountId, all),
      () => isCurrent() && this.#forget(accountId),
    );
    return loading;
  }

  /** Of a key; undefined where the account's aliases aren't loaded. */
  namesOf(accountId: string, keyId: string): readonly string[] | undefined {
    const account = this.#ready.get(accountId);
    return account && [...(account.byKey.get(keyId) ?? [])];
  }

  /** @throws LimitExceededException */
  async requireRoom({ accountId, keyId }: Pick<KeyRecord, 'accountId' | 'keyId'>): Promise<void> {
    const names = (await this.load(accountId)).byKey.get(keyId);
    if (names && names.size >= ALIASES_PER_KEY_MAX) {
      throw new KmsError('LimitExceededException', `A key has at most ${ALIASES_PER_KEY_MAX} aliases.`);
    }
  }

  /** Pages in the order of names. */
  async list(accountId: string, after: string, limit: number): Promise<AliasRecord[]> {
    const range = under(aliasesOf(accountAt(this.place, accountId)));
    if (after !== '') range.gte = Buffer.concat([this.#row(accountId, after), Buffer.of(0)]);
    return (await this.#table.range({ ...range, limit })).map((stored) => stored.record);
  }

  /** Joins `commit`. `false`: there is such an alias. */
  create(
    { name, accountId, keyId }: { name: string; accountId: string; keyId: string },
    commit: CommitBuilder,
    committing: Committing,
  ): Promise<boolean> {
    const nowMs = this.clock.now();
    const record = { name, accountId, targetKeyId: keyId, createdMs: nowMs, updatedMs: nowMs };
    const row = this.#row(accountId, name);
    return this.#write(accountId, commit.expect(row, undefined).put(this.#table.put(row, record)), committing, (all) =>
      add(all, record),
    );
  }

  /** `false`: it changed or is gone. */
  async retarget(alias: AliasRecord, keyId: string, committing: Committing): Promise<boolean> {
    const { accountId, name } = alias;
    const row = this.#row(accountId, name);
    const stored = await this.#table.get(row);
    if (stored?.record.targetKeyId !== alias.targetKeyId) return this.#changed(accountId);
    const record = { ...stored.record, targetKeyId: keyId, updatedMs: this.clock.now() };
    const commit = new CommitBuilder().expect(row, stored).put(this.#table.put(row, record));
    return this.#write(accountId, commit, committing, (all) => {
      drop(all, alias);
      add(all, record);
    });
  }

  /** `false`: it changed or is gone. */
  async delete(alias: AliasRecord, committing: Committing): Promise<boolean> {
    const row = this.#row(alias.accountId, alias.name);
    const stored = await this.#table.get(row);
    if (stored?.record.targetKeyId !== alias.targetKeyId) return this.#changed(alias.accountId);
    const commit = new CommitBuilder().expect(row, stored).del(row);
    return this.#write(alias.accountId, commit, committing, (all) => drop(all, alias));
  }

  /** All of a key that is destroyed. */
  async removeOf(accountId: string, keyId: string): Promise<void> {
    const { byName } = await this.load(accountId);
    for (const alias of [...byName.values()].filter((one) => one.targetKeyId === keyId)) {
      await this.delete(alias, (commit) => this.meta.commit(commit.frees().build()));
    }
  }

  #row(accountId: string, name: string): Buffer {
    return aliasRow(accountAt(this.place, accountId), name);
  }

  async #read(accountId: string): Promise<AccountAliases> {
    const all: AccountAliases = { byName: new Map(), byKey: new Map() };
    for await (const { record } of this.#table.scan(under(aliasesOf(accountAt(this.place, accountId)))))
      add(all, record);
    return all;
  }

  /** Where the outcome isn't known, what is in memory isn't either: it is read again. */
  async #write(
    accountId: string,
    commit: CommitBuilder,
    committing: Committing,
    apply: (all: AccountAliases) => void,
  ): Promise<boolean> {
    await this.load(accountId);
    try {
      const done = await committing(commit);
      if (done) apply(await this.load(accountId));
      return done;
    } catch (error) {
      this.#forget(accountId);
      throw error;
    }
  }

  /** The store has another alias than was found: whoever looks again looks there. */
  #changed(accountId: string): false {
    this.#forget(accountId);
    return false;
  }

  #forget(accountId: string): void {
    this.#accounts.delete(accountId);
    this.#ready.delete(accountId);
  }
}

function add({ byName, byKey }: AccountAliases, record: AliasRecord): void {
  byName.set(record.name, record);
  const names = byKey.get(record.targetKeyId);
  if (names) names.add(record.name);
  else byKey.set(record.targetKeyId, new Set([record.name]));
}

function drop({ byName, byKey }: AccountAliases, { name, targetKeyId }: AliasRecord): void {
  byName.delete(name);
  byKey.get(targetKeyId)?.delete(name);
}
