import type { Run } from '../ports.js';
import { valueKey } from './blob-keys.js';
import type { Database } from './database.js';

/** 128 values of 512 KiB: 64 MiB, the size of a table. */
const STRETCH_NUMBERS = 128;

export interface ReclaimerOptions {
  /** How long deletions are collected before their space is reclaimed, and the pause between two stretches. */
  pauseMs: number;
  enabled: boolean;
  onTrouble(message: string): void;
}

/**
 * Deleted values become free space only when LevelDB compacts over them, which by itself it may never do to old tables. So the
 * stretches that deletions touched are compacted in the background, one at a time, with pauses: a compaction rewrites what is
 * left of a stretch. A stretch that an open snapshot still sees keeps its space until something compacts it again.
 */
export class Reclaimer {
  readonly #stretches = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    private readonly blob: Database,
    private readonly options: ReclaimerOptions,
  ) {}

  add({ first, count }: Run): void {
    if (!this.options.enabled || this.#closed) return;
    const last = Math.floor((first + count - 1) / STRETCH_NUMBERS);
    for (let stretch = Math.floor(first / STRETCH_NUMBERS); stretch <= last; stretch++) this.#stretches.add(stretch);
    this.#schedule();
  }

  /** Compacts everything that is due, now. */
  async flush(): Promise<void> {
    while (this.#stretches.size > 0 && !this.#closed) {
      this.#start();
      await this.#running;
    }
    await this.#running;
  }

  /** The database is being reopened. */
  forget(): void {
    this.#stretches.clear();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#start();
    }, this.options.pauseMs).unref();
  }

  #start(): void {
    this.#running = this.#running.then(() => this.#compactNext());
  }

  async #compactNext(): Promise<void> {
    const stretch = this.#stretches.values().next().value;
    if (stretch === undefined || this.#closed) return;
    this.#stretches.delete(stretch);
    try {
      const end = (stretch + 1) * STRETCH_NUMBERS;
      await this.blob.level.compactRange(valueKey(stretch * STRETCH_NUMBERS), valueKey(end));
    } catch (error) {
      this.options.onTrouble(`space of deleted blobs was not reclaimed: ${(error as Error).message}`);
    }
    if (this.#stretches.size > 0 && !this.#closed) this.#schedule();
  }
}
