import { type FileHandle, open } from 'node:fs/promises';
import { crc32c } from '@node-rs/crc32';
import { StoreDamaged } from '../errors.js';
import { unmask } from './log-scan.js';
import { VarintReader } from './manifest.js';
import { blockEntries, deletionsIn, isWellFormed } from './table-block.js';

/**
 * Verifies LevelDB's tables without LevelDB, which as classic-level drives it verifies no checksum when it reads: a flipped bit in
 * a stored key would make the row vanish, and a block that was zeroed ends the process, since LevelDB asserts on what it finds
 * there. (LevelDB, doc/table_format.md: blocks, each followed by u8 compression ‖ u32le masked CRC-32C; a 48-byte footer with the
 * handles of metaindex and index, and a magic number.)
 */
export interface TableFile {
  path: string;
  /** As the manifest has them; keys of rows. */
  bytes?: number;
  smallest?: Buffer;
  largest?: Buffer;
}

export interface TableFindings {
  /**
   * Told of a block whose checksum is wrong but which LevelDB can walk all the same (what is damaged is a value, whose reader
   * authenticates it). Absent: such a block is damage like any other.
   */
  onBadValue?(message: string): void;
  /** Told of the row keys that the table says are deleted. */
  onDeletion?(key: Buffer): void;
}

/** Reads every block. @throws StoreDamaged naming the file */
export async function checkTable(file: TableFile, { onBadValue, onDeletion }: TableFindings = {}): Promise<void> {
  await withTable(file, async (table) => {
    let after: Buffer | undefined;
    for (const { key, handle } of await table.dataBlocks()) {
      const { block, badCrc } = await table.block(handle);
      if (badCrc) {
        if (!onBadValue || !isWellFormed(block, { after, notAbove: key, ...file })) {
          throw new RangeError(`checksum mismatch at byte ${handle.offset}`);
        }
        onBadValue(`${file.path} is damaged: a value in the block at byte ${handle.offset}`);
      }
      if (onDeletion) for (const deleted of deletionsIn(block)) onDeletion(deleted);
      after = key;
    }
  });
}

/** Whether the file is there, as long as it should be, and its index is sound: a few kilobytes, however large it is. @throws StoreDamaged */
export async function checkTableShape(file: TableFile): Promise<void> {
  await withTable(file, async (table) => void (await table.dataBlocks()));
}

async function withTable({ path, bytes }: TableFile, look: (table: Table) => Promise<void>): Promise<void> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new TableMissing(`${path} is missing`);
    throw error;
  });
  try {
    const { size } = await file.stat();
    if (bytes !== undefined && bytes !== size) throw new RangeError(`${size} bytes instead of ${bytes}`);
    await look(new Table(file, size));
  } catch (error) {
    if (error instanceof RangeError) throw new StoreDamaged(`${path} is damaged: ${error.message}`);
    throw error;
  } finally {
    await file.close();
  }
}

/** Of a table that compaction may have replaced meanwhile. */
export class TableMissing extends StoreDamaged {}

const TRAILER_BYTES = 5;
const FOOTER_BYTES = 48;
const MAGIC = 0xdb4775248b80fb57n;
/** Blocks lie one behind the other: so much is read at once. */
const WINDOW_BYTES = 4 * 1024 * 1024;

interface Handle {
  offset: number;
  length: number;
}

class Table {
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly size: number,
  ) {}

  /** Handles of the data blocks, each with the index's key: at least as large as the block's last one. @throws RangeError */
  async dataBlocks(): Promise<{ key: Buffer; handle: Handle }[]> {
    const footer = await this.#read(this.size - FOOTER_BYTES, FOOTER_BYTES);
    if (footer.readBigUInt64LE(FOOTER_BYTES - 8) !== MAGIC) throw new RangeError('no table');
    const reader = new VarintReader(footer);
    const [metaIndex, index] = [handle(reader), handle(reader)];
    for (const { value } of blockEntries(await this.#sound(metaIndex))) {
      await this.#sound(handle(new VarintReader(value)));
    }
    return [...blockEntries(await this.#sound(index))].map(({ key, value }) => ({
      key,
      handle: handle(new VarintReader(value)),
    }));
  }

  /** The bytes are valid until the next call. @throws RangeError where there is no such block */
  async block({ offset, length }: Handle): Promise<{ block: Buffer; badCrc: boolean }> {
    const bytes = await this.#windowOf(offset, length + TRAILER_BYTES);
    const badCrc = crc32c(bytes.subarray(0, length + 1)) !== unmask(bytes.readUInt32LE(length + 1));
    if (bytes[length] !== 0) throw new RangeError(`compressed block at byte ${offset}`);
    return { block: bytes.subarray(0, length), badCrc };
  }

  async #sound(where: Handle): Promise<Buffer> {
    const bytes = await this.#read(where.offset, where.length + TRAILER_BYTES);
    if (crc32c(bytes.subarray(0, where.length + 1)) !== unmask(bytes.readUInt32LE(where.length + 1))) {
      throw new RangeError(`checksum mismatch at byte ${where.offset}`);
    }
    return bytes.subarray(0, where.length);
  }

  async #windowOf(offset: number, length: number): Promise<Buffer> {
    const within = offset >= this.#windowAt && offset + length <= this.#windowAt + this.#window.length;
    if (!within) {
      this.#window = await this.#read(offset, Math.max(length, Math.min(WINDOW_BYTES, this.size - offset)));
      this.#windowAt = offset;
    }
    return this.#window.subarray(offset - this.#windowAt, offset - this.#windowAt + length);
  }

  async #read(offset: number, length: number): Promise<Buffer> {
    if (offset < 0 || offset + length > this.size) throw new RangeError('outside the file');
    const buffer = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.file.read(buffer, 0, length, offset);
    if (bytesRead !== length) throw new RangeError('short read');
    return buffer;
  }
}

const handle = (reader: VarintReader): Handle => ({ offset: reader.number(), length: reader.number() });
