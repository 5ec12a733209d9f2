import { join } from 'node:path';
import { StoreDamaged, StoreUnavailable } from '../errors.js';
import { isValueKey, MARK_KEY, numberOf } from './blob-keys.js';
import { COUNTER_KEY, PROGRESS_KEY, parseCounter } from './counter.js';
import { Database, type WriteProbe } from './database.js';
import { writeDurably } from './files.js';
import { type FreeSpace, isNoSpace } from './free-space.js';
import { droppedByLevel, type Inspection, inspect, tablesOf } from './guard.js';
import { readManifest } from './manifest.js';
import type { Progress } from './progress.js';
import type { Reclaimer } from './reclaimer.js';
import { checkTable } from './table-check.js';
import { requireTables, Verification } from './verification.js';

const RECOVER_EVERY_MS = 1000;
const MiB = 1024 * 1024;

/** What an engine has to do when the databases have been opened, again or for the first time, and when they are given up. */
export interface EngineUser {
  opened(): Promise<void>;
  /** Everything that wasn't acknowledged by now never is. */
  poisoned(cause: Error): void;
  closing(): Promise<void>;
}

export interface EngineOptions {
  directory: string;
  space: FreeSpace;
  progress: Progress;
  /** Of the write buffer and the tables of `blob`. Default 64 MiB. */
  blobTableBytes?: number | undefined;
  probe?: WriteProbe;
  nowMs(): number;
  /** Told of damage that is found, and of failed writes and recoveries: for the log. */
  onTrouble(message: string): void;
}

export interface Inspections {
  meta: Inspection;
  blob: Inspection;
}

/**
 * The two databases under one fate: the first failed write gives both up, nothing more is acknowledged, and both are closed,
 * inspected and recovered before the next operation. Damage closes for good.
 */
export class Engine {
  readonly meta: Database;
  readonly blob: Database;
  /** LevelDB's number of the last operation in `blob`; exact, since batches are written one at a time. */
  blobSequence = 0;
  /** Of the last one in `meta`. */
  metaSequence = 0;
  /** No file `progress` is needed: the store was closed in order. */
  progressMayBeMissing = false;
  #state: 'closed' | 'open' | 'recovering' | 'damaged' = 'closed';
  #cause: Error | undefined;
  #recovery: Promise<void> | undefined;
  #recoveredAtMs = Number.NEGATIVE_INFINITY;
  #opening = false;
  #closed = false;
  readonly #users: EngineUser[] = [];

  constructor(private readonly options: EngineOptions) {
    const { directory, blobTableBytes = 64 * MiB, probe } = options;
    // `maxFileSize` of meta stays at 2 MiB: its keys arrive in no order, and small tables keep each compaction small.
    this.meta = new Database(
      'meta',
      join(directory, 'meta'),
      { writeBufferSize: 16 * MiB, cacheSize: 64 * MiB, maxOpenFiles: 4000 },
      probe,
    );
    this.blob = new Database(
      'blob',
      join(directory, 'blob'),
      { writeBufferSize: blobTableBytes, maxFileSize: blobTableBytes, maxOpenFiles: 4000 },
      probe,
    );
  }

  get space(): FreeSpace {
    return this.options.space;
  }

  use(user: EngineUser): void {
    this.#users.push(user);
  }

  get progress(): Progress {
    return this.options.progress;
  }

  /** @throws StoreDamaged naming the file */
  async inspect(): Promise<Inspections> {
    const [meta, blob] = await Promise.all([inspect(this.meta.directory), inspect(this.blob.directory)]);
    this.#requireAcknowledged(this.meta, meta);
    this.#requireAcknowledged(this.blob, blob);
    return { meta, blob };
  }

