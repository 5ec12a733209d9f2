import type { RecordSealer } from '../seal/ports.js';
import { LeaseLost } from './errors.js';
import { intentKey } from './keys.js';
import type { GatewayLease, Leases } from './leases.js';
import type { BlobStore, MetaStore } from './ports.js';
import { INTENT, type IntentRecord } from './records.js';
import { CommitBuilder, Table } from './table.js';

/** Uploads that a store's outage has broken off, and that are remembered. */
const WAITING_MAX = 10_000;

/**
 * "I am about to write blobs of this part." An intent belongs to the lease of the gateway that declared it: once that has ended, it is
 * dead and its blobs with it; until then it lives as long as its request. Written before the first blob, deleted in the commit that
 * makes the body reachable, which the lease's fence turns down where others may have taken the gateway for dead.
 */
export class Intents {
  readonly table: Table<IntentRecord>;
  readonly #waiting: (() => Promise<void>)[] = [];

  constructor(
    private readonly meta: MetaStore,
    private readonly blobs: BlobStore,
    sealer: RecordSealer,
    private readonly leases: Leases,
  ) {
    this.table = new Table(meta, sealer, INTENT);
  }

  /** @throws LeaseLost */
  async declare(partId: Buffer): Promise<Intent> {
    const { gateway } = this.leases;
    const key = intentKey(gateway.id, partId);
    const intent = new Intent(this.meta, key, gateway, (abandon) => this.#later(abandon));
    intent.requireHeld();
    const record = { partId: partId.toString('hex'), mark: this.blobs.mark() };
    const commit = new CommitBuilder().expect(key, undefined).put(this.table.put(key, record));
    commit.checks.push(...gateway.fence);
    if (!(await this.meta.commit(commit.build()))) throw new Error('an intent with this part id exists already');
    return intent;
  }

  /** What could not be abandoned, since the store was away. Beyond so many the intents alone say it, once this gateway has ended. */
  #later(abandon: () => Promise<void>): void {
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(abandon);
  }

  /** From time to time: abandons what could not be. Rejects where it still can't. */
  async abandonRest(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#waiting[0]!();
      this.#waiting.shift();
    }
  }
}

/** One that was declared: it is fulfilled or abandoned. */
export class Intent {
  constructor(
    private readonly meta: MetaStore,
    private readonly key: Buffer,
    private readonly gateway: GatewayLease,
    /** Does it later. */
    private readonly later: (abandon: () => Promise<void>) => void,
  ) {}

  /** Asked before every write of a blob: what is written once others look for what this gateway left would lie for ever. @throws LeaseLost */
  requireHeld(): void {
    if (this.gateway.lost) throw new LeaseLost('not written: this gateway may be taken for dead');
  }

  /** Joins the commit that makes the body reachable. */
  fulfil(commit: CommitBuilder): void {
    commit.del(this.key);
    commit.checks.push(...this.gateway.fence);
  }

  /**
   * The body won't be reachable: `dead` names what was written of it, for the sweeper. Where a commit that fulfils it went through
   * unknown to whoever made it, or others have seen to it, it is gone, and nothing is dead. Never throws: where the store is away it is
   * done later, and what is left even so is found by the intent once its gateway's lease has ended.
   * @param keep there may be more than `dead` names, which is found in that way
   */
  async abandon(dead: readonly { key: Uint8Array; value: Buffer }[], keep = false): Promise<void> {
    if (keep && dead.length === 0) return;
    const abandon = (): Promise<void> => this.#abandon(dead, keep);
    await abandon().catch(() => this.later(abandon));
  }

  async #abandon(dead: readonly { key: Uint8Array; value: Buffer }[], keep: boolean): Promise<void> {
    const row = await this.meta.get(this.key);
    if (!row) return;
    const commit = new CommitBuilder().expect(this.key, row).frees();
    if (!keep) commit.del(this.key);
    for (const one of dead) commit.put(one);
    await this.meta.commit(commit.build());
  }
}
