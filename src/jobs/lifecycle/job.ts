import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordSealer } from '../../seal/ports.js';
import { jobKey } from '../../store/keys.js';
import type { MetaStore } from '../../store/ports.js';
import { LIFECYCLE_PROGRESS, type LifecyclePosition, type LifecycleProgress } from '../../store/records.js';
import { CommitBuilder, Table } from '../../store/table.js';
import type { LifecycleCounts } from './counts.js';
import { LifecycleRun, type RunParts } from './run.js';

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
  #running: Promise<void> | undefined;
  #progress: LifecycleProgress = {};
  /** The day of which this one knows that there is nothing to do, though no row says so. */
  #idleDayMs: number | undefined;
  #stopped = false;

  constructor(private readonly parts: JobParts) {
    this.#table = new Table(parts.meta, parts.sealer, LIFECYCLE_PROGRESS);
  }

  /** Takes the job up, also after `stop`: another gateway may have gone on with it meanwhile. Otherwise as `tick`. */
  run(): Promise<void> {
    this.#stopped = false;
    return this.tick();
  }

  /** Ends the run under way behind its next page; whoever takes it up goes on there. */
  async stop(): Promise<void> {
    this.#stopped = true;
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
    this.#progress = (await this.#table.get(this.#key))?.record ?? {};
    const today = Math.floor(clock.now() / dayMs) * dayMs;
    const { running, doneMs } = this.#progress;
    // Not `<`: a clock that was wrong for a while must not stop all runs until that day comes.
    if (!running && (doneMs === today || this.#idleDayMs === today)) return;
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
    else if (finished) this.#idleDayMs = dueMs;
    if (counts.buckets === 0) return;
    parts.sweep();
    parts.report(counts);
  }

  async #save(): Promise<void> {
    // Also on a full disk: what the job is at makes room.
    const commit = new CommitBuilder().put(this.#table.put(this.#key, this.#progress)).frees();
    await this.parts.meta.commit(commit.build());
  }
}
