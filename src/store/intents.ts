import { randomId } from '../base/ids.js';
import type { RecordSealer } from '../seal/ports.js';
import { intentKey } from './keys.js';
import type { BlobStore, MetaStore } from './ports.js';
import { INTENT, type IntentRecord } from './records.js';
import { CommitBuilder, Table } from './table.js';

/**
 * "I am about to write blobs of this part." An intent of a process that is gone is dead at once and its blobs with it; one of
 * this process lives until its request ends. Written before the first blob, deleted in the commit that makes the body reachable.
 */
export class Intents {
  /** Drawn at start-up: which intents are this process's own. */
  readonly incarnation = randomId();
  readonly table: Table<IntentRecord>;

  constructor(
    private readonly meta: MetaStore,
    private readonly blobs: BlobStore,
    sealer: RecordSealer,
  ) {
    this.table = new Table(meta, sealer, INTENT);
  }

  /** @returns the row's key, to be deleted in the body's own commit or by `abandon`. */
  async declare(partId: Buffer): Promise<Buffer> {
    const key = intentKey(this.incarnation, partId);
    const record = { partId: partId.toString('hex'), mark: this.blobs.mark() };
    const done = await this.meta.commit(
      new CommitBuilder().expect(key, undefined).put(this.table.put(key, record)).build(),
    );
    if (!done) throw new Error('an intent with this part id exists already');
    return key;
  }
}
