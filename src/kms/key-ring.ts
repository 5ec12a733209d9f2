import { BoundedMap } from '../base/bounded-map.js';
import { META_VALUE_MAX_BYTES } from '../base/limits.js';
import type { RecordSealer } from '../seal/ports.js';
import { untilCommitted } from '../store/conflict.js';
import { under } from '../store/keys.js';
import type { MetaStore, Row } from '../store/ports.js';
import { CommitBuilder, type Stored, Table } from '../store/table.js';
import { type AccountAliases, type AliasBook, namesIn } from './alias-book.js';
import { lastUseRow } from './audit/rows.js';
import type { Committing } from './committing.js';
import { tooLarge } from './errors.js';
import { generationOf } from './generations.js';
import type { GrantBook, KeyGrants } from './grant-book.js';
import {
  ALL_KEYS,
  isPrimary,
  KEY,
  KEY_TEXT,
  type KeyCore,
  type KeyRecord,
  type KeyText,
  keyRow,
  keysOf,
  keyTextRow,
} from './key-record.js';
import type { KeyStoreGeneration } from './key-store-generation.js';
import { dueRange, readTimerRow, timerRow } from './key-timers.js';
import type { KeyWraps } from './key-wraps.js';
import { share } from './multi-region.js';
import { accountAt, HOME, type Place, placeOf } from './place.js';

/** Keys kept in memory: so many. */
const CACHED_MAX = 10_000;
const DUE_PER_PAGE = 100;

export interface StoredKey {
  record: KeyRecord;
  core: Stored<KeyCore>;
  text: Stored<KeyText> | undefined;
}

/** What a decision about a key looks at besides its record. */
export interface Surroundings {
  grants: KeyGrants;
  aliases: AccountAliases;
}

/**
 * The stored CMKs. Where one process owns the store, records are kept in memory once read and read again when written: GenerateDataKey
 * and Decrypt touch no disk. Where others write it too, every request reads the key with the generations of what surrounds it, in one
 * round trip; what the same bytes gave before isn't deciphered again.
 */
