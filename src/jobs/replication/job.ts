import type { Clock } from '../../base/clock.js';
import type { ReplicationCounts } from '../../s3/replication/counts.js';
import { afterPrefix, keyEndOf } from '../../store/keys.js';
import type { ReplicationTask } from '../../store/records.js';
import type { ReplicationQueue } from '../../store/replication-queue.js';
import type { Stored } from '../../store/table.js';

/** Keys that are served at once; versions of one key go one after the other. */
const KEYS_AT_ONCE = 8;
/** Keys that are known to have work and wait for their turn; what is beyond them is found on the queue. */
const READY_MAX = 10_000;
const LOOK_MS = 30_000;
/** And then left alone for so many times as long as that took. */
const REST_FACTOR = 4;

export interface JobParts {
  queue: ReplicationQueue;
  clock: Clock;
  counts: ReplicationCounts;
  /** Does what it can of a task. @returns when the key's next look is due; undefined: the task is done and off the queue */
  work(task: Stored<ReplicationTask>): Promise<number | undefined>;
  /** It failed in a way that nobody foresaw; the task stays. */
  failed(error: unknown): void;
  keysAtOnce?: number;
  /** The whole queue is looked through at least so often: what other gateways queue is found by it. Default 30 s. */
  lookMs?: number;
}

/**
 * Works off the queue of replication: the versions of a key in their order, different keys side by side. What is on the queue is
 * all that counts, so it begins after a crash where it was cut off; what it is told besides saves it the search.
 */
export class ReplicationJob {
  readonly #busy = new Map<string, Promise<void>>();
  readonly #ready = new Map<string, Buffer>();
  /** Keys that got work while they were busy. */
  readonly #missed = new Set<string>();
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  /** Until it is started, nothing is done. */
  #stopped = true;
  #timer: NodeJS.Timeout | undefined;
  #nextMs = Number.POSITIVE_INFINITY;
  #restUntilMs = 0;
  #freed: (() => void) | undefined;

  constructor(private readonly parts: JobParts) {}

  /** Takes the work up, also after `stop`. */
  start(): void {
    this.#stopped = false;
    this.look();
  }

  /** There is a task in this row, or one that a newer of its key waits for. */
  told(rowKey: Buffer): void {
    if (this.#stopped) return;
    this.parts.counts.pending++;
    const prefix = prefixOf(rowKey);
    const name = nameOf(prefix);
    if (this.#busy.has(name)) this.#missed.add(name);
    else if (this.#ready.size < READY_MAX) this.#ready.set(name, prefix);
    else this.#lookAgain = true;
    this.#serveReady();
  }

  /** Looks through the whole queue. */
  look(): void {
    if (this.#stopped) return;
    if (this.#looking) {
      this.#lookAgain = true;
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

  get stopping(): boolean {
    return this.#stopped;
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
    this.#ready.clear();
    this.#freed?.();
    await this.idle();
  }

  async #look(): Promise<void> {
    const { clock, queue, counts } = this.parts;
    const beganMs = performance.now();
    this.#lookAgain = false;
    this.#nextMs = Number.POSITIVE_INFINITY;
    let last = '';
    let pending = 0;
    for await (const task of queue.scan()) {
      pending++;
      // Only the first version of a key that is left: it goes before the others.
      const prefix = prefixOf(task.key);
      const name = nameOf(prefix);
      if (name === last) continue;
      last = name;
      if (task.record.dueMs > clock.now()) this.#waitUntil(task.record.dueMs);
      else if (this.#busy.has(name)) this.#missed.add(name);
      else {
        await this.#slot();
        if (this.#stopped) return;
        if (!this.#busy.has(name)) this.#serve(name, prefix);
      }
    }
    counts.pending = pending;
    this.#restUntilMs = clock.now() + REST_FACTOR * (performance.now() - beganMs);
  }

  #serveReady(): void {
    for (const [name, prefix] of this.#ready) {
      if (this.#busy.size >= this.#limit || this.#stopped) return;
      this.#ready.delete(name);
      if (this.#busy.has(name)) this.#missed.add(name);
      else this.#serve(name, prefix);
    }
  }

  #serve(name: string, prefix: Buffer): void {
    const served = this.#serveKey(prefix)
      .catch((error) => {
        // The store, perhaps: it is looked at again with everything else.
        this.#waitUntil(this.parts.clock.now() + this.#lookMs);
        this.parts.failed(error);
      })
      .finally(() => {
        this.#busy.delete(name);
        if (this.#missed.delete(name) && !this.#stopped) this.#ready.set(name, prefix);
        this.#serveReady();
        this.#freed?.();
        this.#setTimer();
      });
    this.#busy.set(name, served);
  }

  /** All versions of a key, until one has to wait. */
  async #serveKey(prefix: Buffer): Promise<void> {
    const { queue, clock, counts } = this.parts;
    while (!this.#stopped) {
      const [first] = await queue.tasks.range({ gte: prefix, lt: afterPrefix(prefix), limit: 1 });
      if (!first) return;
      const dueMs = first.record.dueMs > clock.now() ? first.record.dueMs : await this.parts.work(first);
      if (dueMs !== undefined) {
        this.#waitUntil(dueMs);
        return;
      }
      counts.pending = Math.max(0, counts.pending - 1);
    }
  }

  async #slot(): Promise<void> {
    while (this.#busy.size >= this.#limit && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#freed = resolve;
      });
    }
  }

  get #limit(): number {
    return this.parts.keysAtOnce ?? KEYS_AT_ONCE;
  }

  get #lookMs(): number {
    return this.parts.lookMs ?? LOOK_MS;
  }

  #waitUntil(ms: number): void {
    this.#nextMs = Math.min(this.#nextMs, ms);
  }

  #setTimer(): void {
    if (this.#stopped || this.#looking) return;
    clearTimeout(this.#timer);
    const nowMs = this.parts.clock.now();
    const wishedMs = this.#lookAgain ? nowMs : Math.min(this.#nextMs, nowMs + this.#lookMs);
    this.#timer = setTimeout(() => this.look(), Math.max(10, this.#restUntilMs - nowMs, wishedMs - nowMs));
    this.#timer.unref();
  }
}

/** Of the rows of one key. */
const prefixOf = (rowKey: Buffer): Buffer => rowKey.subarray(0, keyEndOf(rowKey) + 2);

const nameOf = (prefix: Buffer): string => prefix.toString('latin1');
