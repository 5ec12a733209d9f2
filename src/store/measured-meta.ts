import { AroundMeta } from './around-meta.js';
import { OutcomeUnknown } from './errors.js';
import type { Commit } from './ports.js';

/** Upper bounds of the classes that commits are counted in, seconds. */
export const COMMIT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

export interface CommitCounts {
  /** How they ended; `conflict`: a check didn't hold. */
  outcomes: Record<'done' | 'conflict' | 'unavailable' | 'unknown', number>;
  /** By `COMMIT_SECONDS`, each without those before, and those that took longer at the end. */
  classes: number[];
  seconds: number;
}

/** Counts commits as whoever makes them meets them, the way to the engine included. */
export class MeasuredMeta extends AroundMeta {
  readonly counts: CommitCounts = {
    outcomes: { done: 0, conflict: 0, unavailable: 0, unknown: 0 },
    classes: Array.from({ length: COMMIT_SECONDS.length + 1 }, () => 0),
    seconds: 0,
  };

  override async commit(commit: Commit): Promise<boolean> {
    const beganMs = performance.now();
    try {
      const done = await this.inner.commit(commit);
      this.#count(done ? 'done' : 'conflict', beganMs);
      return done;
    } catch (error) {
      // A commit that is beyond the limits was never sent.
      if (!(error instanceof RangeError))
        this.#count(error instanceof OutcomeUnknown ? 'unknown' : 'unavailable', beganMs);
      throw error;
    }
  }

  #count(outcome: keyof CommitCounts['outcomes'], beganMs: number): void {
    const seconds = (performance.now() - beganMs) / 1000;
    const at = COMMIT_SECONDS.findIndex((bound) => seconds <= bound);
    this.counts.outcomes[outcome]++;
    this.counts.classes[at < 0 ? COMMIT_SECONDS.length : at]!++;
    this.counts.seconds += seconds;
  }
}
