import { writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32c } from '@node-rs/crc32';
import { u32, u64 } from '../../base/bytes.js';
import { StoreDamaged } from '../errors.js';
import { writeDurably } from './files.js';

/** Numbers of the last operations of which somebody was told that they are durable. */
export interface Acknowledged {
  meta: number;
  blob: number;
}

const SLOT_BYTES = 4096;
const ENTRY_BYTES = 28;
const SYNC_EVERY_MS = 250;

/**
 * The file `progress`: how far both databases had got, outside of both. A log that is cut between two records, or gone, looks like
 * one that ends there; this says what is missing. It is written whenever writes have become durable, before anybody is told, and
 * is synced a little later: after a killed process it is exact, after a power cut a fraction of a second old. It never says more
 * than is true.
 */
export class Progress {
  #count: number;
  #last: Acknowledged;
  #syncedCount: number;
  #timer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> | undefined;

  private constructor(
    readonly path: string,
    private file: FileHandle | undefined,
    { count, meta, blob }: Entry,
  ) {
    this.#count = this.#syncedCount = count;
    this.#last = { meta, blob };
  }

  /** Reads the file where there is one. @throws StoreDamaged */
  static async open(path: string): Promise<Progress> {
    const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!file) return new Progress(path, undefined, { count: 0, meta: 0, blob: 0 });
    try {
      const slots = Buffer.alloc(2 * SLOT_BYTES);
      await file.read(slots, 0, slots.length, 0);
      const entries = [decode(slots.subarray(0, SLOT_BYTES)), decode(slots.subarray(SLOT_BYTES))];
      const newest = entries.filter((one) => one !== undefined).sort((a, b) => b.count - a.count)[0];
      if (!newest) throw new StoreDamaged(`${path} is damaged`);
      return new Progress(path, file, newest);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Makes the file where there was none. Before the first note. */
  async begin(): Promise<void> {
    if (!this.file) {
      const slot = Buffer.concat([encode({ count: 0, ...this.#last }), Buffer.alloc(SLOT_BYTES - ENTRY_BYTES)]);
      await writeDurably(this.path, Buffer.concat([slot, slot]));
      this.file = await open(this.path, 'r+');
    }
    this.#timer ??= setInterval(() => this.#sync(), SYNC_EVERY_MS).unref();
  }

  get isThere(): boolean {
    return this.file !== undefined;
  }

  get acknowledged(): Readonly<Acknowledged> {
    return this.#last;
  }

  /**
   * Synchronous: some microseconds, and nobody is told of the write before it is noted. Where it can't be written (a full file
   * system that copies on write) the earlier note stands, which says less.
   */
  note(acknowledged: Partial<Acknowledged>): void {
    Object.assign(this.#last, acknowledged);
    const count = ++this.#count;
    try {
      writeSync(this.file!.fd, encode({ count, ...this.#last }), 0, ENTRY_BYTES, (count % 2) * SLOT_BYTES);
    } catch {}
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#syncing;
    await this.file?.close();
    this.file = undefined;
  }

  #sync(): void {
    if (this.#syncing || this.#count === this.#syncedCount) return;
    this.#syncedCount = this.#count;
    this.#syncing = this.file!.datasync()
      .catch(() => {})
      .finally(() => {
        this.#syncing = undefined;
      });
  }
}

interface Entry extends Acknowledged {
  count: number;
}

/** u64 count ‖ u64 meta ‖ u64 blob ‖ u32 CRC-32C of these. */
function encode({ count, meta, blob }: Entry): Buffer {
  const numbers = Buffer.concat([u64(count), u64(meta), u64(blob)]);
  return Buffer.concat([numbers, u32(crc32c(numbers))]);
}

function decode(slot: Buffer): Entry | undefined {
  if (crc32c(slot.subarray(0, 24)) !== slot.readUInt32BE(24)) return undefined;
  const [count, meta, blob] = [0, 8, 16].map((at) => Number(slot.readBigUInt64BE(at))) as [number, number, number];
  return { count, meta, blob };
}
