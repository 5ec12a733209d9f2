import { Level } from 'level';
import { StoreDamaged, StoreInUse, StoreUnavailable } from '../errors.js';
import type { FileProbe } from '../value-log/files.js';
import { syncDirectory } from './files.js';
import type { Verification } from './verification.js';

export type DatabaseName = 'meta' | 'blob';

/** What a test sees of a write: always the whole batch as LevelDB gets it. */
export interface WriteEvent {
  database: DatabaseName;
  sync: boolean;
  puts: Buffer[];
  dels: Buffer[];
  /** Sum of keys and values. */
  bytes: number;
}

/**
 * A test's seam. `before` may throw in place of the write (nothing is written then), `after` once it is durable (the write is
 * applied and yet reported as failed).
 */
export interface WriteProbe {
  before?(event: WriteEvent): void | Promise<void>;
  after?(event: WriteEvent): void | Promise<void>;
  /** Before each step on a segment's file. */
  file?: FileProbe;
}

export interface DatabaseOptions {
  writeBufferSize: number;
  maxFileSize?: number;
  maxOpenFiles?: number;
  cacheSize?: number;
  blockSize?: number;
}

/** `level` declares less than classic-level has. */
export type LevelDatabase = Level<Buffer, Buffer> & { compactRange(start: Buffer, end: Buffer): Promise<void> };

/** One LevelDB database: every write is synced, everything is bytes, nothing is compressed (ciphertext doesn't compress). */
export class Database {
  #level: LevelDatabase | undefined;
  /** Of the tables that were there when the process began; absent where the database is made now. */
  verification: Verification | undefined;

  constructor(
    readonly name: DatabaseName,
    readonly directory: string,
    private readonly options: DatabaseOptions,
    private readonly probe: WriteProbe | undefined,
  ) {}

  /** For reading and compaction. Writes go through `batch`. @throws StoreUnavailable while it isn't open. */
  get level(): LevelDatabase {
    if (this.#level?.status !== 'open') throw new StoreUnavailable(`${this.directory} is not open`);
    return this.#level;
  }

  async open(createIfMissing: boolean): Promise<void> {
    const level = new Level<Buffer, Buffer>(this.directory, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      compression: false,
      createIfMissing,
      ...this.options,
    }) as LevelDatabase;
    try {
      await level.open();
    } catch (error) {
      const cause = (error as { cause?: unknown }).cause ?? error;
      const { code, message } = cause as { code?: string; message: string };
      if (code === 'LEVEL_LOCKED') throw new StoreInUse(`${this.directory} is in use by another process`);
      if (code === 'LEVEL_CORRUPTION' || /does not exist|bad.*CURRENT|CURRENT file/.test(message)) {
        throw new StoreDamaged(`${this.directory}: ${message}`);
      }
      throw new StoreUnavailable(`${this.directory}: ${message}`);
    }
    this.#level = level;
    // The log that recovery has just begun must be found after a power cut.
    await syncDirectory(this.directory);
  }

  /** As `Verification.before`: to be awaited before LevelDB is led into these rows. */
  before(first: Buffer, last: Buffer = first, spread = false): Promise<void> | undefined {
    return this.verification?.before(first, last, spread);
  }

  async close(): Promise<void> {
    await this.#level?.close();
  }

  batch(): Batch {
    return new Batch(this.level, this.name, this.probe);
  }
}

/** Collects operations in native memory as they come; `write` hands them to the disk as one. */
export class Batch {
  readonly #batch: ReturnType<LevelDatabase['batch']>;
  readonly #event: WriteEvent | undefined;
  /** Puts and dels; LevelDB's sequence grows by as many. */
  operations = 0;
  bytes = 0;

  constructor(
    level: LevelDatabase,
    name: DatabaseName,
    private readonly probe: WriteProbe | undefined,
  ) {
    this.#batch = level.batch();
    if (probe) this.#event = { database: name, sync: true, puts: [], dels: [], bytes: 0 };
  }

  /** Copies both. */
  put(key: Buffer, value: Buffer): void {
    this.#batch.put(key, value);
    this.operations++;
    this.bytes += key.length + value.length;
    this.#event?.puts.push(Buffer.from(key));
  }

  del(key: Buffer): void {
    this.#batch.del(key);
    this.operations++;
    this.bytes += key.length;
    this.#event?.dels.push(Buffer.from(key));
  }

  /** Resolves when the operations are on the disk. classic-level's default is not to sync. */
  async write(): Promise<void> {
    const options = { sync: true };
    if (!this.#event) return this.#batch.write(options);
    this.#event.sync = options.sync;
    this.#event.bytes = this.bytes;
    await this.probe?.before?.(this.#event);
    await this.#batch.write(options);
    await this.probe?.after?.(this.#event);
  }

  /** Gives up what was collected. */
  async discard(): Promise<void> {
    await this.#batch.close().catch(() => {});
  }
}

/** What LevelDB or abstract-level threw while reading, in terms of the ports. */
export function readError(error: unknown): Error {
  if (error instanceof StoreUnavailable || error instanceof StoreDamaged) return error;
  const { code, message } = error as { code?: string; message: string };
  // LevelDB's message names the file.
  if (code === 'LEVEL_CORRUPTION' || /No such file|Input\/output error/.test(message)) return new StoreDamaged(message);
  return new StoreUnavailable(`read failed: ${message}`);
}
