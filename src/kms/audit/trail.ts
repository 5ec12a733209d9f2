import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import type { Secret } from '../../base/secret.js';
import type { RootKey } from '../../seal/root-key.js';
import { type CommitBuilder, Table } from '../../store/table.js';
import { Gate } from '../gate.js';
import { AuditChain, type ChainParts } from './chain.js';
import { chainsOf } from './chain-names.js';
import { eventLine } from './event-line.js';
import { findGap, type Gap, gapText } from './gap.js';
import type { HeadFile } from './head-file.js';
import { HeadKeeper } from './head-keeper.js';
import type { AuditEvent, AuditLog, LastUse } from './ports.js';
import type { QueueLimits, UsedKey } from './queue.js';
import { removeOldPages } from './retention.js';
import { LAST_USE, lastUseRow } from './rows.js';
import { endsOf, type Position, type TailEntry, type TailOfAll, tailAudit } from './tail.js';
import { systemTimers, type Timers } from './timers.js';
import { headFileOf, type Verification, verifyAudit } from './verify.js';
import { AuditWriter } from './writer.js';

/** Under what the records are chained. 32 bytes. */
export const auditChainKeyOf = (rootKey: RootKey): Secret => rootKey.derive('coffer/audit-chain');

export interface AuditParts extends ChainParts {
  /** Of the first chain, beside the root key: `<root key file>.audit`. */
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
 *
 * @example
 * const audit = await AuditTrail.open({ meta, sealer, chainKey, headFile, clock, onTrouble });
 * await audit.record(event, [{ accountId, keyId }]);   // before the answer goes out
 * await audit.commit(commit, event);                   // in place of meta.commit(commit.build())
 */
export class AuditTrail implements AuditLog {
  readonly #chain: AuditChain;
  readonly #file: HeadFile;
  readonly #keeper: HeadKeeper;
  readonly #lastUses: Table<LastUse>;
  readonly #writer: AuditWriter;
  /** Pages aren't removed while somebody verifies them. */
  readonly #removal = new Gate();

  private constructor(private readonly parts: AuditParts) {
    const { timers = systemTimers, onTrouble, queue } = parts;
    this.#chain = new AuditChain(parts, parts.clock);
    this.#file = headFileOf(parts, this.#chain.names);
    this.#keeper = new HeadKeeper(this.#file, timers, onTrouble);
    this.#lastUses = new Table(parts.meta, parts.sealer, LAST_USE);
    const onWritten = this.#keeper.note.bind(this.#keeper);
    this.#writer = new AuditWriter({
      chain: this.#chain,
      lastUses: this.#lastUses,
      timers,
      queue,
      onWritten,
      onTrouble,
    });
  }

  /** Compares the log with the head file. Where they differ, that becomes an event of the log, and the server goes on. */
  static async open(parts: AuditParts): Promise<AuditTrail> {
    const trail = new AuditTrail(parts);
    await trail.#start();
    return trail;
  }

  record(event: AuditEvent, used: readonly UsedKey[] = []): Promise<void> | undefined {
    const isUse = used.length > 0 && event.result === 'Success' && !event.dryRun;
    return this.#writer.add(eventLine(event), isUse ? used : [], isUse ? useOf(event) : undefined);
  }

  commit(commit: CommitBuilder, event: AuditEvent): Promise<boolean> {
    return this.#writer.commit(commit.build(), eventLine(event));
  }

  /** Sees uses that are still queued. */
  async lastUse(accountId: string, keyId: string): Promise<LastUse | undefined> {
    const queued = this.#writer.queue.lastUse(accountId, keyId);
    return queued ?? (await this.#lastUses.get(lastUseRow(accountId, keyId)))?.record;
  }

  /** What was recorded until now is durable when it resolves. @throws as MetaStore.commit */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** Flushes, and writes the head file. Doesn't reject: the rest of the process must close, too. */
  async close(): Promise<void> {
    await this.#writer.close().catch((error: unknown) => {
      this.parts.onTrouble(`${this.#writer.queue.length} events of the audit log are lost`, error);
    });
    await this.#keeper.write();
  }

  /** Walks every chain, those of other processes too. `onProgress`: pages done so far. */
  async verify(onProgress?: (pages: number) => void): Promise<Verification> {
    // Where that fails, what is there can still be looked at.
    await this.flush().catch(() => {});
    return this.#removal.shared(() => verifyAudit(this.parts, onProgress));
  }

  /**
   * The newest `limit` events, or the first `limit` behind `after`; of all chains, oldest first. What is still queued isn't among them.
   */
  tail(query: TailOfAll): Promise<TailEntry[]> {
    return tailAudit(this.parts, query);
  }

  /** Where every chain ends now: `after` of who wants to see what comes. */
  ends(): Promise<Map<number, Position>> {
    return endsOf(this.parts);
  }

  /** Removes the pages that are older, of every chain. @returns how many. */
  async retain(nowMs: number, retentionMs: number): Promise<number> {
    const { meta, headFile } = this.parts;
    const beforeMs = nowMs - retentionMs;
    // Otherwise the file could name a page that goes.
    await this.#keeper.write();
    return this.#removal.exclusive(async () => {
      let removed = await removeOldPages(meta, this.#chain, beforeMs);
      for (const names of await chainsOf(meta, headFile)) {
        const { chain } = names;
        if (chain === this.#chain.names.chain) continue;
        // Another process writes that file, or nobody does any more: the page that it names has to stay to be found.
        const head = await headFileOf(this.parts, names).read();
        if (typeof head === 'string') continue;
        removed += await removeOldPages(meta, new AuditChain({ ...this.parts, chain }), beforeMs, head.sequence);
      }
      return removed;
    });
  }

  async #start(): Promise<void> {
    const expected = await this.#file.read();
    const gap = await findGap(this.#chain, expected);
    if (gap) {
      this.parts.onTrouble(`the audit log was cut, rolled back or replaced: ${gapText(gap)}`);
      // First in the queue: the head file isn't replaced before this is written.
      void this.record(this.#gapEvent(gap));
      await this.flush().catch(() => {});
      return;
    }
    this.#keeper.note(await this.#chain.head());
    // From now on a missing file is a finding.
    if (expected === 'absent') await this.#keeper.write();
  }

  #gapEvent(gap: Gap): AuditEvent {
    const timeMs = this.parts.clock.now();
    const [eventId, requestId] = [randomUUID(), randomUUID()];
    return { eventId, timeMs, requestId, action: 'AuditGap', result: 'Success', details: gap };
  }
}

const useOf = ({ action, timeMs, eventId, requestId }: AuditEvent): LastUse => ({
  operation: action,
  timeMs,
  eventId,
  requestId,
});
