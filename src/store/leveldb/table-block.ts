import { VarintReader } from './manifest.js';

/**
 * Blocks of LevelDB's tables: entries of varint shared ‖ varint unshared ‖ varint value length ‖ key without what it shares with
 * the one before ‖ value; then u32le offsets of entries that share nothing, and their count. (LevelDB, table/block_builder.cc)
 */
export interface BlockEntry {
  at: number;
  shared: number;
  key: Buffer;
  value: Buffer;
}

/** @throws RangeError */
export function* blockEntries(block: Buffer): Generator<BlockEntry> {
  const restarts = restartsOf(block);
  const reader = new VarintReader(block.subarray(0, block.length - 4 - 4 * restarts));
  let key: Buffer = Buffer.alloc(0);
  while (!reader.atEnd) {
    const at = reader.position;
    const shared = reader.number();
    const ownBytes = reader.number();
    const valueBytes = reader.number();
    if (shared > key.length) throw new RangeError('a key shares more than there is');
    const own = reader.bytes(ownBytes);
    key = shared === 0 ? own : Buffer.concat([key.subarray(0, shared), own]);
    yield { at, shared, key, value: reader.bytes(valueBytes) };
  }
}

function restartsOf(block: Buffer): number {
  const restarts = block.length < 8 ? 0 : block.readUInt32LE(block.length - 4);
  if (restarts < 1 || restarts > (block.length - 4) / 4) throw new RangeError('not a block');
  return restarts;
}

/** u56 sequence ‖ u8 kind, little-endian, behind each row key. */
const SUFFIX_BYTES = 8;
const KIND_MAX = 1n;

/** Where the keys of a block have to lie. */
export interface KeyBounds {
  /** The index's keys of the block before, and of this one. */
  after: Buffer | undefined;
  notAbove: Buffer;
  /** Row keys that the manifest names for the whole table. */
  smallest?: Buffer;
  largest?: Buffer;
}

/**
 * Whether LevelDB can walk a data block whose checksum is wrong without meeting what it asserts on: entries fill it exactly, keys
 * are whole, ascend, and lie within their bounds. Then what is damaged is a value, or a key that became another one.
 */
export function isWellFormed(block: Buffer, { after, notAbove, smallest, largest }: KeyBounds): boolean {
  try {
    const starts = new Set<number>();
    let last = after;
    for (const { at, shared, key } of blockEntries(block)) {
      if (key.length < SUFFIX_BYTES || (suffix(key) & 0xffn) > KIND_MAX) return false;
      if (last && compareInternal(last, key) >= 0) return false;
      if (smallest && Buffer.compare(row(key), smallest) < 0) return false;
      if (shared === 0) starts.add(at);
      last = key;
    }
    if (!last || last === after || compareInternal(last, notAbove) > 0) return false;
    if (largest && Buffer.compare(row(last), largest) > 0) return false;
    const restarts = restartsOf(block);
    for (let i = 0; i < restarts; i++) {
      if (!starts.has(block.readUInt32LE(block.length - 4 - 4 * (restarts - i)))) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Row keys of the entries that are deletions. */
export function* deletionsIn(block: Buffer): Generator<Buffer> {
  for (const { key } of blockEntries(block)) if ((suffix(key) & 0xffn) === 0n) yield row(key);
}

const row = (key: Buffer): Buffer => key.subarray(0, -SUFFIX_BYTES);

const suffix = (key: Buffer): bigint => key.readBigUInt64LE(key.length - SUFFIX_BYTES);

/** LevelDB's order: row keys ascend, of the same row the newest comes first. */
function compareInternal(a: Buffer, b: Buffer): number {
  const byRow = Buffer.compare(row(a), row(b));
  if (byRow !== 0) return byRow;
  const [x, y] = [suffix(a), suffix(b)];
  return x === y ? 0 : x > y ? -1 : 1;
}
