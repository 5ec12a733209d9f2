import { setTimeout as delay } from 'node:timers/promises';
import { KeyedTurns } from '../base/keyed-turns.js';
import { StoreUnavailable } from '../store/errors.js';
import type { Lease } from '../store/leases.js';

/** Keeps other gateways from what one does under a name. */
export interface ClusterLeases {
  /** Undefined: another one has it. */
  take(name: string): Promise<Lease | undefined>;
  /** Runs work whose commits the lease fences. */
  within<T>(lease: Lease, work: () => Promise<T>): Promise<T>;
}

const ASK_EVERY_MS = 200;
/** A dead gateway's lease is taken over within a minute. */
const PATIENCE_MS = 75_000;

/**
 * One after the other, for each name: what changes a cluster's tokens waits for what changes them already, in this process and, by a
 * lease, at other gateways.
 */
export class Turns {
  readonly #turns = new KeyedTurns();

  constructor(private readonly leases?: ClusterLeases) {}

  /** @throws StoreUnavailable where another gateway doesn't come to an end */
  take<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(name, () => this.#alone(name, work));
  }

  /** When all that was begun has ended. */
  idle(): Promise<void> {
    return this.#turns.idle();
  }

  async #alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { leases } = this;
    if (!leases) return work();
    const untilMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const lease = await leases.take(`hsm/${name}`);
      if (lease) {
        try {
          return await leases.within(lease, work);
        } finally {
          await lease.release();
        }
      }
      if (performance.now() >= untilMs)
        throw new StoreUnavailable('another gateway is changing the tokens of this cluster');
      await delay(ASK_EVERY_MS);
    }
  }
}
