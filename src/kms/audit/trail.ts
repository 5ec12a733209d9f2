import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import { MiB } from '../../base/limits.js';
import { StoreUnavailable } from '../../store/errors.js';
import type { Commit } from '../../store/ports.js';
import { type CommitBuilder, Table } from '../../store/table.js';
import { Gate } from '../gate.js';
import { AuditChain, type ChainParts } from './chain.js';
import { eventLine } from './event-line.js';
import { findGap, type Gap, gapText } from './gap.js';
import { HeadFile } from './head-file.js';
import { HeadKeeper } from './head-keeper.js';
import type { AuditEvent, AuditLog, LastUse } from './ports.js';
import { type Batch, EventQueue, PAGE_MAX_BYTES, type QueueLimits, type UsedKey } from './queue.js';
import { removeOldPages } from './retention.js';
import { LAST_USE, lastUseRow } from './rows.js';
import { type Position, type TailEntry, tailOf } from './tail.js';
import { systemTimers, type Timers } from './timers.js';
import { Turns } from './turns.js';
import { type Verification, verifyChain } from './verify.js';

/** With what a sync takes, an event is on the disk within 200 ms. */
const WRITE_AFTER_MS = 150;
/** So much is written without waiting. Smaller batches would write the rows of last uses more often. */
const FULL_BATCH_BYTES = 4 * PAGE_MAX_BYTES;
const QUEUE: QueueLimits = { events: 20_000, bytes: 8 * MiB };
/** A mutation with more operations than this shares its commit with no queued events. */
const JOINED_MAX_OPERATIONS = 200;

export interface AuditParts extends ChainParts {
  /** Beside the root key: `<root key file>.audit`. */
  headFile: string;
  clock: Clock;
  /** One line for the log of the server: the log can't be written, or was tampered with. */
  onTrouble: (message: string, error?: unknown) => void;
  timers?: Timers;
  queue?: QueueLimits;
}

/**
 * The audit log of the built-in key service. Formats: FORMAT.md, "Audit log".
 *
 * A crash loses the queued events of the last 200 ms and nothing of what mutates. While the store refuses writes, `record`
 * rejects: what can't be recorded isn't answered.
 */
export class AuditTrail implements AuditLog {
  readonly #chain: AuditChain;
  readonly #file: HeadFile;
  readonly #keeper: HeadKeeper;
  readonly #queue: EventQueue;
  readonly #lastUses: Table<LastUse>;
  readonly #timers: Timers;
  /** Whoever adds to the chain. */
  readonly #turns = new Turns();
  /** Pages aren't removed while somebody verifies them. */
  readonly #removal = new Gate();
  /** Events of the append whose outcome isn't known. */
  #unsureEvents = 0;
  /** Why the last batch wasn't written. */
  #trouble: Error | undefined;
  #cancel: (() => void) | undefined;
  /** Events up to this count have waited long enough. */
  #due = 0;
  #pumping = false;
  #closed = false;

  private constructor(private readonly parts: AuditParts) {
    this.#timers = parts.timers ?? systemTimers;
    this.#chain = new AuditChain(parts, parts.clock);
    this.#file = new HeadFile(parts.headFile, parts.chainKey);
    this.#keeper = new HeadKeeper(this.#file, this.#timers, parts.onTrouble);
    this.#queue = new EventQueue(parts.queue ?? QUEUE);
    this.#lastUses = new Table(parts.meta, parts.sealer, LAST_USE);
  }

  /** Compares the log with the head file. Where they differ, that becomes an event of the log, and the server goes on. */
  static async open(parts: AuditParts): Promise<AuditTrail> {
    const trail = new AuditTrail(parts);
    await trail.#start();
    return trail;
  }

