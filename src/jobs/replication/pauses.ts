import type { Clock } from '../../base/clock.js';

const FIRST_MS = 500;
const MAX_MS = 60_000;

/** Destinations that couldn't be served rest for a while, so that a long queue doesn't try each of its rows in vain. */
export class Pauses {
  readonly #pauses = new Map<string, { failures: number; untilMs: number }>();

  constructor(private readonly clock: Clock) {}

  /** Undefined: it may be asked. */
  untilMs(bucketArn: string): number | undefined {
    const pause = this.#pauses.get(bucketArn);
    return pause && pause.untilMs > this.clock.now() ? pause.untilMs : undefined;
  }

  failed(bucketArn: string): void {
    // Of several that were under way when it went, one counts.
    if (this.untilMs(bucketArn) !== undefined) return;
    const failures = (this.#pauses.get(bucketArn)?.failures ?? 0) + 1;
    const untilMs = this.clock.now() + Math.min(FIRST_MS * 2 ** (failures - 1), MAX_MS);
    this.#pauses.set(bucketArn, { failures, untilMs });
  }

  served(bucketArn: string): void {
    this.#pauses.delete(bucketArn);
  }
}
