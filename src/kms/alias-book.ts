import { BoundedMap } from '../base/bounded-map.js';
import type { Clock } from '../base/clock.js';
import { KmsError } from '../encryption/ports.js';
import type { RecordSealer } from '../seal/ports.js';
import { under } from '../store/keys.js';
import type { MetaStore } from '../store/ports.js';
import { CommitBuilder, marker, Table } from '../store/table.js';
import { ALIAS, type AliasRecord, aliasesOf, aliasRow } from './alias-record.js';
import type { Committing } from './committing.js';
import { aliasesGenerationRow, asStored, type Generation, generationOf } from './generations.js';
import type { KeyRecord } from './key-record.js';
import { accountAt, HOME, type Place } from './place.js';

/** https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html: it bounds the memory, too. */
export const ALIASES_PER_KEY_MAX = 50;
/** Whose aliases are kept, where they may have to be read again in any case. */
const ACCOUNTS_MAX = 1000;

export interface AccountAliases {
  byName: Map<string, AliasRecord>;
  /** Names by key id, for `kms:ResourceAliases`. */
  byKey: Map<string, Set<string>>;
  /** Of stores that others write too: none of them is older. */
  generation?: Generation;
}

/**
 * The aliases of an account, in memory from their first use on. Every write goes to the store first. Where others write the store
 * too, what is in memory counts for as long as the account's generation row is the one it was read under, and an alias that is named
 * is read.
 */
export class AliasBook {
  readonly #table: Table<AliasRecord>;
  readonly #accounts = new Map<string, Promise<AccountAliases>>();
  readonly #ready = new Map<string, AccountAliases>();
  /** In their place where others write the store too. */
  readonly #generations = new BoundedMap<{ aliases: Promise<AccountAliases>; generation: Generation }>(ACCOUNTS_MAX);

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

  /** Undefined where they have to be read. */
  loaded(accountId: string): AccountAliases | undefined {
    return this.#ready.get(accountId);
  }

  generationRow(accountId: string): Buffer {
    return aliasesGenerationRow(accountAt(this.place, accountId));
  }

  /** What `namesOf` needs: loads the account's aliases, once. */
  async load(accountId: string): Promise<AccountAliases> {
    if (!this.meta.shared) return this.#load(accountId);
    return this.at(accountId, generationOf(await this.meta.get(this.generationRow(accountId))));
  }

  /** Where others write the store too. `generation`: read before. */
  async at(accountId: string, generation: Generation): Promise<AccountAliases> {
    const known = this.#generations.get(accountId);
    if (known?.generation === generation) return known.aliases;
    const reading = { aliases: this.#read(accountId, generation), generation };
    this.#generations.set(accountId, reading);
    try {
      return await reading.aliases;
    } catch (error) {
      if (this.#generations.get(accountId) === reading) this.#generations.delete(accountId);
      throw error;
    }
  }

  #load(accountId: string): Promise<AccountAliases> {
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
    return account && namesIn(account, keyId);
  }

  /** A commit that holds only while there is room. @throws LimitExceededException */
  async requireRoom({ accountId, keyId }: Pick<KeyRecord, 'accountId' | 'keyId'>): Promise<CommitBuilder> {
    const { byKey, generation } = await this.load(accountId);
    const names = byKey.get(keyId);
    if (names && names.size >= ALIASES_PER_KEY_MAX) {
      throw new KmsError('LimitExceededException', `A key has at most ${ALIASES_PER_KEY_MAX} aliases.`);
    }
    const commit = new CommitBuilder();
    return generation === undefined ? commit : commit.expect(this.generationRow(accountId), asStored(generation));
  }

  /** Pages in the order of names. */
  async list(accountId: string, after: string, limit: number): Promise<AliasRecord[]> {
    const range = under(aliasesOf(accountAt(this.place, accountId)));
    if (after !== '') range.gte = Buffer.concat([this.#row(accountId, after), Buffer.of(0)]);
    return (await this.#table.range({ ...range, limit })).map((stored) => stored.record);
  }

  /** Joins `commit`. `false`: there is such an alias, or another check of `commit` failed. */
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
  async retarget(
    alias: AliasRecord,
    keyId: string,
    committing: Committing,
    commit = new CommitBuilder(),
  ): Promise<boolean> {
    const { accountId, name } = alias;
    const row = this.#row(accountId, name);
    const stored = await this.#table.get(row);
    if (stored?.record.targetKeyId !== alias.targetKeyId) return this.#changed(accountId);
    const record = { ...stored.record, targetKeyId: keyId, updatedMs: this.clock.now() };
    commit.expect(row, stored).put(this.#table.put(row, record));
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

  async #read(accountId: string, generation?: Generation): Promise<AccountAliases> {
    const all: AccountAliases = {
      byName: new Map(),
      byKey: new Map(),
      ...(generation !== undefined && { generation }),
    };
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
    // The next one to read the generation reads the aliases.
    if (this.meta.shared) return committing(commit.put(marker(this.generationRow(accountId))));
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

export const namesIn = ({ byKey }: AccountAliases, keyId: string): readonly string[] => [...(byKey.get(keyId) ?? [])];

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