export class KeyRing {
  readonly #cores: Table<KeyCore>;
  readonly #texts: Table<KeyText>;
  readonly #cached = new BoundedMap<KeyRecord>(CACHED_MAX);
  /** Of a store that others write too: what was opened last, by what it was sealed in. */
  readonly #opened = new BoundedMap<{ core: Buffer; text: Buffer | undefined; stored: StoredKey }>(CACHED_MAX);
  readonly #surroundings = new WeakMap<KeyRecord, Surroundings>();
  /** Counts writes: what was read before one and arrives after it is older than the store and isn't cached. */
  #writes = 0;

  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
    readonly wraps: KeyWraps,
    readonly aliases: AliasBook,
    readonly grants: GrantBook,
    /** What a change of a key that was destroyed meanwhile answers. */
    private readonly gone: (key: Pick<KeyRecord, 'accountId' | 'keyId'>) => Error,
    /** Whose keys. */
    readonly place: Place = HOME,
    /** The keys of another place: a multi-Region key is changed in all of its places at once. */
    private readonly elsewhere: (place: Place) => KeyRing | undefined = () => undefined,
    /** Where others use the key-store key too. */
    private readonly generation?: KeyStoreGeneration,
  ) {
    this.#cores = new Table(meta, sealer, KEY);
    this.#texts = new Table(meta, sealer, KEY_TEXT);
  }

  /** The account as it stands in rows. */
  at(accountId: string): string {
    return accountAt(this.place, accountId);
  }

  #row(accountId: string, keyId: string): Buffer {
    return keyRow(this.at(accountId), keyId);
  }

  get shared(): boolean {
    return this.meta.shared;
  }

  /** As it was read with the record, or later. Undefined where it has to be read. */
  surroundings(record: KeyRecord): Surroundings | undefined {
    if (this.shared) return this.#surroundings.get(record);
    const grants = this.grants.cached(record.keyId);
    const aliases = grants && this.aliases.loaded(record.accountId);
    return aliases && { grants: grants!, aliases };
  }

  /** Of a record that is about to be written, or decided on. */
  aliasesOf(record: KeyRecord): readonly string[] {
    if (!this.shared) return this.aliases.namesOf(record.accountId, record.keyId) ?? [];
    const read = this.#surroundings.get(record);
    if (!read) throw new Error('the aliases of a key have to be read with it');
    return namesIn(read.aliases, record.keyId);
  }

  /** Where `surroundings` has none. */
  async readSurroundings(record: KeyRecord): Promise<Surroundings> {
    const { accountId, keyId } = record;
    const grants = await this.grants.of(accountId, keyId);
    for (let aliases = this.aliases.loaded(accountId); !this.shared; aliases = this.aliases.loaded(accountId)) {
      if (aliases) return { grants, aliases };
      await this.aliases.load(accountId);
    }
    const read = { grants, aliases: await this.aliases.load(accountId) };
    this.#surroundings.set(record, read);
    return read;
  }

  /** Undefined where it has to be read. */
  cached(accountId: string, keyId: string): KeyRecord | undefined {
    return this.#cached.get(`${accountId}/${keyId}`);
  }

  async find(accountId: string, keyId: string): Promise<KeyRecord | undefined> {
    if (this.shared) return (await this.read(accountId, keyId))?.record;
    const cached = this.cached(accountId, keyId);
    if (cached) return cached;
    const writes = this.#writes;
    const record = (await this.read(accountId, keyId))?.record;
    if (record && writes === this.#writes) this.#cached.set(`${accountId}/${keyId}`, record);
    return record;
  }

  /**
   * `make` wraps the material; it is called with the key-store key held still. With `alias`, the two are made together or not at
   * all: `undefined` where the alias exists by then.
   */
  create(make: () => KeyRecord, committing: Committing, alias?: string): Promise<KeyRecord | undefined> {
    return this.wraps
      .whileWrapping(() =>
        untilCommitted<{ made: KeyRecord | undefined }>(async () => {
          const before = this.generation?.check;
          const record = this.#here(make());
          const { accountId, keyId } = record;
          const commit = new CommitBuilder().expect(this.#row(accountId, keyId), undefined);
          this.#sameKeyStoreKey(commit, before);
          this.#put(commit, record, undefined);
          const done = await (alias === undefined
            ? committing(commit)
            : this.aliases.create({ name: alias, accountId, keyId }, commit, committing));
          if (done || !before || this.generation!.isKnown(await this.meta.get(this.generation!.rowKey))) {
            return { made: done ? record : undefined };
          }
          // Wrapped under a key that another process has replaced.
          await this.generation!.follow();
          return undefined;
        }),
      )
      .then(({ made }) => made);
  }

  #sameKeyStoreKey(commit: CommitBuilder, known: KeyStoreGeneration['check']): void {
    if (this.generation) commit.expect(this.generation.rowKey, known);
  }

  /**
   * Changes a key. `change` sees the newest record and throws where it mustn't be; what it answers unchanged isn't written.
   * `alongside` adds to the commit. What a multi-Region key shares goes from the primary to its replicas in the same commit.
   */
  update(
    { accountId, keyId }: Pick<KeyRecord, 'accountId' | 'keyId'>,
    committing: Committing,
    change: (record: KeyRecord) => KeyRecord,
    alongside?: (commit: CommitBuilder) => unknown,
  ): Promise<KeyRecord> {
    return this.wraps.whileWrapping(() =>
      untilCommitted(async () => {
        const stored = await this.read(accountId, keyId);
        if (!stored) throw this.gone({ accountId, keyId });
        const generation = this.generation?.check;
        const record = change(stored.record);
        if (record === stored.record) return record;
        const commit = new CommitBuilder();
        this.#expect(commit, stored);
        this.#sameKeyStoreKey(commit, generation);
        this.#put(commit, record, stored);
        const others = isPrimary(stored.record) ? await this.#related(record) : [];
        for (const { ring, stored: replica } of others) {
          const shared = share(record, replica.record);
          // Also where nothing changes: it has to be there still.
          ring.#expect(commit, replica);
          if (shared !== replica.record) ring.#put(commit, shared, replica);
        }
        await alongside?.(commit);
        try {
          return (await this.#commit(commit, committing, record)) ? record : undefined;
        } finally {
          for (const { ring } of others) ring.forget(record);
        }
      }),
    );
  }

  /** What a key that was the primary is related to from now on, as it is stored: neither what joins the commit nor what leaves by it. */
  async #related({ accountId, keyId, multiRegion }: KeyRecord): Promise<{ ring: KeyRing; stored: StoredKey }[]> {
    if (!multiRegion) return [];
    const found: { ring: KeyRing; stored: StoredKey }[] = [];
    for (const place of [multiRegion.primary, ...multiRegion.replicas]) {
      if (place === this.place) continue;
      const ring = this.elsewhere(place);
      const stored = await ring?.read(accountId, keyId);
      if (ring && stored) found.push({ ring, stored });
    }
    return found;
  }

  /** A new key joins the commit of another. `forget` it whatever comes of it. Call it within `update`, which holds the key-store key still. */
  join(commit: CommitBuilder, record: KeyRecord): void {
    commit.expect(this.#row(record.accountId, record.keyId), undefined);
    // While the key-store key is replaced, this ring may have been gone through already, and the wraps come from one that hasn't.
    const backingKeys = record.backingKeys.map((backing) => this.wraps.rewrap(record, backing));
    this.#put(commit, this.#here({ ...record, backingKeys }), undefined);
  }

  #here(record: KeyRecord): KeyRecord {
    return this.place === HOME ? record : { ...record, region: this.place };
  }

  /** Pages in the order of key ids. */
  async list(accountId: string, after: string, limit: number): Promise<KeyCore[]> {
    const range = under(keysOf(this.at(accountId)));
    if (after !== '') range.gte = Buffer.concat([this.#row(accountId, after), Buffer.of(0)]);
    return (await this.#cores.range({ ...range, limit })).map((stored) => stored.record);
  }

  /** Keys that time changes by now, the earliest first; what is done to them meanwhile doesn't disturb the walk. */
  async *due(nowMs: number): AsyncGenerator<KeyRecord> {
    const { lt, ...range } = dueRange(nowMs);
    for (let gte = range.gte; ; ) {
      const rows = await this.meta.range({ gte, lt, limit: DUE_PER_PAGE, keysOnly: true });
      for (const { key } of rows) {
        const { place, accountId, keyId } = readTimerRow(key);
        if (place !== this.place) continue;
        const record = await this.find(accountId, keyId);
        if (record) yield record;
      }
      const last = rows.at(-1);
      if (rows.length < DUE_PER_PAGE || !last) return;
      gte = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  /**
   * A key that is destroyed, with its aliases and grants. They are refused from that moment on in any case. `isDue` sees the newest
   * record: a deletion that was cancelled at the last moment is none. `without`: the primary, where a replica of it goes.
   */
  async remove(
    record: KeyRecord,
    isDue: (record: KeyRecord) => boolean,
    committing: Committing,
    without: (primary: KeyRecord, place: Place) => KeyRecord,
  ): Promise<boolean> {
    const { accountId, keyId, multiRegion } = record;
    const found = await this.read(accountId, keyId);
    if (!found || !isDue(found.record)) return false;
    // Aliases and grants go first, in commits of their own: a key may have more than one commit takes.
    await this.aliases.removeOf(accountId, keyId);
    await this.grants.removeOf(accountId, keyId);
    let removed: KeyRecord | undefined;
    const leave = async (commit: CommitBuilder): Promise<boolean> => {
      const stored = await this.read(accountId, keyId);
      removed = stored?.record;
      if (!stored || !isDue(stored.record)) return false;
      commit.del(stored.core.key).frees();
      this.#expect(commit, stored);
      if (stored.text) commit.del(stored.text.key);
      commit.del(lastUseRow(this.at(accountId), keyId));
      const timer = timerRow(stored.record);
      if (timer) commit.del(timer.key);
      // The id of a replica may come again: what others remember of this one mustn't be taken for its.
      if (this.shared && !stored.record.multiRegion) commit.del(this.grants.generationRow(accountId, keyId));
      return true;
    };
    const primary = multiRegion && !isPrimary(found.record) ? this.elsewhere(multiRegion.primary) : undefined;
    const done = primary
      ? await this.#leaveReplica(primary, record, leave, committing, without)
      : await this.#leaveAlone(record, leave, committing);
    if (done) for (const { id } of removed?.backingKeys ?? []) this.wraps.forget(id);
    return done;
  }

  async #leaveAlone(
    record: KeyRecord,
    leave: (commit: CommitBuilder) => Promise<boolean>,
    committing: Committing,
  ): Promise<boolean> {
    const commit = new CommitBuilder();
    return (await leave(commit)) && this.#commit(commit, committing, record);
  }

  async #leaveReplica(
    primary: KeyRing,
    record: KeyRecord,
    leave: (commit: CommitBuilder) => Promise<boolean>,
    committing: Committing,
    without: (primary: KeyRecord, place: Place) => KeyRecord,
  ): Promise<boolean> {
    const { place } = this;
    if (!(await primary.read(record.accountId, record.keyId))) return this.#leaveAlone(record, leave, committing);
    let isLeaving = false;
    const ifLeaving: Committing = async (commit) => !isLeaving || committing(commit);
    try {
      await primary.update(
        record,
        ifLeaving,
        (found) => without(found, place),
        async (commit) => {
          isLeaving = await leave(commit);
        },
      );
    } finally {
      this.forget(record);
    }
    return isLeaving;
  }

  /** Wraps every backing key under the current key-store key. May be repeated. */
  async rewrapAll(): Promise<void> {
    for await (const { record } of this.#cores.scan(under(ALL_KEYS))) {
      if (placeOf(record) !== this.place) continue;
      if (record.backingKeys.every((backing) => this.wraps.isCurrent(record, backing))) continue;
      await this.update(record, this.#plainly, (fresh) => ({
        ...fresh,
        backingKeys: fresh.backingKeys.map((backing) => this.wraps.rewrap(fresh, backing)),
      }));
    }
  }

  /** Stores made before keys had timers: a row for every key that should have one. At start, before requests. */
  async recover(): Promise<void> {
    for await (const { record } of this.#cores.scan(under(ALL_KEYS))) {
      if (placeOf(record) !== this.place) continue;
      const timer = timerRow(record as KeyRecord);
      if (timer && !(await this.meta.get(timer.key))) {
        await this.meta.commit(new CommitBuilder().put(timer).build());
      }
    }
  }

  async isEmpty(): Promise<boolean> {
    return (await this.meta.range({ ...under(ALL_KEYS), limit: 1, keysOnly: true })).length === 0;
  }

  readonly #plainly: Committing = (commit) => this.meta.commit(commit.build());

  /** As it is stored now. */
  async read(accountId: string, keyId: string): Promise<StoredKey | undefined> {
    const keys = [this.#row(accountId, keyId), keyTextRow(this.at(accountId), keyId)];
    if (!this.shared) {
      const [core, text] = await this.meta.getMany(keys);
      return core && this.#open(core, text);
    }
    keys.push(this.grants.generationRow(accountId, keyId), this.aliases.generationRow(accountId));
    if (this.generation) keys.push(this.generation.rowKey);
    const [core, text, grants, aliases] = await untilCommitted(async () => {
      const rows = await this.meta.getMany(keys);
      if (!this.generation || this.generation.isKnown(rows[4])) return rows;
      // What was read may be wrapped under a key that isn't in memory yet, or isn't any more.
      await this.generation.follow();
      return undefined;
    });
    if (!core) return undefined;
    const stored = this.#openOnce(core, text);
    const [held, names] = await Promise.all([
      this.grants.at(accountId, keyId, generationOf(grants)),
      this.aliases.at(accountId, generationOf(aliases)),
    ]);
    this.#surroundings.set(stored.record, { grants: held, aliases: names });
    return stored;
  }

  #open(coreRow: Row, textRow: Row | undefined): StoredKey {
    const core = this.#cores.open(coreRow);
    const text = textRow && this.#texts.open(textRow);
    const { text: inline, ...rest } = core.record;
    const written = text?.record ?? inline ?? { description: '', policy: '', tags: [] };
    return { record: { ...rest, ...written }, core, text };
  }

  /** The same record for the same sealed bytes: its policy is parsed once. */
  #openOnce(core: Row, text: Row | undefined): StoredKey {
    const name = core.key.toString('latin1');
    const known = this.#opened.get(name);
    if (known?.core.equals(core.value) && sameBytes(known.text, text?.value)) {
      const { record, ...before } = known.stored;
      const { revision } = core;
      return {
        record,
        core: { ...before.core, revision },
        text: before.text && { ...before.text, revision: text!.revision },
      };
    }
    const stored = this.#open(core, text);
    this.#opened.delete(name);
    this.#opened.set(name, { core: Buffer.from(core.value), text: text && Buffer.from(text.value), stored });
    return stored;
  }

  #expect(commit: CommitBuilder, stored: StoredKey): void {
    commit.expect(stored.core.key, stored.core);
    commit.expect(keyTextRow(this.at(stored.record.accountId), stored.record.keyId), stored.text);
  }

  /** @throws KmsError LimitExceededException: policy, description and tags share a row. */
  #put(commit: CommitBuilder, record: KeyRecord, old: StoredKey | undefined): void {
    const { accountId, keyId, description, policy, tags, ...rest } = record;
    const core = this.#cores.put(this.#row(accountId, keyId), { accountId, keyId, ...rest });
    commit.put(core);
    const same =
      old?.text && old.record.description === description && old.record.policy === policy && old.record.tags === tags;
    if (!same) {
      const text = this.#texts.put(keyTextRow(this.at(accountId), keyId), { description, policy, tags });
      if (text.value.length > META_VALUE_MAX_BYTES) throw tooLarge();
      commit.put(text);
    }
    if (core.value.length > META_VALUE_MAX_BYTES) throw tooLarge();
    const [before, after] = [old && timerRow(old.record), timerRow(record)];
    if (before && !(after && Buffer.compare(before.key, after.key) === 0)) commit.del(before.key);
    if (after) commit.put(after);
  }

  /** The next read sees what was written, also where the outcome of the write is unknown. */
  async #commit(
    commit: CommitBuilder,
    committing: Committing,
    { accountId, keyId }: Pick<KeyRecord, 'accountId' | 'keyId'>,
  ): Promise<boolean> {
    try {
      return await committing(commit);
    } finally {
      this.forget({ accountId, keyId });
    }
  }

  /** The next read sees what is stored. */
  forget({ accountId, keyId }: Pick<KeyRecord, 'accountId' | 'keyId'>): void {
    this.#writes++;
    this.#cached.delete(`${accountId}/${keyId}`);
  }
}

const sameBytes = (a: Buffer | undefined, b: Buffer | undefined): boolean => (a && b ? a.equals(b) : a === b);
