import { checkBlobPut, checkOwner } from '../commit-limits.js';
import { BlobMissing, OwnerMismatch, StoreUnavailable } from '../errors.js';
import type { BlobSnapshot, BlobStore, Run } from '../ports.js';

interface StoredRun {
  owner: Buffer;
  count: number;
}

/** The reference: what every BlobStore must do, in the plainest way. */
export class MemoryBlobStore implements BlobStore {
  /** Replaced, never changed, so that a snapshot is the map it was made from. */
  #values: ReadonlyMap<number, Buffer> = new Map();
  /** By first number; insertion order is ascending, since numbers only grow. */
  #runs: ReadonlyMap<number, StoredRun> = new Map();
  #next = 1;
  #closed = false;

  async put(owner: Uint8Array, values: Buffer[]): Promise<Run> {
    checkBlobPut(
      owner,
      values.map(({ length }) => length),
    );
    this.#requireOpen();
    const first = this.#next;
    this.#next += values.length;
    const stored = new Map(this.#values);
    values.forEach((value, i) => {
      stored.set(first + i, Buffer.from(value));
    });
    this.#values = stored;
    this.#runs = new Map(this.#runs).set(first, { owner: Buffer.from(owner), count: values.length });
    return { first, count: values.length };
  }

  snapshot(): BlobSnapshot {
    this.#requireOpen();
    const values = this.#values;
    let closed = false;
    return {
      async read(first, count) {
        if (closed) throw new StoreUnavailable('the snapshot is closed');
        return Array.from({ length: count }, (_, i) => {
          const value = values.get(first + i);
          if (!value) throw new BlobMissing(`blob ${first + i} is missing`);
          return value;
        });
      },
      async close() {
        closed = true;
      },
    };
  }

  async delete(owner: Uint8Array, runs: Run[]): Promise<void> {
    checkOwner(owner);
    this.#requireOpen();
    const found = runs.filter(({ first, count }) => {
      const run = this.#runs.get(first);
      if (run && (!run.owner.equals(owner) || run.count !== count)) {
        throw new OwnerMismatch(`run ${first} of ${count} blobs is another owner's`);
      }
      return run !== undefined;
    });
    const values = new Map(this.#values);
    const kept = new Map(this.#runs);
    for (const { first, count } of found) {
      for (let i = 0; i < count; i++) values.delete(first + i);
      kept.delete(first);
    }
    this.#values = values;
    this.#runs = kept;
  }

  mark(): number {
    return this.#next;
  }

  async *list(from = 0): AsyncGenerator<{ owner: Buffer; run: Run }> {
    this.#requireOpen();
    for (const [first, { owner, count }] of this.#runs) {
      if (first >= from) yield { owner, run: { first, count } };
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #requireOpen(): void {
    if (this.#closed) throw new StoreUnavailable('the store is closed');
  }
}
