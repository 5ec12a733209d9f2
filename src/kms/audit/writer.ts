import { MiB } from '../../base/limits.js';
import { StoreUnavailable } from '../../store/errors.js';
import type { Commit } from '../../store/ports.js';
import type { Table } from '../../store/table.js';
import type { AuditChain } from './chain.js';
import type { Head } from './page.js';
import type { LastUse } from './ports.js';
import { type Batch, EventQueue, PAGE_MAX_BYTES, type QueueLimits, type UsedKey } from './queue.js';
import { lastUseRow } from './rows.js';
import type { Timers } from './timers.js';
import { Turns } from './turns.js';

/** With what a sync takes, an event is on the disk within 200 ms. */
const WRITE_AFTER_MS = 150;
/** So much is written without waiting. Smaller batches would write the rows of last uses more often. */
const FULL_BATCH_BYTES = 4 * PAGE_MAX_BYTES;
const QUEUE: QueueLimits = { events: 20_000, bytes: 8 * MiB };
/** A mutation with more operations than this shares its commit with no queued events. */
const JOINED_MAX_OPERATIONS = 200;

interface WriterParts {
  chain: AuditChain;
  lastUses: Table<LastUse>;
  timers: Timers;
  queue?: QueueLimits | undefined;
  /** What is added to the chain is durable. */
  onWritten: (head: Head) => void;
  onTrouble: (message: string, error: unknown) => void;
}

/** Brings lines to the chain: queued ones in batches, those of mutations with their commits, one append at a time. */
export class AuditWriter {
  readonly queue: EventQueue;
  readonly #turns = new Turns();
  /** Events of the append whose outcome isn't known. */
  #unsureEvents = 0;
  /** Why the last batch wasn't written. */
  #trouble: Error | undefined;
  #cancel: (() => void) | undefined;
  /** Events up to this count have waited long enough. */
  #due = 0;
  #pumping = false;
  #closed = false;

  constructor(private readonly parts: WriterParts) {
    this.queue = new EventQueue(parts.queue ?? QUEUE);
  }

  /** As AuditLog.record. */
  add(line: string, used: readonly UsedKey[], use: LastUse | undefined): Promise<void> | undefined {
    if (this.#closed) return refused(closed());
    if (this.#trouble && this.queue.full) return refused(this.#refusal());
    this.queue.push(line, used, use);
    // It stays queued and says what was asked; the caller must not answer.
    if (this.#trouble) return refused(this.#refusal());
    if (this.queue.bytes >= FULL_BATCH_BYTES) void this.#pump();
    else this.#arm();
    return this.queue.full ? this.queue.room() : undefined;
  }

  /** As AuditLog.commit. What was queued before comes before it, in the same commit where there is room. */
  commit(own: Commit, line: string): Promise<boolean> {
    if (this.#closed) return Promise.reject(closed());
    const operations = (own.checks?.length ?? 0) + (own.puts?.length ?? 0) + (own.dels?.length ?? 0);
    const joined = (): Batch | undefined => (operations > JOINED_MAX_OPERATIONS ? undefined : this.queue.cutWith(line));
    const before = this.queue.pushed;
    return this.#turns.take(async () => {
      await this.#settle();
      let batch = joined();
      while (!batch && this.queue.written < before) {
        await this.#append(this.queue.cut());
        batch = joined();
      }
      // What came in meanwhile may come behind it: it would be waited for forever under load.
      return this.#append(batch ?? { pages: [Buffer.from(line)], events: 0, uses: new Map() }, own);
    });
  }

  /** What is queued now is durable when it resolves. @throws as MetaStore.commit */
  async flush(): Promise<void> {
    const mark = this.queue.pushed;
    try {
      await this.#writeUpTo(() => mark);
    } catch (error) {
      this.#fail(error as Error);
      throw error;
    }
  }

  /** Takes nothing more, and ends what is under way. @throws as `flush` */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#turns.take(async () => {});
    await this.flush();
  }

  #arm(): void {
    if (this.#cancel || this.#closed || this.queue.length === 0) return;
    this.#cancel = this.parts.timers.after(WRITE_AFTER_MS, () => {
      this.#cancel = undefined;
      this.#due = this.queue.pushed;
      void this.#pump();
    });
  }

  /** Writes what is due or fills a batch; whatever comes in meanwhile goes with the next one. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      await this.#writeUpTo(() => (this.queue.bytes >= FULL_BATCH_BYTES ? this.queue.pushed : this.#due));
    } catch (error) {
      this.#fail(error as Error);
    } finally {
      this.#pumping = false;
      this.#arm();
    }
  }

  async #writeUpTo(mark: () => number): Promise<void> {
    while (this.queue.written < mark()) {
      await this.#turns.take(async () => {
        await this.#settle();
        if (this.queue.length > 0) await this.#append(this.queue.cut());
      });
    }
  }

  /** In its turn. */
  async #append(batch: Batch, own: Commit = {}): Promise<boolean> {
    const { chain, lastUses, onWritten } = this.parts;
    const uses = [...batch.uses.values()].map(({ accountId, keyId, use }) =>
      lastUses.put(lastUseRow(accountId, keyId), use),
    );
    try {
      // The rows of the caller come last: where it writes a row of a last use, that holds.
      const done = await chain.append(batch.pages, {
        ...own,
        puts: [...uses, ...(own.puts ?? [])],
        // On a disk that is nearly full what was done without writing is still recorded, or it couldn't be done.
        frees: own.frees || !own.puts?.length,
      });
      if (!done) return false;
    } catch (error) {
      this.#unsureEvents = batch.events;
      throw error;
    }
    this.#written(batch.events);
    onWritten(await chain.head());
    return true;
  }

  /** In its turn: an append that threw may have been written, and must not be written twice. */
  async #settle(): Promise<void> {
    if (await this.parts.chain.settle()) {
      this.#written(this.#unsureEvents);
      this.parts.onWritten(await this.parts.chain.head());
    }
    this.#unsureEvents = 0;
  }

  #written(events: number): void {
    this.#trouble = undefined;
    this.queue.drop(events);
  }

  #fail(error: Error): void {
    if (!this.#trouble) this.parts.onTrouble("the audit log can't be written", error);
    this.#trouble = error;
    this.queue.refuse(this.#refusal());
    this.#arm();
  }

  #refusal(): StoreUnavailable {
    return new StoreUnavailable("the audit log can't be written", { cause: this.#trouble });
  }
}

/** Whoever doesn't wait for it doesn't end the process. */
function refused(error: Error): Promise<void> {
  const refusal = Promise.reject(error);
  refusal.catch(() => {});
  return refusal;
}

const closed = (): StoreUnavailable => new StoreUnavailable('the audit log is closed');
