import type { RecordSealer } from '../seal/ports.js';
import { renameTokenKey, TAG, under } from './keys.js';
import type { MetaStore } from './ports.js';
import { RENAME_TOKEN, type RenameToken } from './records.js';
import { CommitBuilder, type Stored, Table } from './table.js';

/** How long a repetition is recognised: far longer than any SDK goes on trying. */
const LIFETIME_MS = 10 * 60 * 1000;

/** What renames with a client token did: written in the rename's own commit, so that a repetition finds it or nothing happened. */
export class RenameTokens {
  readonly #table: Table<RenameToken>;

  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
  ) {
    this.#table = new Table(meta, sealer, RENAME_TOKEN);
  }

  /** Also one whose time is over. `digest`: 32 bytes that name who asks, where, and the token. */
  async find(digest: Buffer): Promise<Stored<RenameToken> | undefined> {
    return this.#table.get(renameTokenKey(digest));
  }

  /** Adds the token to the rename's commit, which fails where another request with the same token was first. */
  remember(
    commit: CommitBuilder,
    digest: Buffer,
    old: Stored<RenameToken> | undefined,
    parameters: string,
    nowMs: number,
  ): void {
    const key = renameTokenKey(digest);
    commit.expect(key, old).put(this.#table.put(key, { parameters, untilMs: nowMs + LIFETIME_MS }));
  }

  /** Forgets those whose time is over. */
  async prune(nowMs: number): Promise<void> {
    for await (const stored of this.#table.scan(under(TAG.renameToken))) {
      if (stored.record.untilMs > nowMs) continue;
      // One that was renewed meanwhile stays.
      await this.meta.commit(new CommitBuilder().expect(stored.key, stored).del(stored.key).build());
    }
  }
}
