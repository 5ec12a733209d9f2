import { randomBytes } from 'node:crypto';
import { BoundedMap } from '../base/bounded-map.js';
import { comparable } from '../base/partition.js';
import type { RecordSealer } from '../seal/ports.js';
import { under } from '../store/keys.js';
import type { MetaStore, Range } from '../store/ports.js';
import { CommitBuilder, marker, type Stored, Table } from '../store/table.js';
import type { Committing } from './committing.js';
import { asStored, type Generation, generationOf, grantsGenerationRow } from './generations.js';
import {
  GRANT,
  type GrantRecord,
  grantRow,
  grantsOf,
  readRetirableRow,
  retirableBy,
  retirableRow,
} from './grant-record.js';
import { accountAt, HOME, type Place } from './place.js';

/** https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html */
export const GRANTS_PER_KEY_MAX = 50_000;
/** Keys whose grants are kept in memory: so many. */
const CACHED_MAX = 10_000;
const ROWS_PER_COMMIT = 200;
const KEYS_PER_PAGE = 1000;

type GrantName = Pick<GrantRecord, 'accountId' | 'keyId' | 'grantId'>;

/** The grants of one key. */
export interface KeyGrants {
  byId: Map<string, GrantRecord>;
  /** By their ARN as it is compared. */
  byGrantee: Map<string, GrantRecord[]>;
  /** Of stores that others write too: none of them is older. */
  generation?: Generation;
}

/**
 * Grants by key, in memory once read: every decision about a key looks at them. A grant is effective as soon as it is stored. Where
 * others write the store too, what is in memory counts for as long as the key's generation row is the one it was read under.
 */
