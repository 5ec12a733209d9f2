import { checkBlobPut, checkOwner } from '../commit-limits.js';
import { BlobMissing, OwnerMismatch, StoreUnavailable } from '../errors.js';
import type { BlobSnapshot, BlobStore, OwnedRun, Run } from '../ports.js';

interface StoredRun {
  owner: Buffer;
  first: number;
  values: readonly Buffer[];
}

/** The reference: what every BlobStore must do, in the plainest way. */
export class MemoryBlobStore implements BlobStore {
  /** By name. Replaced, never changed, so that a snapshot is the map it was made from. */
  #runs: ReadonlyMap<string, StoredRun> = new Map();
  #next = 1;
  #closed = false;

  /** `graceMs` above 0: as engines that gateways share, it names runs by their owner and place, and has no numbers. */
  constructor(readonly graceMs = 0) {}

  async put(owner: Uint8Array, values: Buffer[], at: number): Promise<Run> {
    checkBlobPut(
      owner,
      values.map(({ length }) => length),
    );
    this.#requireOpen();
    const first = this.graceMs > 0 ? at : this.#next;
    this.#next += values.length;
    const run = { owner: Buffer.from(owner), first, values: values.map((value) => Buffer.from(value)) };
    this.#runs = new Map(this.#runs).set(this.#nameOf(owner, first), run);
    return { first, count: values.length };
  }

  snapshot(): BlobSnapshot {
    this.#requireOpen();
    const runs = this.#runs;
    const nameOf = (owner: Uint8Array, first: number): string => this.#nameOf(owner, first);
    let closed = false;
    return {
      async read(owner, { first, count }, from, wanted) {
        if (closed) throw new StoreUnavailable('the snapshot is closed');
        const run = runs.get(nameOf(owner, first));
        if (!run?.owner.equals(owner) || run.values.length !== count || from + wanted > count) {
          throw new BlobMissing(`blobs of run ${first} are missing`);
        }
        return run.values.slice(from, from + wanted);
      },
      async close() {
        closed = true;
      },
    };
  }

  async delete(owner: Uint8Array, runs: Run[]): Promise<void> {
    checkOwner(owner);
    this.#requireOpen();
    for (const { first, count } of runs) {
      const run = this.#runs.get(this.#nameOf(owner, first));
      if (run && (!run.owner.equals(owner) || run.values.length !== count)) {
        throw new OwnerMismatch(`run ${first} of ${count} blobs is another owner's`);
      }
    }
    const kept = new Map(this.#runs);
    for (const { first } of runs) kept.delete(this.#nameOf(owner, first));
    this.#runs = kept;
  }

  mark(): number {
    return this.graceMs > 0 ? 0 : this.#next;
  }

  async *left(owners: readonly Uint8Array[], mark: number): AsyncGenerator<OwnedRun> {
    for await (const found of this.list()) {
      if (found.run.first >= mark && owners.some((owner) => found.owner.equals(owner))) yield found;
    }
  }

  async *list(): AsyncGenerator<OwnedRun> {
    this.#requireOpen();
    for (const { owner, first, values } of this.#runs.values()) yield { owner, run: { first, count: values.length } };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #nameOf(owner: Uint8Array, first: number): string {
    return this.graceMs > 0 ? `${Buffer.from(owner).toString('hex')}/${first}` : String(first);
  }

  #requireOpen(): void {
    if (this.#closed) throw new StoreUnavailable('the store is closed');
  }
}
