import { randomBytes, randomUUID } from 'node:crypto';
import { utf8 } from '../base/bytes.js';
import type { Clock } from '../base/clock.js';
import { META_VALUE_MAX_BYTES } from '../base/limits.js';
import { Secret } from '../base/secret.js';
import type { RecordSealer } from '../seal/ports.js';
import { Xaes } from '../seal/xaes.js';
import { untilCommitted } from '../store/conflict.js';
import { StoreDamaged } from '../store/errors.js';
import { under } from '../store/keys.js';
import type { MetaStore } from '../store/ports.js';
import { CommitBuilder, type Stored, Table } from '../store/table.js';
import { BoundedMap } from './bounded-map.js';
import { tooLarge } from './errors.js';
import { Gate } from './gate.js';
import {
  ALIAS,
  ALL_KEYS,
  type AliasRecord,
  aliasesOf,
  aliasRow,
  type BackingKey,
  KEY,
  type KeyRecord,
  keyRow,
  keysOf,
} from './rows.js';

/** Keys, aliases and opened backing keys kept in memory: so many of each. */
const CACHED_MAX = 10_000;

/**
 * The stored CMKs and aliases. One process owns the store, so records are kept in memory once read and replaced when written:
 * GenerateDataKey and Decrypt touch no disk.
 */
export class KeyRing {
  readonly #keys: Table<KeyRecord>;
  readonly #aliases: Table<AliasRecord>;
  readonly #cachedKeys = new BoundedMap<Stored<KeyRecord>>(CACHED_MAX);
  readonly #cachedAliases = new BoundedMap<Stored<AliasRecord>>(CACHED_MAX);
  readonly #opened = new BoundedMap<Xaes>(CACHED_MAX);
  /** Counts writes: what was read before one and arrives after it is older than the store and isn't cached. */
  #writes = 0;
  #wrapping: Xaes;
  /** While the key-store key is replaced. */
  #previous: Xaes | undefined;
  /** Whoever wraps passes together; the key-store key changes while nobody is under way. */
  readonly #gate = new Gate();

