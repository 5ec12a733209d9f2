import { type Clock, systemClock } from '../../base/clock.js';
import { StoreDamaged } from '../../base/damaged.js';
import { Mac } from '../../base/mac.js';
import type { Secret } from '../../base/secret.js';
import type { RecordSealer } from '../../seal/ports.js';
import { TooMuchContention } from '../../store/conflict.js';
import { under } from '../../store/keys.js';
import type { Commit, MetaStore, Row } from '../../store/ports.js';
import { type Stored, Table } from '../../store/table.js';
import { ChainNames } from './chain-names.js';
import { buildPage, type Head, NO_MAC, type Page, parsePage } from './page.js';
import { CHECKPOINT, type CheckpointRecord, PAGE_TYPE } from './rows.js';

/** How often the head is read again because the next page was there already. */
const ATTEMPTS = 32;

export interface ChainParts {
  meta: MetaStore;
  sealer: RecordSealer;
  /** 32 bytes: `rootKey.derive('coffer/audit-chain')`. */
  chainKey: Secret;
  /** Which of several chains, where several processes write one each. */
  chain?: number;
}

/**
 * The pages of the log: each carries the MAC of the one before. The newest row is the head; there is no row that names it, since
 * a commit that adds a page checks that no page of its number is there, and pages are never rewritten while anybody adds some.
 * Callers of `append` take turns.
 */
export class AuditChain {
  readonly checkpoints: Table<CheckpointRecord>;
  readonly names: ChainNames;
  readonly #key: Secret;
  #head: Head | undefined;
  /** The last page of an append that may or may not have been written. */
  #unsure: Head | undefined;

  constructor(
    /** With `names`, `chainKey` is that chain's own. */
    private readonly parts: ChainParts & { names?: ChainNames },
    /** Tells when pages are written; who only reads needs none. */
    private readonly clock: Clock = systemClock,
  ) {
    this.names = parts.names ?? new ChainNames(parts.chain);
    this.#key = parts.names ? parts.chainKey : this.names.key(parts.chainKey);
    this.checkpoints = new Table(parts.meta, parts.sealer, CHECKPOINT);
  }

  /** What the next page follows. */
  async head(): Promise<Head> {
    this.#head ??= await this.newest();
    return this.#head;
  }

  /**
   * As the store has it now: the newest page, without its MAC where it doesn't open; or, without pages, where the checkpoint
   * says the chain goes on.
   */
  async newest(): Promise<Head> {
    // Pages first: retention that runs meanwhile moves the checkpoint behind the pages it took.
    const rows = await this.rows(16, { lt: this.names.page(Number.MAX_SAFE_INTEGER), reverse: true });
    const row = rows.find(({ key }) => this.names.sequenceOf(key) !== undefined);
    if (row) return headOf(this, row);
    return placeOfCheckpoint((await this.checkpoint().catch(ifDamaged))?.record);
  }

  /**
   * Adds pages, and the rows of `also`, in one commit: all of it or nothing.
   * `false`: a check of `also` failed.
   * @throws as MetaStore.commit; the head is read from the store before the next append.
   */
  async append(pages: readonly Buffer[], also: Commit): Promise<boolean> {
    for (let i = 0; i < ATTEMPTS; i++) {
      const from = await this.head();
      const { puts, to } = this.#sealPages(from, pages);
      const next = this.names.page(from.sequence + 1);
      const commit: Commit = {
        ...also,
        checks: [...(also.checks ?? []), { key: next, revision: 'absent' }],
        puts: [...(also.puts ?? []), ...puts],
      };
      let done: boolean;
      try {
        done = await this.parts.meta.commit(commit);
      } catch (error) {
        this.#unsure = to;
        this.#head = undefined;
        throw error;
      }
      if (done) {
        this.#head = to;
        return true;
      }
      if (!(await this.parts.meta.get(next)) && also.checks?.length) return false;
      this.#head = undefined;
    }
    throw new TooMuchContention('the head of the audit log moved under every attempt to add to it');
  }

  /** Was the append that threw last written after all? */
  async settle(): Promise<boolean> {
    const unsure = this.#unsure;
    if (!unsure) return false;
    const row = await this.parts.meta.get(this.names.page(unsure.sequence));
    this.#unsure = undefined;
    return row !== undefined && this.open(row).mac.equals(unsure.mac);
  }

  /** @throws StoreDamaged */
  async page(sequence: number): Promise<Page | undefined> {
    const row = await this.parts.meta.get(this.names.page(sequence));
    return row && this.open(row);
  }

  /** @throws StoreDamaged */
  open(row: Row): Page {
    const sequence = this.names.sequenceOf(row.key);
    if (sequence === undefined) throw new StoreDamaged('a row among the audit pages is none');
    return parsePage(this.#key, sequence, this.parts.sealer.open(PAGE_TYPE, row.key, row.value));
  }

  /** Up to `limit` rows of pages; ascending unless `reverse`. What isn't named as a page is among them. */
  rows(limit: number, range: { gte?: Uint8Array; lt?: Uint8Array; reverse?: boolean } = {}): Promise<Row[]> {
    return this.parts.meta.range({ ...under(this.names.pages), limit, ...range });
  }

  checkpoint(): Promise<Stored<CheckpointRecord> | undefined> {
    return this.checkpoints.get(this.names.checkpoint);
  }

  #sealPages(from: Head, pages: readonly Buffer[]): { puts: { key: Buffer; value: Buffer }[]; to: Head } {
    const { sealer } = this.parts;
    const writtenMs = this.clock.now();
    let to = from;
    const puts = pages.map((events) => {
      const sequence = to.sequence + 1;
      const { plaintext, mac } = buildPage(this.#key, { sequence, writtenMs, previous: to.mac, events });
      to = { sequence, mac };
      const key = this.names.page(sequence);
      return { key, value: sealer.seal(PAGE_TYPE, key, plaintext) };
    });
    return { puts, to };
  }
}

/** What the first page follows. */
export function placeOfCheckpoint(checkpoint: CheckpointRecord | undefined): Head {
  return checkpoint ? { sequence: checkpoint.sequence, mac: macOf(checkpoint.mac) } : { sequence: 0, mac: NO_MAC };
}

/** Damage is told of by whoever verifies; it doesn't stop the log. */
export function ifDamaged(error: unknown): undefined {
  if (!(error instanceof StoreDamaged)) throw error;
}

export const macOf = (hex: string): Mac => new Mac(Buffer.from(hex, 'hex'));

function headOf(chain: AuditChain, row: Row): Head {
  try {
    return chain.open(row);
  } catch (error) {
    if (!(error instanceof StoreDamaged)) throw error;
    // The log goes on behind it; what follows says so by naming no MAC.
    return { sequence: chain.names.sequenceOf(row.key)!, mac: NO_MAC };
  }
}
