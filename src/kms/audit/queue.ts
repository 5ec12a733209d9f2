import type { LastUse } from './ports.js';

/** A page is closed before it gets larger; only an event that is larger alone makes a larger one. */
export const PAGE_MAX_BYTES = 48 * 1024;
/** Pages of one commit, and rows of last uses: half of what a commit takes, the rest is for a mutation that joins them. */
const PAGES_PER_COMMIT = 8;
const USES_PER_COMMIT = 200;

export interface QueueLimits {
  events: number;
  bytes: number;
}

export interface UsedKey {
  accountId: string;
  keyId: string;
}

interface Entry {
  line: string;
  bytes: number;
  used: readonly UsedKey[];
  use: LastUse | undefined;
}

/** What goes into one commit: the oldest events, and the last use of each key among them. */
export interface Batch {
  pages: Buffer[];
  /** How many of the queue's events. */
  events: number;
  uses: Map<string, UsedKey & { use: LastUse }>;
}

/** Events that aren't written yet, oldest first. */
export class EventQueue {
  #entries: Entry[] = [];
  #waiting: { resolve(): void; reject(error: Error): void }[] = [];
  bytes = 0;
  /** Since the start. */
  pushed = 0;
  written = 0;

  constructor(private readonly limits: QueueLimits) {}

  get length(): number {
    return this.#entries.length;
  }

  get full(): boolean {
    return this.length >= this.limits.events || this.bytes >= this.limits.bytes;
  }

  push(line: string, used: readonly UsedKey[], use: LastUse | undefined): void {
    const bytes = Buffer.byteLength(line);
    this.#entries.push({ line, bytes, used, use });
    this.bytes += bytes;
    this.pushed++;
  }

  /** Resolves when it isn't full any more. */
  room(): Promise<void> {
    const room = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    // Whoever doesn't wait for it doesn't end the process.
    room.catch(() => {});
    return room;
  }

  /** Those who wait for room wait in vain. What they queued stays. */
  refuse(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** The next batch; it stays in the queue until `drop`. */
  cut(): Batch {
    const batch: Batch = { pages: [], events: 0, uses: new Map() };
    while (batch.pages.length < PAGES_PER_COMMIT && batch.uses.size < USES_PER_COMMIT) {
      const lines = this.#page(batch);
      if (lines.length === 0) break;
      batch.pages.push(Buffer.from(lines.join('\n')));
    }
    return batch;
  }

  /** Everything that waits and `line` behind it, as one page; `undefined`: that doesn't fit. */
  cutWith(line: string): Batch | undefined {
    if (this.bytes + this.length + Buffer.byteLength(line) > PAGE_MAX_BYTES && this.length > 0) return undefined;
    const batch: Batch = { pages: [], events: 0, uses: new Map() };
    const lines = this.#page(batch);
    if (batch.events < this.length) return undefined;
    batch.pages.push(Buffer.from([...lines, line].join('\n')));
    return batch;
  }

  /** The oldest `events` are written. */
  drop(events: number): void {
    for (const { bytes } of this.#entries.splice(0, events)) this.bytes -= bytes;
    this.written += events;
    if (this.full) return;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  lastUse(accountId: string, keyId: string): LastUse | undefined {
    return this.#entries.findLast(
      ({ use, used }) => use && used.some((key) => key.keyId === keyId && key.accountId === accountId),
    )?.use;
  }

  /** Takes the lines of one page behind what `batch` has, and notes their uses in it. */
  #page(batch: Batch): string[] {
    const lines: string[] = [];
    let bytes = 0;
    for (let i = batch.events; i < this.length && batch.uses.size < USES_PER_COMMIT; i++) {
      const entry = this.#entries[i]!;
      if (lines.length > 0 && bytes + 1 + entry.bytes > PAGE_MAX_BYTES) break;
      lines.push(entry.line);
      bytes += 1 + entry.bytes;
      batch.events++;
      if (!entry.use) continue;
      for (const key of entry.used) batch.uses.set(`${key.accountId}/${key.keyId}`, { ...key, use: entry.use });
    }
    return lines;
  }
}
