import { setTimeout as delay } from 'node:timers/promises';
import { Budget } from '../../base/budget.js';
import { StoreUnavailable } from '../errors.js';

/** A snapshot takes a connection, and keeps the database from tidying up behind whoever writes: both are bounded. */
export class CursorLimits {
  readonly #slots: Budget;
  open = 0;

  constructor(
    /** At most so many at once. */
    max: number,
    /** How long the snapshot of one may last. */
    readonly maxMs: number,
    private readonly patienceMs: number,
  ) {
    this.#slots = new Budget(max);
  }

  /** @throws StoreUnavailable where none becomes free in time */
  async enter(): Promise<void> {
    const slot = this.#slots.acquire(1);
    const abort = new AbortController();
    const late = delay(this.patienceMs, 'late', { signal: abort.signal }).catch(() => 'late');
    const first = await Promise.race([slot, late]);
    abort.abort();
    if (first === 'late') {
      // It comes all the same, and is for the next one.
      void slot.then(() => this.#slots.release(1));
      throw new StoreUnavailable('all cursors are busy');
    }
    this.open++;
  }

  leave(): void {
    this.open--;
    this.#slots.release(1);
  }
}
