import type { Buckets } from '../store/buckets.js';
import type { Intents } from '../store/intents.js';
import { afterPrefix, gatewayOfIntent, intentsOf, TAG, under } from '../store/keys.js';
import type { Leases } from '../store/leases.js';
import type { BlobStore, MetaStore } from '../store/ports.js';
import { CommitBuilder } from '../store/table.js';

/** Intents whose blobs are looked for at once; their rows go in one commit. */
const INTENTS_AT_ONCE = 400;

const BUCKETS_EVERY_MS = 300_000;

export interface UndertakerParts {
  meta: MetaStore;
  blobs: BlobStore;
  intents: Intents;
  buckets: Buckets;
  leases: Leases;
  /** Milliseconds of a clock that is never set. */
  nowMs(): number;
}

/**
 * Clears away what gateways had begun whose lease has ended: blobs that nothing names, deletions of buckets. First the lease is ended,
 * so that a gateway that lives all the same commits nothing that rests on these blobs; then, where blobs are shared, what was on its
 * way to them is given `graceMs` to arrive. Every step may be repeated: blobs go first, then the intents that they are found by.
 */
export class Undertaker {
  /** Gateways that have ended and left intents, and since when that is known. */
  #endedMs = new Map<string, number>();
  /** Whether buckets may be marked by a gateway that has ended. */
  #bucketsDue = true;
  #bucketsMs = 0;

  constructor(private readonly parts: UndertakerParts) {}

  async run(): Promise<void> {
    const { leases, blobs, nowMs } = this.parts;
    const dead = await leases.endDead();
    // Now and then in any case: others end leases too, and nobody hears of it.
    if (dead > 0 || nowMs() - this.#bucketsMs >= BUCKETS_EVERY_MS) this.#bucketsDue = true;
    if (this.#bucketsDue) {
      await this.parts.buckets.recover(leases);
      this.#bucketsDue = false;
      this.#bucketsMs = nowMs();
    }
    const known = this.#endedMs;
    this.#endedMs = new Map();
    for await (const id of this.#gateways()) {
      if (!(await leases.hasEnded(id))) continue;
      const name = id.toString('hex');
      const sinceMs = known.get(name) ?? nowMs();
      if (nowMs() - sinceMs >= blobs.graceMs) await this.#clear(id);
      else this.#endedMs.set(name, sinceMs);
    }
  }

  /** All that have intents. */
  async *#gateways(): AsyncGenerator<Buffer> {
    let { gte, lt } = under(TAG.intent);
    for (;;) {
      const [row] = await this.parts.meta.range({ gte, lt, limit: 1, keysOnly: true });
      if (!row) return;
      const id = gatewayOfIntent(row.key);
      yield id;
      gte = afterPrefix(intentsOf(id));
    }
  }

  async #clear(gatewayId: Buffer): Promise<void> {
    const { intents, blobs, meta } = this.parts;
    for (;;) {
      const some = await intents.table.range({ ...under(intentsOf(gatewayId)), limit: INTENTS_AT_ONCE });
      if (some.length === 0) return;
      const owners = some.map(({ record }) => Buffer.from(record.partId, 'hex'));
      const mark = Math.min(...some.map(({ record }) => record.mark));
      for await (const { owner, run } of blobs.left(owners, mark)) await blobs.delete(owner, [run]);
      const commit = new CommitBuilder().frees();
      for (const { key } of some) commit.del(key);
      await meta.commit(commit.build());
    }
  }
}