  record(event: AuditEvent, used: readonly UsedKey[] = []): Promise<void> | undefined {
    if (this.#closed) return Promise.reject(new StoreUnavailable('the audit log is closed'));
    if (this.#trouble && this.#queue.full) return Promise.reject(this.#refusal());
    const isUse = used.length > 0 && event.result === 'Success' && !event.dryRun;
    this.#queue.push(eventLine(event), isUse ? used : [], isUse ? useOf(event) : undefined);
    // It stays queued and says what was asked; the caller must not answer.
    if (this.#trouble) return Promise.reject(this.#refusal());
    if (this.#queue.bytes >= FULL_BATCH_BYTES) void this.#pump();
    else this.#arm();
    return this.#queue.full ? this.#queue.room() : undefined;
  }

  commit(commit: CommitBuilder, event: AuditEvent): Promise<boolean> {
    if (this.#closed) return Promise.reject(new StoreUnavailable('the audit log is closed'));
    const line = eventLine(event);
    const own = commit.build();
    const operations = (own.checks?.length ?? 0) + (own.puts?.length ?? 0) + (own.dels?.length ?? 0);
    return this.#turns.take(async () => {
      await this.#settle();
      // What was queued before comes before it, in the same page where there is room.
      let batch = operations > JOINED_MAX_OPERATIONS ? undefined : this.#queue.cutWith(line);
      while (!batch) {
        if (this.#queue.length > 0) await this.#append(this.#queue.cut());
        batch = this.#queue.length > 0 && operations > JOINED_MAX_OPERATIONS ? undefined : this.#queue.cutWith(line);
      }
      return this.#append(batch, own);
    });
  }

  async lastUse(accountId: string, keyId: string): Promise<LastUse | undefined> {
    return this.#queue.lastUse(accountId, keyId) ?? (await this.#lastUses.get(lastUseRow(accountId, keyId)))?.record;
  }

  /** What was recorded until now is durable when it resolves. @throws as MetaStore.commit */
  async flush(): Promise<void> {
    try {
      await this.#writeUpTo(() => this.#queue.pushed);
    } catch (error) {
      this.#fail(error as Error);
      throw error;
    }
  }

  /** Flushes, and writes the head file. Doesn't reject: the rest of the process must close, too. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    this.#cancel = undefined;
    // Mutations that are under way.
    await this.#turns.take(async () => {});
    await this.flush().catch((error: unknown) => {
      this.parts.onTrouble(`${this.#queue.length} events of the audit log are lost`, error);
    });
    await this.#keeper.write();
  }

  /** Walks the whole chain. `onProgress`: pages done so far. */
  async verify(onProgress?: (pages: number) => void): Promise<Verification> {
    // Where that fails, what is there can still be looked at.
    await this.flush().catch(() => {});
    return this.#removal.shared(() => verifyChain(this.#chain, this.#file, onProgress));
  }

  /** The newest `limit` events, or the first `limit` behind `after`; oldest first. What is still queued isn't among them. */
  tail(query: { limit: number; after?: Position | undefined }): Promise<TailEntry[]> {
    return tailOf(this.#chain, query);
  }

  /** Removes the pages that are older. @returns how many. */
  async retain(nowMs: number, retentionMs: number): Promise<number> {
    // Otherwise the file could name a page that goes.
    await this.#keeper.write();
    return this.#removal.exclusive(() => removeOldPages(this.parts.meta, this.#chain, nowMs - retentionMs));
  }

  async #start(): Promise<void> {
    const expected = await this.#file.read();
    const gap = await findGap(this.#chain, expected);
    if (gap) {
      this.parts.onTrouble(`the audit log was cut, rolled back or replaced: ${gapText(gap)}`);
      this.#queue.push(eventLine(this.#gapEvent(gap)), [], undefined);
      await this.flush().catch(() => {});
      return;
    }
    this.#keeper.note(await this.#chain.head());
    // From now on a missing file is a finding.
    if (expected === 'absent') await this.#keeper.write();
  }

  #gapEvent(gap: Gap): AuditEvent {
    const timeMs = this.parts.clock.now();
    return {
      eventId: randomUUID(),
      timeMs,
      requestId: randomUUID(),
      action: 'AuditGap',
      result: 'Success',
      details: gap,
    };
  }

  #arm(): void {
    if (this.#cancel || this.#closed || this.#queue.length === 0) return;
    this.#cancel = this.#timers.after(WRITE_AFTER_MS, () => {
      this.#cancel = undefined;
      this.#due = this.#queue.pushed;
      void this.#pump();
    });
  }

  /** Writes what is due or fills a batch; whatever comes in meanwhile goes with the next batch. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      await this.#writeUpTo(() => (this.#queue.bytes >= FULL_BATCH_BYTES ? this.#queue.pushed : this.#due));
    } catch (error) {
      this.#fail(error as Error);
    } finally {
      this.#pumping = false;
      this.#arm();
    }
  }

  async #writeUpTo(mark: () => number): Promise<void> {
    while (this.#queue.written < mark()) {
      await this.#turns.take(async () => {
        await this.#settle();
        if (this.#queue.length > 0) await this.#append(this.#queue.cut());
      });
    }
  }

  /** In its turn. */
  async #append(batch: Batch, own: Commit = {}): Promise<boolean> {
    const uses = [...batch.uses.values()].map(({ accountId, keyId, use }) =>
      this.#lastUses.put(lastUseRow(accountId, keyId), use),
    );
    try {
      // The rows of the caller come last: where it deletes or writes a row of a last use, that holds.
      const done = await this.#chain.append(batch.pages, { ...own, puts: [...uses, ...(own.puts ?? [])] });
      if (!done) return false;
    } catch (error) {
      this.#unsureEvents = batch.events;
      throw error;
    }
    this.#written(batch.events);
    this.#keeper.note(await this.#chain.head());
    return true;
  }

  /** In its turn: an append that threw may have been written, and must not be written twice. */
  async #settle(): Promise<void> {
    if (await this.#chain.settle()) this.#written(this.#unsureEvents);
    this.#unsureEvents = 0;
  }

  #written(events: number): void {
    this.#trouble = undefined;
    this.#queue.drop(events);
  }

  #fail(error: Error): void {
    if (!this.#trouble) this.parts.onTrouble("the audit log can't be written", error);
    this.#trouble = error;
    this.#queue.refuse(this.#refusal());
    this.#arm();
  }

  #refusal(): StoreUnavailable {
    return new StoreUnavailable("the audit log can't be written", { cause: this.#trouble });
  }
}

const useOf = ({ action, timeMs, eventId, requestId }: AuditEvent): LastUse => ({
  operation: action,
  timeMs,
  eventId,
  requestId,
});
