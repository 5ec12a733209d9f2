import { StoreUnavailable } from '../errors.js';
import type { OwnedRun, Run } from '../ports.js';

/**
 * A service that keeps objects by name and knows neither order nor transactions. What a run's object is called is the driver's
 * business; an owner and a number make the name, so that nothing has to be agreed upon between gateways.
 *
 * Every method ends within the deadline that the driver was made with. Where it throws StoreUnavailable nothing was done;
 * `NoAnswer`, which is one, says that it may have been.
 */
export interface ObjectDriver {
  /** Durable when it resolves; puts what is there already anew. `pieces` are the object's bytes, in order. @throws StoreReadOnly: it is full */
  put(owner: Uint8Array, run: Run, pieces: Buffer[]): Promise<void>;
  /** `length` bytes from `start` on, fewer where the object ends; undefined where there is none. */
  get(owner: Uint8Array, run: Run, start: number, length: number): Promise<Buffer | undefined>;
  /** Of a run of this very length. Idempotent. */
  delete(owner: Uint8Array, run: Run): Promise<void>;
  /** An owner's runs: whoever deletes them in this order finds the others again. */
  left(owner: Uint8Array): AsyncIterable<Run>;
  list(): AsyncIterable<OwnedRun>;
  /** Whether the marker of this place is there (marker.ts). */
  marked(): Promise<boolean>;
  close(): Promise<void>;
}

/** Whether it was done, or is done yet, isn't known. */
export class NoAnswer extends StoreUnavailable {
  override name = 'NoAnswer';
}

/** How long a driver may take for one object, with all attempts: shorter than what is dead is left lying. */
export function deadlineMsOf(graceMs: number): number {
  return Math.min(DEADLINE_MS, graceMs / 2);
}

const DEADLINE_MS = 30_000;
