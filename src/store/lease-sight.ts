import { LEASE_BEATS, leaseNameOf, under } from './keys.js';
import type { MetaStore } from './ports.js';

/** Rows of one page of beats. */
const PAGE_ROWS = 500;

interface Seen {
  revision: Buffer;
  /** When it was first seen so, and watched without a gap since. */
  sinceMs: number;
}

/**
 * Whose beats an observer sees change. What he doesn't see because the store couldn't be read, or because he himself was paused,
 * counts for nobody's death: after a gap all are watched from the beginning again.
 */
export class LeaseSight {
  #seen = new Map<string, Seen>();
  /** When the last look began. */
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly meta: MetaStore,
    private readonly nowMs: () => number,
    private readonly times: { beatMs: number; expiryMs: number },
  ) {}

  /** Reads all beats there are. */
  async look(): Promise<void> {
    const beganMs = this.nowMs();
    const found = await beatsOf(this.meta);
    const endedMs = this.nowMs();
    const gap = endedMs - this.#lookedMs > 3 * this.times.beatMs;
    const before = this.#seen;
    this.#seen = new Map();
    for (const [name, revision] of found) {
      const known = gap ? undefined : before.get(name);
      this.#seen.set(name, known?.revision.equals(revision) ? known : { revision, sinceMs: endedMs });
    }
    this.#lookedMs = beganMs;
  }

  get names(): string[] {
    return [...this.#seen.keys()];
  }

  /** Held, as far as is known, by somebody who may well be at work. */
  isBeating(name: string): boolean {
    const seen = this.#seen.get(name);
    return seen !== undefined && !this.#expired(seen);
  }

  /** Whether the beat that has this revision now has stood still for too long. */
  hasExpired(name: string, revision: Buffer): boolean {
    const seen = this.#seen.get(name);
    return !!seen?.revision.equals(revision) && this.#expired(seen);
  }

  #expired({ sinceMs }: Seen): boolean {
    return this.#lookedMs - sinceMs >= this.times.expiryMs;
  }
}

/** The revisions of all beats, by lease. */
export async function beatsOf(meta: MetaStore): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  let { gte, lt } = under(LEASE_BEATS);
  for (;;) {
    const rows = await meta.range({ gte, lt, limit: PAGE_ROWS });
    for (const { key, revision } of rows) found.set(leaseNameOf(key), revision);
    const last = rows.at(-1);
    if (rows.length < PAGE_ROWS || !last) return found;
    gte = Buffer.concat([last.key, Buffer.of(0)]);
  }
}
