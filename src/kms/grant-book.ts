import { randomBytes } from 'node:crypto';
import type { RecordSealer } from '../seal/ports.js';
import { under } from '../store/keys.js';
import type { MetaStore } from '../store/ports.js';
import { CommitBuilder, marker, Table } from '../store/table.js';
import { BoundedMap } from './bounded-map.js';
import {
  GRANT,
  type GrantRecord,
  grantRow,
  grantsOf,
  readRetirableRow,
  retirableBy,
  retirableRow,
} from './grant-record.js';
import type { Committing } from './key-ring.js';

/** https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html */
export const GRANTS_PER_KEY_MAX = 50_000;
/** Keys whose grants are kept in memory: so many. */
const CACHED_MAX = 10_000;
const ROWS_PER_COMMIT = 200;

/** The grants of one key. */
export interface KeyGrants {
  /** In the order of their ids, as ListGrants pages them. */
  byId: Map<string, GrantRecord>;
  byGrantee: Map<string, GrantRecord[]>;
}

/** Grants by key, in memory once read: every decision about a key looks at them. A grant is effective as soon as it is stored. */
export class GrantBook {
  readonly #table: Table<GrantRecord>;
  readonly #cached = new BoundedMap<KeyGrants>(CACHED_MAX);
  #writes = 0;

  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
  ) {
    this.#table = new Table(meta, sealer, GRANT);
  }

  /** Undefined where they have to be read. */
  cached(keyId: string): KeyGrants | undefined {
    return this.#cached.get(keyId);
  }

  async of(accountId: string, keyId: string): Promise<KeyGrants> {
    const cached = this.#cached.get(keyId);
    if (cached) return cached;
    const writes = this.#writes;
    const grants: KeyGrants = { byId: new Map(), byGrantee: new Map() };
    for await (const { record } of this.#table.scan(under(grantsOf(accountId, keyId)))) {
      grants.byId.set(record.grantId, record);
      const same = grants.byGrantee.get(record.grantee);
      if (same) same.push(record);
      else grants.byGrantee.set(record.grantee, [record]);
    }
    if (writes === this.#writes) this.#cached.set(keyId, grants);
    return grants;
  }

  async create(
    grant: Omit<GrantRecord, 'grantId' | 'tokenSecret'>,
    committing: Committing,
  ): Promise<GrantRecord | undefined> {
    const grantId = randomBytes(32).toString('hex');
    const record: GrantRecord = { ...grant, grantId, tokenSecret: randomBytes(32).toString('base64') };
    const row = grantRow(record.accountId, record.keyId, grantId);
    const commit = new CommitBuilder().expect(row, undefined).put(this.#table.put(row, record));
    if (record.retiring !== undefined) commit.put(marker(retirableRow(record.retiring, record)));
    return (await this.#commit(commit, committing, record.keyId)) ? record : undefined;
  }

  /** `false`: it is gone already. */
  async delete(grant: GrantRecord, committing: Committing): Promise<boolean> {
    const row = grantRow(grant.accountId, grant.keyId, grant.grantId);
    const stored = await this.#table.get(row);
    if (!stored) return false;
    const commit = new CommitBuilder().expect(row, stored).del(row);
    if (grant.retiring !== undefined) commit.del(retirableRow(grant.retiring, grant));
    return this.#commit(commit, committing, grant.keyId);
  }

  /** All of a key that is destroyed. */
  async removeOf(accountId: string, keyId: string): Promise<void> {
    const range = under(grantsOf(accountId, keyId));
    for (;;) {
      const some = await this.#table.range({ ...range, limit: ROWS_PER_COMMIT });
      if (some.length === 0) return;
      const commit = new CommitBuilder().frees();
      for (const { key, record } of some) {
        commit.del(key);
        if (record.retiring !== undefined) commit.del(retirableRow(record.retiring, record));
      }
      await this.#commit(commit, (built) => this.meta.commit(built.build()), keyId);
    }
  }

  /** Grants that a principal may retire, of all keys, in the order of accounts, keys and ids. */
  async retirable(principal: string, after: Uint8Array | undefined, limit: number): Promise<GrantRecord[]> {
    const range = under(retirableBy(principal));
    const found: GrantRecord[] = [];
    for (let from = after; ; ) {
      if (from) range.gte = Buffer.concat([from, Buffer.of(0)]);
      const rows = await this.meta.range({ ...range, limit, keysOnly: true });
      const named = rows.map(({ key }) => readRetirableRow(key));
      const stored = await this.#table.getMany(named.map((one) => grantRow(one.accountId, one.keyId, one.grantId)));
      // A grant that was deleted between the two reads leaves a gap, which is no end.
      found.push(...stored.flatMap((one) => (one ? [one.record] : [])));
      if (found.length >= limit || rows.length < limit) return found.slice(0, limit);
      from = rows.at(-1)!.key;
    }
  }

  /** The next decision sees what was written, also where the outcome of the write is unknown. */
  async #commit(commit: CommitBuilder, committing: Committing, keyId: string): Promise<boolean> {
    try {
      return await committing(commit);
    } finally {
      this.#writes++;
      this.#cached.delete(keyId);
    }
  }
}