  /**
   * Before the databases are opened: looks whether their tables are there, and verifies so many bytes of each, from the top level
   * down. `verifyRest` does what is left. Damage to a value in `blob` is told and stops only who reads it.
   * @throws StoreDamaged naming the file
   */
  async verify({ meta, blob }: Inspections, reclaimer: Pick<Reclaimer, 'found'>, bytes: number): Promise<void> {
    const { onTrouble } = this.options;
    const onDamage = (cause: StoreDamaged): void => {
      if (this.#state === 'open') void this.damaged(cause);
    };
    this.meta.verification = new Verification(meta.tables, { onDamage });
    this.blob.verification = new Verification(blob.tables, {
      onDamage,
      onBadValue: onTrouble,
      onDeletion: deletionsTo(reclaimer),
    });
    for (const { verification } of [this.meta, this.blob]) {
      await verification!.shapes();
      await verification!.upTo(bytes);
    }
  }

  /** Whether no table is left that LevelDB could stumble over. */
  get isVerified(): boolean {
    return [this.meta, this.blob].every(({ verification }) => verification?.complete ?? true);
  }

  /** Also looks for deletions that LevelDB's recovery has just brought from a log into a table. */
  async verifyRest(before: Inspections, reclaimer: Pick<Reclaimer, 'found'>): Promise<void> {
    const { directory } = this.blob;
    const known = new Set(before.blob.tables.map(({ path }) => path));
    for (const table of tablesOf(directory, await readManifest(directory))) {
      if (!known.has(table.path)) await checkTable(table, { onDeletion: deletionsTo(reclaimer) }).catch(() => {});
    }
    for (const { verification } of [this.meta, this.blob]) await verification?.rest();
  }

  /** `inspections`: none where the databases are made now. @throws StoreDamaged, StoreInUse, StoreUnavailable */
  async open(inspections: Inspections | undefined): Promise<void> {
    this.blobSequence = inspections?.blob.lastSequence ?? 0;
    this.metaSequence = inspections?.meta.lastSequence ?? 0;
    this.#opening = true;
    try {
      await this.meta.open(inspections === undefined);
      await this.meta.before(COUNTER_KEY, PROGRESS_KEY);
      this.#requireProgress();
      await this.progress.begin();
      // Before LevelDB touches `blob`, so that what is left for an inquiry stays.
      if (inspections) this.#requireBlobsOfCommits(inspections.blob);
      await this.blob.open(inspections === undefined);
      await this.blob.before(MARK_KEY);
      await this.#requireNothingDropped(this.meta, inspections?.meta);
      await this.#requireNothingDropped(this.blob, inspections?.blob);
      this.#state = 'open';
      for (const user of this.#users) await user.opened();
      // One of the first writes may have failed.
      this.requireOpen();
    } catch (error) {
      if (this.#state === 'open') this.#state = 'closed';
      await this.#closeBoth();
      throw error;
    } finally {
      this.#opening = false;
    }
  }

  /** @throws StoreUnavailable or StoreDamaged unless reads and writes may go ahead. Starts a recovery that is due. */
  requireOpen(): void {
    if (this.#state === 'open') return;
    if (this.#state === 'damaged') throw this.#cause;
    if (this.#state === 'recovering' && !this.#recovery) this.#recoverSoon();
    throw new StoreUnavailable(
      this.#closed ? 'the store is closed' : `the store is recovering: ${this.#cause?.message}`,
    );
  }

  /** A write failed: it may or may not be on the disk, and LevelDB must not go on behind it. */
  poison(cause: Error): void {
    if (this.#state !== 'open') return;
    this.#state = 'recovering';
    this.#giveUp(cause);
    this.options.onTrouble(`a write failed, both databases are reopened: ${cause.message}`);
    // While opening, whoever opens deals with it.
    if (!this.#opening) this.#recoverSoon();
  }

  /** Damage was found while running: nothing is served from here on, and the next start refuses too. */
  async damaged(cause: StoreDamaged): Promise<void> {
    if (this.#state === 'damaged' || this.#closed) return;
    this.#state = 'damaged';
    this.#giveUp(cause);
    this.options.onTrouble(cause.message);
    await this.#closeBoth();
  }

  /** Resolves when no recovery is under way. */
  async settled(): Promise<void> {
    await this.#recovery;
  }

  async close(): Promise<boolean> {
    const wasOpen = this.#state === 'open';
    if (wasOpen) for (const user of this.#users) await user.closing();
    this.#closed = true;
    for (const { verification } of [this.meta, this.blob]) verification?.stop();
    await this.#recovery;
    const clean = wasOpen && this.#state === 'open';
    if (this.#state !== 'damaged') this.#state = 'closed';
    await this.#closeBoth();
    return clean;
  }

  #giveUp(cause: Error): void {
    this.#cause = cause;
    for (const user of this.#users) user.poisoned(cause);
  }

  #recoverSoon(): void {
    const nowMs = this.options.nowMs();
    if (this.#closed || nowMs - this.#recoveredAtMs < RECOVER_EVERY_MS) return;
    this.#recoveredAtMs = nowMs;
    this.#recovery = this.#recover().finally(() => {
      this.#recovery = undefined;
    });
  }

  async #recover(): Promise<void> {
    try {
      await this.#closeBoth();
      if (isNoSpace(this.#cause?.message ?? '')) await this.space.full();
      const inspections = await this.inspect();
      for (const { tables } of [inspections.meta, inspections.blob]) await requireTables(tables);
      if (this.#closed) return;
      await this.open(inspections);
    } catch (error) {
      this.#cause = error as Error;
      this.#state = error instanceof StoreDamaged ? 'damaged' : 'recovering';
      this.options.onTrouble(`recovery failed: ${(error as Error).message}`);
    }
  }

  async #closeBoth(): Promise<void> {
    await Promise.all([this.meta.close(), this.blob.close()]);
  }

  #requireAcknowledged({ name, directory }: Database, { lastSequence, logs }: Inspection): void {
    const acknowledged = this.progress.acknowledged[name];
    if (acknowledged <= lastSequence) return;
    const where = logs.at(-1) ?? `${directory} has no log and`;
    throw new StoreDamaged(`${where} lacks operations ${lastSequence + 1} to ${acknowledged}, which were acknowledged`);
  }

  #requireProgress(): void {
    if (this.progress.isThere || this.progressMayBeMissing) return;
    if (this.meta.level.getSync(PROGRESS_KEY) === undefined) return;
    throw new StoreDamaged(`${this.progress.path} is missing: how far the store had got is not known`);
  }

  #requireBlobsOfCommits({ lastSequence, torn }: Inspection): void {
    const { blobSequence } = parseCounter(this.meta.level.getSync(COUNTER_KEY));
    if (blobSequence <= lastSequence) return;
    const what = torn.length > 0 ? `${torn[0]} is damaged at its end: ${this.blob.directory}` : this.blob.directory;
    throw new StoreDamaged(`${what} lacks operations ${lastSequence + 1} to ${blobSequence}`);
  }

  async #requireNothingDropped(database: Database, inspection: Inspection | undefined): Promise<void> {
    const line = await droppedByLevel(database.directory, inspection?.torn ?? []);
    if (line === undefined) return;
    const message = `${database.directory}: LevelDB reports: ${line.trim()}`;
    // LevelDB has dropped it by now and won't report it again: the next start must know.
    await writeDurably(join(this.options.directory, 'damaged'), `${message}\n`);
    throw new StoreDamaged(message);
  }
}

const deletionsTo =
  (reclaimer: Pick<Reclaimer, 'found'>) =>
  (key: Buffer): void => {
    // Rows of the value log leave no space behind that is worth a compaction.
    if (isValueKey(key)) reclaimer.found(numberOf(key));
  };