export class GrantBook {
  readonly #table: Table<GrantRecord>;
  readonly #cached = new BoundedMap<KeyGrants>(CACHED_MAX);
  /** Under way, by key: many who ask at once wait for one. */
  readonly #reading = new Map<string, { grants: Promise<KeyGrants>; generation: Generation | undefined }>();

  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
    /** Whose keys' grants. */
    private readonly place: Place = HOME,
  ) {
    this.#table = new Table(meta, sealer, GRANT);
  }

  /** Undefined where they have to be read. */
  cached(keyId: string): KeyGrants | undefined {
    return this.meta.shared ? undefined : this.#cached.get(keyId);
  }

  async of(accountId: string, keyId: string): Promise<KeyGrants> {
    if (!this.meta.shared) return this.at(accountId, keyId);
    return this.at(accountId, keyId, generationOf(await this.meta.get(this.generationRow(accountId, keyId))));
  }

  generationRow(accountId: string, keyId: string): Buffer {
    return grantsGenerationRow(accountAt(this.place, accountId), keyId);
  }

  /** `generation`: read before, where others write the store too. */
  async at(accountId: string, keyId: string, generation?: Generation): Promise<KeyGrants> {
    const cached = this.#cached.get(keyId);
    if (cached && cached.generation === generation) return cached;
    const name = `${accountId}/${keyId}`;
    const known = this.#reading.get(name);
    if (known && known.generation === generation) return known.grants;
    const reading = { grants: this.#read(accountId, keyId, generation, cached), generation };
    this.#reading.set(name, reading);
    try {
      const grants = await reading.grants;
      // What was written while it was read may not be in it.
      if (this.#reading.get(name) === reading) this.#cached.set(keyId, grants);
      return grants;
    } finally {
      if (this.#reading.get(name) === reading) this.#reading.delete(name);
    }
  }

  #row({ accountId, keyId, grantId }: GrantName): Buffer {
    return grantRow(accountAt(this.place, accountId), keyId, grantId);
  }

  async #read(
    accountId: string,
    keyId: string,
    generation: Generation | undefined,
    known: KeyGrants | undefined,
  ): Promise<KeyGrants> {
    const grants: KeyGrants = {
      byId: new Map(),
      byGrantee: new Map(),
      ...(generation !== undefined && { generation }),
    };
    const range = under(grantsOf(accountAt(this.place, accountId), keyId));
    if (!known) {
      for await (const { record } of this.#table.scan(range)) add(grants, record);
      return grants;
    }
    for await (const { record } of this.#newIn(range, known, grants)) add(grants, record);
    return grants;
  }

  /** A grant never changes: those that are known needn't be read again, only that they are still there. They are put into `grants`. */
  async *#newIn(range: Range, known: KeyGrants, grants: KeyGrants): AsyncGenerator<Stored<GrantRecord>> {
    const idStart = range.gte.length;
    for (let { gte } = range; ; ) {
      const rows = await this.meta.range({ gte, lt: range.lt, limit: KEYS_PER_PAGE, keysOnly: true });
      const unknown: Buffer[] = [];
      for (const { key } of rows) {
        const grant = known.byId.get(key.toString('latin1', idStart));
        if (grant) add(grants, grant);
        else unknown.push(key);
      }
      // One that was deleted between the two reads is none.
      for (const stored of unknown.length > 0 ? await this.#table.getMany(unknown) : []) if (stored) yield stored;
      const last = rows.at(-1);
      if (rows.length < KEYS_PER_PAGE || !last) return;
      gte = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  /** As it is stored: for a grant that somebody names without being let see the others. */
  async find({ accountId, keyId, grantId }: Pick<GrantRecord, 'accountId' | 'keyId' | 'grantId'>) {
    return (await this.#table.get(this.#row({ accountId, keyId, grantId })))?.record;
  }

  /** With an id and a secret; it isn't stored yet. */
  draw(grant: Omit<GrantRecord, 'grantId' | 'tokenSecret'>): GrantRecord {
    return { ...grant, grantId: randomBytes(32).toString('hex'), tokenSecret: randomBytes(32).toString('base64') };
  }

  /** In this process, one after the other under the same name: the second attempt finds what the first one made. */
  async inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    // Whoever waits doesn't care how it ended.
    for (let other = this.#turns.get(name); other; other = this.#turns.get(name)) await other.catch(() => {});
    const turn = work();
    this.#turns.set(name, turn);
    try {
      return await turn;
    } finally {
      this.#turns.delete(name);
    }
  }

  /** `beside`: the grants as they have to be still. `false`: they are others by now. */
  create(grant: GrantRecord, committing: Committing, beside?: KeyGrants): Promise<boolean> {
    const row = this.#row(grant);
    const commit = new CommitBuilder().expect(row, undefined).put(this.#table.put(row, grant));
    if (beside?.generation !== undefined) {
      commit.expect(this.generationRow(grant.accountId, grant.keyId), asStored(beside.generation));
    }
    if (grant.retiring !== undefined) commit.put(marker(retirableRow(grant.retiring, grant, this.place)));
    return this.#commit(commit, committing, grant, (held) => add(held, grant));
  }

  /** `false`: it is gone already. */
  async delete(grant: GrantRecord, committing: Committing): Promise<boolean> {
    const row = this.#row(grant);
    const stored = await this.#table.get(row);
    if (!stored) return false;
    const commit = new CommitBuilder().expect(row, stored).del(row);
    if (grant.retiring !== undefined) commit.del(retirableRow(grant.retiring, grant, this.place));
    return this.#commit(commit, committing, grant, (held) => drop(held, grant));
  }

  /** All of a key that is destroyed. */
  async removeOf(accountId: string, keyId: string): Promise<void> {
    const range = under(grantsOf(accountAt(this.place, accountId), keyId));
    for (;;) {
      const some = await this.#table.range({ ...range, limit: ROWS_PER_COMMIT });
      if (some.length === 0) return;
      const commit = new CommitBuilder().frees();
      for (const { key, record } of some) {
        commit.del(key);
        if (record.retiring !== undefined) commit.del(retirableRow(record.retiring, record, this.place));
      }
      const plainly: Committing = (built) => this.meta.commit(built.build());
      await this.#commit(commit, plainly, { accountId, keyId }, (held) => {
        for (const { record } of some) drop(held, record);
      });
    }
  }

  /** Grants that a principal may retire, of all keys, in the order of accounts, keys and ids. */
  async retirable(principal: string, after: GrantName | undefined, limit: number): Promise<GrantRecord[]> {
    const range = under(retirableBy(principal, this.place));
    const found: GrantRecord[] = [];
    for (let from: Uint8Array | undefined = after && retirableRow(principal, after, this.place); ; ) {
      if (from) range.gte = Buffer.concat([from, Buffer.of(0)]);
      const rows = await this.meta.range({ ...range, limit, keysOnly: true });
      const named = rows.map(({ key }) => readRetirableRow(key));
      const stored = await this.#table.getMany(named.map((one) => this.#row(one)));
      // A grant that was deleted between the two reads leaves a gap, which is no end.
      found.push(...stored.flatMap((one) => (one ? [one.record] : [])));
      if (found.length >= limit || rows.length < limit) return found.slice(0, limit);
      from = rows.at(-1)!.key;
    }
  }

  /** The next decision sees what was written. Where that isn't known, what is in memory isn't either: it is read again. */
  async #commit(
    commit: CommitBuilder,
    committing: Committing,
    { accountId, keyId }: Pick<GrantRecord, 'accountId' | 'keyId'>,
    apply: (held: KeyGrants) => void,
  ): Promise<boolean> {
    // The next one to read the generation reads the grants.
    if (this.meta.shared) return committing(commit.put(marker(this.generationRow(accountId, keyId))));
    let done = false;
    try {
      done = await committing(commit);
      return done;
    } finally {
      this.#reading.delete(`${accountId}/${keyId}`);
      const held = this.#cached.get(keyId);
      if (!done) this.#cached.delete(keyId);
      else if (held) apply(held);
    }
  }
}

/** What was read may have it already. */
function add({ byId, byGrantee }: KeyGrants, grant: GrantRecord): void {
  if (byId.has(grant.grantId)) return;
  byId.set(grant.grantId, grant);
  const name = comparable(grant.grantee);
  const same = byGrantee.get(name);
  if (same) same.push(grant);
  else byGrantee.set(name, [grant]);
}

function drop({ byId, byGrantee }: KeyGrants, { grantId, grantee }: GrantRecord): void {
  byId.delete(grantId);
  const name = comparable(grantee);
  const others = (byGrantee.get(name) ?? []).filter((one) => one.grantId !== grantId);
  if (others.length > 0) byGrantee.set(name, others);
  else byGrantee.delete(name);
}
