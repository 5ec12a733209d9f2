import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreDamaged } from '../errors.js';
import { scanLog } from './log-scan.js';

/** What the guard needs of LevelDB's MANIFEST, a log of version edits. */
export interface Manifest {
  file: string;
  /** Logs with lower numbers are obsolete. */
  logNumber: number;
  /** Every batch is numbered: up to here all is in tables or in the logs from `logNumber` on. */
  lastSequence: number;
  /** The last edit is cut off or damaged. */
  torn: boolean;
  /** The live tables by number. */
  tables: Map<number, LiveTable>;
}

export interface LiveTable {
  level: number;
  bytes: number;
  /** Row keys. */
  smallest: Buffer;
  largest: Buffer;
}

const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFileNumber: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  prevLogNumber: 9,
} as const;

/** @throws StoreDamaged naming the file. */
export async function readManifest(directory: string): Promise<Manifest> {
  const current = await readFile(join(directory, 'CURRENT'), 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new StoreDamaged(`${join(directory, 'CURRENT')} is missing`);
    throw error;
  });
  if (!/^MANIFEST-\d+\n$/.test(current)) throw new StoreDamaged(`${join(directory, 'CURRENT')} is damaged`);
  const file = join(directory, current.trim());
  const manifest: Manifest = { file, logNumber: -1, lastSequence: -1, torn: false, tables: new Map() };
  let scan: Awaited<ReturnType<typeof scanLog>>;
  try {
    scan = await scanLog(file, Number.MAX_SAFE_INTEGER, (payload) => applyEdit(manifest, payload));
  } catch (error) {
    if (error instanceof RangeError) throw new StoreDamaged(`${file} is damaged`);
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new StoreDamaged(`${file} is missing`);
    throw error;
  }
  if (scan.damaged) throw new StoreDamaged(`${file} is damaged at byte ${scan.badAt}`);
  // LevelDB's first edit says both.
  if (manifest.logNumber < 0 || manifest.lastSequence < 0)
    throw new StoreDamaged(`${file} is damaged: it is cut short`);
  manifest.torn = scan.badAt !== undefined;
  return manifest;
}

function applyEdit(manifest: Manifest, edit: Buffer): void {
  const reader = new VarintReader(edit);
  while (!reader.atEnd) {
    const tag = reader.number();
    switch (tag) {
      case TAG.comparator:
        reader.bytes();
        break;
      case TAG.logNumber:
        manifest.logNumber = reader.number();
        break;
      case TAG.lastSequence:
        manifest.lastSequence = reader.number();
        break;
      case TAG.nextFileNumber:
      case TAG.prevLogNumber:
        reader.number();
        break;
      case TAG.compactPointer:
        reader.number();
        reader.bytes();
        break;
      case TAG.deletedFile:
        reader.number();
        manifest.tables.delete(reader.number());
        break;
      case TAG.newFile:
        newFile(manifest, reader);
        break;
      default:
        throw new RangeError(`unknown tag ${tag}`);
    }
  }
}

/** Level, number, size, smallest and largest key; behind each key stand 8 bytes of sequence and kind. */
function newFile(manifest: Manifest, reader: VarintReader): void {
  const level = reader.number();
  const number = reader.number();
  const bytes = reader.number();
  const [smallest, largest] = [reader.bytes(), reader.bytes()].map((key) => Buffer.from(key.subarray(0, -8)));
  manifest.tables.set(number, { level, bytes, smallest: smallest!, largest: largest! });
}

/** LevelDB's integers: 7 bits a byte, least significant first. @throws RangeError past the end. */
export class VarintReader {
  #at = 0;

  constructor(private readonly buffer: Buffer) {}

  get atEnd(): boolean {
    return this.#at >= this.buffer.length;
  }

  get position(): number {
    return this.#at;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.buffer[this.#at++];
      if (byte === undefined || scale > 2 ** 56) throw new RangeError('not a varint');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  bytes(length = this.number()): Buffer {
    if (this.#at + length > this.buffer.length) throw new RangeError('past the end');
    const bytes = this.buffer.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }
}
