import { GiB } from '../base/limits.js';

/** What a snapshot may keep from being given back. */
export interface SnapshotLimits {
  /** How long, once something it sees has been deleted. */
  maxAgeMs: number;
  /** How much of what was deleted since it was taken. */
  maxHeldBytes: number;
}

export const SNAPSHOT_LIMITS: SnapshotLimits = { maxAgeMs: 3_600_000, maxHeldBytes: 1 * GiB };

const ENFORCE_EVERY_MS = 1000;

interface OpenSnapshot {
  openedAtMs: number;
  /** Of all bytes ever deleted, those that were before it. */
  deletedBefore: number;
  expire(): void;
  letGo?: (() => Promise<void>) | undefined;
}

/**
 * The snapshots of blobs that are open now, of whatever engine, in the order in which they were taken, and what each keeps back:
 * everything that was deleted since. One that keeps back too much, or for too long, is told to end.
 */
export class OpenSnapshots {
  readonly #open = new Map<number, OpenSnapshot>();
  readonly #releases: (() => void)[] = [];
  #serial = 0;
  #deletedBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly limits: SnapshotLimits = SNAPSHOT_LIMITS,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /**
   * `expire`: it is beyond a limit, and is to leave. `letGo`: it is to give up whatever keeps files, and may take it again.
   * @returns `leave`, of which one call is enough
   */
  enter(expire: () => void, letGo?: () => Promise<void>): () => void {
    const serial = ++this.#serial;
    this.#open.set(serial, { openedAtMs: this.nowMs(), deletedBefore: this.#deletedBytes, expire, letGo });
    return () => {
      if (!this.#open.delete(serial)) return;
      for (const release of this.#releases) release();
    };
  }

  /** Calls `release` whenever a snapshot has left. */
  onRelease(release: () => void): void {
    this.#releases.push(release);
  }

  /** Files have been replaced: resolves when those who read them have let go of them. */
  async letGo(): Promise<void> {
    await Promise.all([...this.#open.values()].map((snapshot) => snapshot.letGo?.()));
  }

  /** The newest snapshot of all. */
  get latest(): number {
    return this.#serial;
  }

  /** Whether one that is no newer than this is still open. */
  isOpen(upTo: number): boolean {
    const oldest = this.#open.keys().next().value;
    return oldest !== undefined && oldest <= upTo;
  }

  /** So many bytes have become unreachable for all snapshots to come. */
  deleted(bytes: number): void {
    this.#deletedBytes += bytes;
    if (this.#open.size === 0) return;
    this.#timer ??= setInterval(() => this.enforce(), ENFORCE_EVERY_MS).unref();
    this.enforce();
  }

  /** Ends those that are beyond a limit. */
  enforce(): void {
    const nowMs = this.nowMs();
    let holding = false;
    for (const { openedAtMs, deletedBefore, expire } of [...this.#open.values()]) {
      const heldBytes = this.#deletedBytes - deletedBefore;
      // The later ones hold no more.
      if (heldBytes === 0) break;
      holding = true;
      if (heldBytes > this.limits.maxHeldBytes || nowMs - openedAtMs > this.limits.maxAgeMs) expire();
    }
    if (holding) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
