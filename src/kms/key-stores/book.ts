import { META_VALUE_MAX_BYTES } from '../../base/limits.js';
import { KmsError } from '../../encryption/ports.js';
import type { RecordSealer } from '../../seal/ports.js';
import { untilCommitted } from '../../store/conflict.js';
import { under } from '../../store/keys.js';
import type { MetaStore } from '../../store/ports.js';
import { CommitBuilder, marker, Table } from '../../store/table.js';
import type { Committing } from '../committing.js';
import type { KeyRecord } from '../key-record.js';
import type { Place } from '../place.js';
import { noSuchKeyStore } from './errors.js';
import {
  type AccountKeyStores,
  type CustomKeyStore,
  KEY_STORES,
  keyStoresAt,
  keyStoresRow,
  memberRow,
  membersOf,
  orphanRow,
  orphansAt,
  orphansOf,
  readOrphanRow,
} from './record.js';

/** Accounts whose rows are kept deciphered. The row itself is read each time. */
const REMEMBERED = 100;
const ORPHANS_PER_PAGE = 100;

type Stores = readonly CustomKeyStore[];

const tooMuch = (): KmsError =>
  new KmsError('LimitExceededException', 'The names and certificates of the custom key stores are too large.');

/** The stored custom key stores, and which keys they hold. */
export class KeyStoreBook {
  readonly #table: Table<AccountKeyStores>;

  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
    private readonly place: Place,
  ) {
    this.#table = new Table(meta, sealer, KEY_STORES, REMEMBERED);
  }

  async list(accountId: string): Promise<Stores> {
    return (await this.#table.get(keyStoresRow(this.place, accountId)))?.record.stores ?? [];
  }

  /** @throws CustomKeyStoreNotFoundException */
  async find(accountId: string, id: string): Promise<CustomKeyStore> {
    const found = (await this.list(accountId)).find((one) => one.id === id);
    if (!found) throw noSuchKeyStore(id);
    return found;
  }

  /** `change` sees the stores as they are when they are written; what it answers unchanged isn't written. */
  async change(
    accountId: string,
    committing: Committing,
    change: (stores: Stores) => Stores | Promise<Stores>,
    alongside?: (commit: CommitBuilder) => void,
  ): Promise<void> {
    await untilCommitted(async () => {
      const commit = new CommitBuilder();
      const { stores, put } = await this.#forChange(accountId, commit);
      const changed = await change(stores);
      if (changed === stores) return true;
      put(changed);
      alongside?.(commit);
      return (await committing(commit)) || undefined;
    });
  }

  /**
   * Puts into a key's commit that its key store holds it. The stores' row is written too, so that a key store that is being
   * disconnected or deleted at the same time notices. `check` sees the key store as it is then.
   */
  async join(
    commit: CommitBuilder,
    accountId: string,
    { id, reference }: NonNullable<KeyRecord['keyStore']>,
    check: (store: CustomKeyStore) => void,
  ): Promise<void> {
    const { stores, put } = await this.#forChange(accountId, commit);
    const store = stores.find((one) => one.id === id);
    if (!store) throw noSuchKeyStore(id);
    check(store);
    put(stores);
    const row = memberRow(this.place, accountId, id, reference);
    commit.expect(row, undefined).put(marker(row));
  }

  async isMember(accountId: string, id: string, reference: string): Promise<boolean> {
    return (await this.meta.get(memberRow(this.place, accountId, id, reference))) !== undefined;
  }

  async hasMembers(accountId: string, id: string): Promise<boolean> {
    const range = under(membersOf(this.place, accountId, id));
    return (await this.meta.range({ ...range, limit: 1, keysOnly: true })).length > 0;
  }

  /** Puts into the commit that destroys a key that its key store holds it no longer; a cluster's key is to be deleted there. */
  leave(commit: CommitBuilder, { accountId, origin, keyStore }: KeyRecord): void {
    if (!keyStore) return;
    commit.del(memberRow(this.place, accountId, keyStore.id, keyStore.reference));
    if (origin === 'AWS_CLOUDHSM')
      commit.put(marker(orphanRow(this.place, accountId, keyStore.id, keyStore.reference)));
  }

  /** What is left in clusters of keys that are gone. */
  async *orphans(): AsyncGenerator<ReturnType<typeof readOrphanRow>> {
    const { lt, ...range } = orphansAt(this.place);
    for (let gte = range.gte; ; ) {
      const rows = await this.meta.range({ gte, lt, limit: ORPHANS_PER_PAGE, keysOnly: true });
      for (const { key } of rows) yield readOrphanRow(key);
      const last = rows.at(-1);
      if (rows.length < ORPHANS_PER_PAGE || !last) return;
      gte = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  async forgetOrphan({ accountId, keyStoreId, reference }: ReturnType<typeof readOrphanRow>): Promise<void> {
    await this.meta.commit(
      new CommitBuilder()
        .del(orphanRow(this.place, accountId, keyStoreId, reference))
        .frees()
        .build(),
    );
  }

  /** Nobody deletes them any more: their key store goes. */
  async forgetOrphansOf(accountId: string, id: string): Promise<void> {
    const rows = await this.meta.range({
      ...under(orphansOf(this.place, accountId, id)),
      limit: ORPHANS_PER_PAGE,
      keysOnly: true,
    });
    const commit = new CommitBuilder().frees();
    for (const { key } of rows) commit.del(key);
    await this.meta.commit(commit.build());
    if (rows.length === ORPHANS_PER_PAGE) await this.forgetOrphansOf(accountId, id);
  }

  /** All accounts' */
  async *all(): AsyncGenerator<AccountKeyStores> {
    for await (const { record } of this.#table.scan(keyStoresAt(this.place))) yield record;
  }

  async #forChange(accountId: string, commit: CommitBuilder) {
    const row = keyStoresRow(this.place, accountId);
    const stored = await this.#table.get(row);
    commit.expect(row, stored);
    return {
      stores: stored?.record.stores ?? [],
      put: (stores: Stores) => {
        const written = this.#table.put(row, { accountId, stores: [...stores] });
        if (written.value.length > META_VALUE_MAX_BYTES) throw tooMuch();
        commit.put(written);
      },
    };
  }
}
