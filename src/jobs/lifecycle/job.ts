import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordSealer } from '../../seal/ports.js';
import { jobKey } from '../../store/keys.js';
import type { MetaStore } from '../../store/ports.js';
import { LIFECYCLE_PROGRESS, type LifecyclePosition, type LifecycleProgress } from '../../store/records.js';
import { CommitBuilder, Table } from '../../store/table.js';
import type { LifecycleCounts } from './counts.js';
import { LifecycleRun, type RunParts } from './run.js';

/** How often it is looked whether a run is due, at most. */
const LOOK_MS = 60_000;
/** A run rests as long as a page took, so that it takes half of a processor and of a disk at most, but never longer than this. */
const REST_MAX_MS = 1000;
/** Pages between two writes of the position: how much a restart looks at again. */
const PAGES_PER_SAVE = 50;

export interface JobParts extends Omit<RunParts, 'proceed'> {
  meta: MetaStore;
  sealer: RecordSealer;
  /** Something became unreachable. */
  sweep(): void;
  /** A run, or the rest of one, came to its end; never called where no bucket has rules. */
  report(counts: LifecycleCounts): void;
  /** A run failed; it goes on when next it is looked. */
  failed(error: unknown): void;
  /** Instead of resting, for tests. */
  rest?(ms: number): Promise<unknown>;
  pagesPerSave?: number;
}

/**
 * Runs the lifecycle rules of all buckets once a day, at midnight UTC, or every shortened day (`COFFER_DAY_SECONDS`). A run that
 * was missed is made up for at the start; one that was cut off goes on from where its last saved position stands.
 */
export class LifecycleJob {
  readonly #table: Table<LifecycleProgress>;
  readonly #key = jobKey('lifecycle');
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #progress: LifecycleProgress | undefined;
  #stopped = false;

  constructor(private readonly parts: JobParts) {
    this.#table = new Table(parts.meta, parts.sealer, LIFECYCLE_PROGRESS);
  }

  start(): void {
    const look = (): void => {
      if (!this.#running) this.tick().catch((error) => this.parts.failed(error));
    };
    this.#timer = setInterval(look, Math.min(LOOK_MS, this.parts.dayMs / 4));
    this.#timer.unref();
    look();
  }

  /** Ends the run under way behind its next page; the next start goes on there. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running?.catch(() => {});
  }

  /** Runs where a run is due; resolves when it is done. Failures reject. */
  tick(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#running ??= this.#runIfDue().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #runIfDue(): Promise<void> {
    const { clock, dayMs } = this.parts;
    this.#progress ??= (await this.#table.get(this.#key))?.record ?? {};
    const today = Math.floor(clock.now() / dayMs) * dayMs;
    const { running, doneMs } = this.#progress;
    // Not `<`: a clock that was wrong for a while must not stop all runs until that day comes.
    if (!running && doneMs === today) return;
    await this.#run(running?.dueMs ?? today, running?.at);
  }

  async #run(dueMs: number, from: LifecyclePosition | undefined): Promise<void> {
    const { parts } = this;
    let pages = 0;
    let pageBeganMs = performance.now();
    const proceed = async (at?: LifecyclePosition): Promise<boolean> => {
      if (at) {
        this.#progress = { ...this.#progress, running: { dueMs, at } };
        if (++pages % (parts.pagesPerSave ?? PAGES_PER_SAVE) === 0) await this.#save();
      }
      const rest = Math.min(performance.now() - pageBeganMs, REST_MAX_MS);
      if (!this.#stopped) await (parts.rest ?? sleep)(rest);
      pageBeganMs = performance.now();
      return !this.#stopped;
    };
    const run = new LifecycleRun({ ...parts, proceed });
    const finished = await run.run(from);
    const { counts } = run;
    if (finished) this.#progress = { doneMs: dueMs };
    // A store without rules is not written to every day.
    if (counts.buckets > 0 || from) await this.#save();
    if (counts.buckets === 0) return;
    parts.sweep();
    parts.report(counts);
  }

  async #save(): Promise<void> {
    // Also on a full disk: what the job is at makes room.
    const commit = new CommitBuilder().put(this.#table.put(this.#key, this.#progress!)).frees();
    await this.parts.meta.commit(commit.build());
  }
}
