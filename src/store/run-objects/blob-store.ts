import { setTimeout as wait } from 'node:timers/promises';
import { Budget } from '../../base/budget.js';
import { KiB, MiB } from '../../base/limits.js';
import { checkBlobPut, checkOwner } from '../commit-limits.js';
import { PutInDoubt, StoreUnavailable } from '../errors.js';
import type { BlobSnapshot, BlobStore, OwnedRun, Run } from '../ports.js';
import { deadlineMsOf, NoAnswer, type ObjectDriver } from './driver.js';
import { formatHeader } from './format.js';
import { RunObjectSnapshot } from './snapshot.js';

/** On its way at once, to and from the service; the rest waits in line. */
const IN_FLIGHT_BYTES = 64 * MiB;
/** What a request counts for at least: so many are 256 of them. */
const REQUEST_COST_BYTES = 256 * KiB;
const DELETIONS_AT_ONCE = 8;
const TROUBLE_AFTER_MS = 3000;

/**
 * `BlobStore` on objects without order and transactions: one object a run (format.ts), named by the owner and by how many values he
 * had stored before. Owners are drawn anew for every attempt to store a body, so no name is ever used for something else, whoever
 * writes and whatever was restored from a backup; and what a crash left behind is found by owners.
 */
export class RunObjectStore implements BlobStore {
  readonly #inFlight = new Budget(IN_FLIGHT_BYTES);
  readonly #deadlineMs: number;
  #closed = false;

  constructor(
    private readonly driver: ObjectDriver,
    readonly graceMs: number,
  ) {
    this.#deadlineMs = deadlineMsOf(graceMs);
  }

  async put(owner: Uint8Array, values: Buffer[], at: number): Promise<Run> {
    const lengths = values.map(({ length }) => length);
    const bytes = checkBlobPut(owner, lengths);
    const run = { first: at, count: values.length };
    await this.#during(bytes, async () => {
      try {
        await this.driver.put(owner, run, [formatHeader(owner, run, lengths), ...values]);
      } catch (error) {
        if (error instanceof NoAnswer) throw new PutInDoubt(error.message, run, { cause: error });
        throw error;
      }
    });
    return run;
  }

  snapshot(): BlobSnapshot {
    this.#requireOpen();
    return new RunObjectSnapshot((owner, run, start, length) =>
      this.#during(length, () => this.driver.get(owner, run, start, length)),
    );
  }

  async delete(owner: Uint8Array, runs: Run[]): Promise<void> {
    checkOwner(owner);
    const rest = runs.values();
    const some = async () => {
      for (const run of rest) await this.#during(0, () => this.driver.delete(owner, run));
    };
    // All have ended when it throws: nothing is deleted any more behind the caller's back.
    const ended = await Promise.allSettled(Array.from({ length: DELETIONS_AT_ONCE }, some));
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }

  /** Runs are found by their owners. */
  mark(): number {
    return 0;
  }

  async *left(owners: readonly Uint8Array[]): AsyncGenerator<OwnedRun> {
    for (const owner of owners) {
      this.#requireOpen();
      for await (const run of this.driver.left(owner)) yield { owner: Buffer.from(owner), run };
    }
  }

  async *list(): AsyncGenerator<OwnedRun> {
    this.#requireOpen();
    yield* this.driver.list();
  }

  async trouble(): Promise<string | undefined> {
    const late = wait(TROUBLE_AFTER_MS, 'the object store takes long to answer', { ref: false });
    const asked = this.driver.marked().then(
      (marked) => (marked ? undefined : 'the object store has lost the object that says whose it is'),
      (error: Error) => error.message,
    );
    return Promise.race([asked, late]);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Those who are at work are waited for.
    await this.#inFlight.acquire(IN_FLIGHT_BYTES);
    this.#inFlight.release(IN_FLIGHT_BYTES);
    await this.driver.close();
  }

  /** @throws StoreUnavailable where its turn doesn't come in time */
  async #during<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    this.#requireOpen();
    const cost = bytes + REQUEST_COST_BYTES;
    const sinceMs = performance.now();
    await this.#inFlight.acquire(cost);
    try {
      this.#requireOpen();
      if (performance.now() - sinceMs > this.#deadlineMs) {
        throw new StoreUnavailable('the object store has been too slow for those who wait');
      }
      return await work();
    } finally {
      this.#inFlight.release(cost);
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw new StoreUnavailable('the store is closed');
  }
}
