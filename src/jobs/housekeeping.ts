import type { Clock } from '../base/clock.js';

/** Work that comes round. It must bear to be cut short and to be called late. */
export interface Chore {
  name: string;
  everyMs: number;
  run(): Promise<unknown> | unknown;
}

const TICK_MAX_MS = 60_000;

/** Runs chores by the clock, each by itself: one that fails or takes long holds up no other. */
export class Housekeeping {
  readonly #due = new Map<Chore, number>();
  readonly #running = new Map<Chore, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  /** `onTrouble`: told of chores that failed; they come round again. */
  constructor(
    private readonly chores: readonly Chore[],
    private readonly clock: Clock,
    private readonly onTrouble: (chore: string, error: unknown) => void,
  ) {
    for (const chore of chores) this.#due.set(chore, clock.now() + chore.everyMs);
  }

  start(): void {
    const tickMs = Math.min(TICK_MAX_MS, ...this.chores.map((one) => one.everyMs));
    this.#timer = setInterval(() => this.tick(), tickMs);
    this.#timer.unref();
  }

  /** Starts what is due. */
  tick(): void {
    const nowMs = this.clock.now();
    for (const chore of this.chores) {
      if (this.#due.get(chore)! > nowMs || this.#running.has(chore)) continue;
      this.#due.set(chore, nowMs + chore.everyMs);
      const run = (async () => chore.run())()
        .then(() => {})
        .catch((error) => this.onTrouble(chore.name, error))
        .finally(() => this.#running.delete(chore));
      this.#running.set(chore, run);
    }
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#running.values());
  }
}
