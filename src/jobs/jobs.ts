import type { Clock } from '../base/clock.js';
import { LeaseLost } from '../store/errors.js';
import type { Lease, Leases } from '../store/leases.js';
import type { Job } from './job.js';

const TICK_MAX_MS = 60_000;
/** How soon a lease is asked for again that another gateway has. */
const ASK_EVERY_MS = 5000;

export interface JobsParts {
  clock: Clock;
  leases: Leases;
  /** Runs work whose commits the lease fences (`FencedMeta`). */
  within<T>(lease: Lease, work: () => Promise<T> | T): Promise<T>;
  /** Told of turns that failed; they come round again. */
  onTrouble(job: string, error: unknown): void;
}

interface Standing {
  job: Job;
  dueMs: number;
  running: Promise<void> | undefined;
  /** Held from its first turn on, until it is lost. */
  lease: Lease | undefined;
}

/**
 * Runs jobs by the clock, each by itself: one that fails or takes long holds up no other. A job that is to run once runs where its
 * lease is held; another gateway takes it over when this one is dead.
 */
export class Jobs {
  readonly #standing = new Map<string, Standing>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(private readonly parts: JobsParts) {}

  /** A job of that name is known from now on; it runs once `start` was called. */
  register(job: Job): void {
    const dueMs = this.parts.clock.now() + (job.atOnce ? 0 : job.everyMs);
    this.#standing.set(job.name, { job, dueMs, running: undefined, lease: undefined });
  }

  start(): void {
    const every = [...this.#standing.values()].map(({ job }) =>
      job.where === 'once' ? this.#askEveryMs(job) : job.everyMs,
    );
    this.#timer = setInterval(() => this.tick(), Math.min(TICK_MAX_MS, ...every));
    this.#timer.unref();
    this.tick();
  }

  /** Starts what is due, and ends the turns of jobs whose lease is gone. */
  tick(): void {
    const nowMs = this.parts.clock.now();
    for (const one of this.#standing.values()) {
      if (one.lease?.ended) this.#standDown(one);
      if (one.dueMs <= nowMs && !one.running && !this.#stopped) this.#begin(one, nowMs);
    }
  }

  /** The job has something to do: where it runs here, its next turn begins now, or when the one under way has ended. */
  hurry(name: string): void {
    const one = this.#standing.get(name)!;
    if (one.job.where === 'once' && !one.lease) return;
    one.dueMs = this.parts.clock.now();
    if (!one.running) this.tick();
    else void one.running.then(() => this.tick());
  }

  /** Runs what a job does between its turns, as its turns are run. @throws LeaseLost where it isn't this gateway's any more */
  async within<T>(name: string, work: () => Promise<T> | T): Promise<T> {
    const { job, lease } = this.#standing.get(name)!;
    if (job.where === 'everywhere') return work();
    if (!lease) throw new LeaseLost(`${name} is another gateway's`);
    return this.parts.within(lease, work);
  }

  /** Ends all turns, waits for what is under way, and lets other gateways go on with it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    const all = [...this.#standing.values()];
    await Promise.all(all.map(({ job, lease }) => (job.where === 'everywhere' || lease ? job.stop?.() : undefined)));
    await Promise.all(all.map(({ running }) => running));
    await Promise.all(all.map(({ lease }) => lease?.release()));
  }

  #begin(one: Standing, nowMs: number): void {
    const { job } = one;
    one.dueMs = nowMs + job.everyMs;
    one.running = this.#turn(one, nowMs)
      .catch((error: unknown) => this.parts.onTrouble(job.name, error))
      .finally(() => {
        one.running = undefined;
      });
  }

  async #turn(one: Standing, nowMs: number): Promise<void> {
    const { job } = one;
    if (job.where === 'everywhere') return void (await job.run());
    one.lease ??= await this.parts.leases.take(job.name);
    // One that is lost for the moment may be had again, or ends.
    if (!one.lease || one.lease.lost) {
      one.dueMs = nowMs + this.#askEveryMs(job);
      return;
    }
    if (this.#stopped) return;
    await this.parts.within(one.lease, () => job.run());
  }

  #standDown(one: Standing): void {
    one.lease = undefined;
    one.dueMs = this.parts.clock.now() + this.#askEveryMs(one.job);
    void (async () => one.job.stop?.())().catch((error: unknown) => this.parts.onTrouble(one.job.name, error));
  }

  #askEveryMs(job: Job): number {
    return Math.min(job.everyMs, ASK_EVERY_MS);
  }
}
