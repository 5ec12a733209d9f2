import type { Clock } from '../../base/clock.js';
import type { ReplicationCounts } from '../../s3/replication/counts.js';
import { afterPrefix, keyEndOf } from '../../store/keys.js';
import type { ReplicationTask } from '../../store/records.js';
import type { ReplicationQueue } from '../../store/replication-queue.js';
import type { Stored } from '../../store/table.js';

/** Keys that are served at once; versions of one key go one after the other. */
const KEYS_AT_ONCE = 8;
/** Looked for work at least so often, whatever was told. */
const LOOK_MS = 30_000;

export interface JobParts {
  queue: ReplicationQueue;
  clock: Clock;
  counts: ReplicationCounts;
  /** Does what it can of a task. @returns when the key's next look is due; undefined: the task is done and off the queue */
  work(task: Stored<ReplicationTask>): Promise<number | undefined>;
  /** It failed in a way that nobody foresaw; the task stays. */
  failed(error: unknown): void;
  keysAtOnce?: number;
}

/**
 * Works off the queue of replication: the versions of a key in their order, different keys side by side. What is on the queue is
 * all it knows, so it begins after a crash where it was cut off.
 */
export class ReplicationJob {
  readonly #busy = new Map<string, Promise<void>>();
  #looking: Promise<void> | undefined;
  #again = false;
  /** Until it is started, nothing is done. */
  #stopped = true;
  #timer: NodeJS.Timeout | undefined;
  #nextMs = Number.POSITIVE_INFINITY;
  #freed: (() => void) | undefined;

  constructor(private readonly parts: JobParts) {}

  start(): void {
    this.#stopped = false;
    this.kick();
  }

  /** There may be work. */
  kick(): void {
    if (this.#stopped) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#looking = this.#look()
      .catch((error) => this.parts.failed(error))
      .finally(() => {
        this.#looking = undefined;
        this.#setTimer();
      });
  }

  /** Resolves when nothing is under way: what is left waits for its time. */
  async idle(): Promise<void> {
    while (this.#looking || this.#busy.size > 0) {
      await this.#looking;
      await Promise.all(this.#busy.values());
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#freed?.();
    await this.idle();
  }

  async #look(): Promise<void> {
    do {
      this.#again = false;
      this.#nextMs = Number.POSITIVE_INFINITY;
      let last = '';
      let pending = 0;
      for await (const task of this.parts.queue.scan()) {
        pending++;
        // Only the first version of a key that is left: it goes before the others.
        const name = keyName(task.key);
        if (name === last || this.#busy.has(name)) continue;
        last = name;
        if (task.record.dueMs > this.parts.clock.now()) {
          this.#nextMs = Math.min(this.#nextMs, task.record.dueMs);
          continue;
        }
        await this.#slot();
        if (this.#stopped) return;
        this.#serve(name, task.key);
      }
      this.parts.counts.pending = pending;
    } while (this.#again && !this.#stopped);
  }

  #serve(name: string, rowKey: Buffer): void {
    const prefix = rowKey.subarray(0, keyEndOf(rowKey) + 2);
    const served = this.#serveKey(prefix)
      .catch((error) => this.parts.failed(error))
      .finally(() => {
        this.#busy.delete(name);
        this.#freed?.();
        this.#setTimer();
      });
    this.#busy.set(name, served);
  }

  /** All versions of a key, until one has to wait. */
  async #serveKey(prefix: Buffer): Promise<void> {
    while (!this.#stopped) {
      const [first] = await this.parts.queue.tasks.range({ gte: prefix, lt: afterPrefix(prefix), limit: 1 });
      if (!first) return;
      const dueMs = first.record.dueMs > this.parts.clock.now() ? first.record.dueMs : await this.parts.work(first);
      if (dueMs !== undefined) {
        this.#nextMs = Math.min(this.#nextMs, dueMs);
        return;
      }
      this.parts.counts.pending = Math.max(0, this.parts.counts.pending - 1);
    }
  }

  async #slot(): Promise<void> {
    while (this.#busy.size >= (this.parts.keysAtOnce ?? KEYS_AT_ONCE) && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#freed = resolve;
      });
    }
  }

  #setTimer(): void {
    if (this.#stopped || this.#looking) return;
    clearTimeout(this.#timer);
    const wait = Math.max(10, Math.min(LOOK_MS, this.#nextMs - this.parts.clock.now()));
    this.#timer = setTimeout(() => this.kick(), wait);
    this.#timer.unref();
  }
}

/** Bucket and object key of a task's row. */
const keyName = (rowKey: Buffer): string => rowKey.toString('latin1', 0, keyEndOf(rowKey));