  /** `keyStoreKey`: 32 bytes; `previous`: the one before, where its replacement hasn't ended. */
  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
    keyStoreKey: Secret,
    private readonly clock: Clock,
    previous?: Secret,
  ) {
    this.#keys = new Table(meta, sealer, KEY);
    this.#aliases = new Table(meta, sealer, ALIAS);
    this.#wrapping = new Xaes(keyStoreKey);
    if (previous) this.#previous = new Xaes(previous);
  }

  async find(accountId: string, keyId: string): Promise<KeyRecord | undefined> {
    return (await this.#stored(accountId, keyId))?.record;
  }

  async alias(accountId: string, name: string): Promise<AliasRecord | undefined> {
    const cached = this.#cachedAliases.get(`${accountId}/${name}`);
    if (cached) return cached.record;
    const writes = this.#writes;
    const stored = await this.#aliases.get(aliasRow(accountId, name));
    if (stored && writes === this.#writes) this.#cachedAliases.set(`${accountId}/${name}`, stored);
    return stored?.record;
  }

  /** With `alias`, the two are made together or not at all; where the alias exists by then, its key is answered. */
  create(
    key: Pick<KeyRecord, 'accountId' | 'description' | 'manager' | 'policy' | 'tags'>,
    alias?: string,
  ): Promise<KeyRecord> {
    return this.#gate.shared(() => this.#create(key, alias));
  }

  async #create(
    key: Pick<KeyRecord, 'accountId' | 'description' | 'manager' | 'policy' | 'tags'>,
    alias?: string,
  ): Promise<KeyRecord> {
    const keyId = randomUUID();
    const nowMs = this.clock.now();
    const record: KeyRecord = { ...key, keyId, createdMs: nowMs, state: 'Enabled', backingKeys: [] };
    record.backingKeys.push(this.#newBackingKey(record, nowMs));
    const rowKey = keyRow(key.accountId, keyId);
    const commit = new CommitBuilder().expect(rowKey, undefined).put(this.#keyRow(rowKey, record));
    if (alias !== undefined) {
      const name = aliasRow(key.accountId, alias);
      const made = { name: alias, accountId: key.accountId, targetKeyId: keyId, createdMs: nowMs, updatedMs: nowMs };
      commit.expect(name, undefined).put(this.#aliases.put(name, made));
    }
    if (await this.meta.commit(commit.build())) return record;
    const winner = alias === undefined ? undefined : await this.alias(key.accountId, alias);
    const existing = winner && (await this.find(key.accountId, winner.targetKeyId));
    if (!existing) throw new Error('a key could not be created');
    return existing;
  }

  /** Changes a key. `change` sees the newest record and throws where it mustn't be. */
  async update(accountId: string, keyId: string, change: (record: KeyRecord) => KeyRecord): Promise<KeyRecord> {
    return untilCommitted(async () => {
      const stored = await this.#keys.get(keyRow(accountId, keyId));
      if (!stored) throw new Error('the key is gone');
      const record = change(stored.record);
      const commit = new CommitBuilder().expect(stored.key, stored).put(this.#keyRow(stored.key, record));
      const done = await this.#commit(commit, () => this.#cachedKeys.delete(`${accountId}/${keyId}`));
      return done ? record : undefined;
    });
  }

  async rotate(accountId: string, keyId: string, check: (record: KeyRecord) => void): Promise<KeyRecord> {
    return this.#gate.shared(() =>
      this.update(accountId, keyId, (record) => {
        check(record);
        const added: BackingKey = { ...this.#newBackingKey(record, this.clock.now()), rotation: 'ON_DEMAND' };
        return { ...record, backingKeys: [...record.backingKeys, added] };
      }),
    );
  }

  /** `false`: an alias of that name exists (where `previous` is absent) or changed (where it is given). */
  async putAlias(record: AliasRecord, mustExist: boolean): Promise<boolean> {
    const rowKey = aliasRow(record.accountId, record.name);
    const stored = await this.#aliases.get(rowKey);
    if ((stored !== undefined) !== mustExist) return false;
    const written = stored ? { ...record, createdMs: stored.record.createdMs } : record;
    const commit = new CommitBuilder().expect(rowKey, stored).put(this.#aliases.put(rowKey, written));
    return this.#commit(commit, () => this.#cachedAliases.delete(`${record.accountId}/${record.name}`));
  }

  async deleteAlias(accountId: string, name: string): Promise<void> {
    const commit = new CommitBuilder().del(aliasRow(accountId, name));
    await this.#commit(commit, () => this.#cachedAliases.delete(`${accountId}/${name}`));
  }

  /** Pages in the order of key ids. */
  async listKeys(accountId: string, after: string, limit: number): Promise<KeyRecord[]> {
    const range = under(keysOf(accountId));
    if (after !== '') range.gte = Buffer.concat([keyRow(accountId, after), Buffer.of(0)]);
    return (await this.#keys.range({ ...range, limit })).map((stored) => stored.record);
  }

  async listAliases(accountId: string, after: string, limit: number): Promise<AliasRecord[]> {
    const range = under(aliasesOf(accountId));
    if (after !== '') range.gte = Buffer.concat([aliasRow(accountId, after), Buffer.of(0)]);
    return (await this.#aliases.range({ ...range, limit })).map((stored) => stored.record);
  }

  /** The opened backing key. @throws StoreDamaged */
  open(record: KeyRecord, backing: BackingKey): Xaes {
    const cached = this.#opened.get(backing.id);
    if (cached) return cached;
    const secret = this.#unwrap(record, backing).secret;
    const opened = new Xaes(secret);
    secret.dispose();
    this.#opened.set(backing.id, opened);
    return opened;
  }

  /** Removes the keys whose waiting period is over, and their aliases. They are refused from that moment on in any case. */
  async removeDue(nowMs: number): Promise<number> {
    let removed = 0;
    for await (const stored of this.#keys.scan(under(ALL_KEYS))) {
      const { accountId, keyId, state, deletionMs } = stored.record;
      if (state !== 'PendingDeletion' || deletionMs! > nowMs) continue;
      const commit = new CommitBuilder().expect(stored.key, stored).del(stored.key);
      // The aliases go first, in commits of their own: a key may have more than one commit takes.
      for (const alias of await this.#aliasesOfKey(accountId, keyId)) await this.deleteAlias(accountId, alias.name);
      const done = await this.#commit(commit, () => {
        this.#cachedKeys.delete(`${accountId}/${keyId}`);
        this.#cachedAliases.clear();
      });
      if (done) removed++;
      for (const { id } of stored.record.backingKeys) this.#opened.delete(id);
    }
    return removed;
  }

  async #aliasesOfKey(accountId: string, keyId: string): Promise<AliasRecord[]> {
    const found: AliasRecord[] = [];
    for await (const { record } of this.#aliases.scan(under(aliasesOf(accountId)))) {
      if (record.targetKeyId === keyId) found.push(record);
    }
    return found;
  }

  async hasDue(nowMs: number): Promise<boolean> {
    for await (const { record } of this.#keys.scan(under(ALL_KEYS))) {
      if (record.state === 'PendingDeletion' && record.deletionMs! <= nowMs) return true;
    }
    return false;
  }

  /** `draw` makes the new key-store key durable. What is wrapped from now on is wrapped under it. */
  async changeKeyStoreKey(draw: () => Promise<Secret>): Promise<Secret> {
    return this.#gate.exclusive(async () => {
      const key = await draw();
      this.#previous = this.#wrapping;
      this.#wrapping = new Xaes(key);
      return key;
    });
  }

  /** Wraps every backing key under the current key-store key. May be repeated. */
  async rewrapAll(): Promise<void> {
    for await (const { record } of this.#keys.scan(under(ALL_KEYS))) {
      if (record.backingKeys.every((backing) => this.#isCurrent(record, backing))) continue;
      await this.update(record.accountId, record.keyId, (fresh) => ({
        ...fresh,
        backingKeys: fresh.backingKeys.map((backing) => this.#rewrap(fresh, backing)),
      }));
    }
  }

  /** Everything is wrapped under the current one. */
  forgetPreviousKeyStoreKey(): void {
    this.#previous = undefined;
  }

  #isCurrent(record: KeyRecord, backing: BackingKey): boolean {
    const { secret, current } = this.#unwrap(record, backing);
    secret.dispose();
    return current;
  }

  #rewrap(record: KeyRecord, backing: BackingKey): BackingKey {
    const { secret } = this.#unwrap(record, backing);
    const wrapped = this.#wrapping.seal(backingAad(record, backing.id), secret.expose()).toString('base64');
    secret.dispose();
    return { ...backing, wrapped };
  }

  /** Wraps are authenticated: trying the key-store keys in turn can't open one wrongly. @throws StoreDamaged */
  #unwrap(record: KeyRecord, backing: BackingKey): { secret: Secret; current: boolean } {
    const aad = backingAad(record, backing.id);
    const wrapped = Buffer.from(backing.wrapped, 'base64');
    try {
      return { secret: new Secret(this.#wrapping.open(aad, wrapped)), current: true };
    } catch (error) {
      if (!this.#previous || !(error instanceof StoreDamaged)) throw error;
      return { secret: new Secret(this.#previous.open(aad, wrapped)), current: false };
    }
  }

  async isEmpty(): Promise<boolean> {
    return (await this.meta.range({ ...under(ALL_KEYS), limit: 1, keysOnly: true })).length === 0;
  }

  /** The next read sees what was written, also where the outcome of the write is unknown. */
  async #commit(commit: CommitBuilder, forget: () => void): Promise<boolean> {
    try {
      return await this.meta.commit(commit.build());
    } finally {
      this.#writes++;
      forget();
    }
  }

  /** @throws KmsError LimitExceededException: policy, description, tags and backing keys share a row. */
  #keyRow(rowKey: Uint8Array, record: KeyRecord): { key: Uint8Array; value: Buffer } {
    const row = this.#keys.put(rowKey, record);
    if (row.value.length > META_VALUE_MAX_BYTES) throw tooLarge();
    return row;
  }

  async #stored(accountId: string, keyId: string): Promise<Stored<KeyRecord> | undefined> {
    const name = `${accountId}/${keyId}`;
    const cached = this.#cachedKeys.get(name);
    if (cached) return cached;
    const writes = this.#writes;
    const stored = await this.#keys.get(keyRow(accountId, keyId));
    if (stored && writes === this.#writes) this.#cachedKeys.set(name, stored);
    return stored;
  }

  #newBackingKey(record: KeyRecord, nowMs: number): BackingKey {
    const id = randomBytes(32).toString('hex');
    const material = randomBytes(32);
    const wrapped = this.#wrapping.seal(backingAad(record, id), material).toString('base64');
    material.fill(0);
    return { id, wrapped, createdMs: nowMs };
  }
}

const backingAad = (record: Pick<KeyRecord, 'accountId' | 'keyId'>, id: string): Buffer =>
  utf8(`coffer/kms/backing-key\0${record.accountId}\0${record.keyId}\0${id}`);
