import { open } from 'node:fs/promises';
import { crc32c } from '@node-rs/crc32';

/**
 * Reads a LevelDB log (also the MANIFEST is one) the strict way. LevelDB itself drops what it finds damaged and goes on:
 * one flipped bit then silently costs acknowledged writes.
 *
 * Format: blocks of 32 KiB of physical records, each u32le masked CRC-32C (of type ‖ payload) ‖ u16le length ‖ u8 type ‖
 * payload; type 1 is a whole record, 2, 3, 4 are its first, middle and last fragments; fewer than 7 bytes at the end of a
 * block are filler. (LevelDB, doc/log_format.md)
 *
 * Only one write is in flight at a time and each is synced before the next. So bad bytes are the torn, never acknowledged last
 * write if and only if no record starts behind them. Anything else is damage.
 */
const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const BLOCKS_PER_READ = 64;

const FULL = 1;
const FIRST = 2;
const LAST = 4;

export interface LogScan {
  /** Offset of the first bad byte (or of the start of the cut-off record), if there is any. */
  badAt: number | undefined;
  /** A record starts behind the bad bytes. */
  damaged: boolean;
}

/**
 * Calls `onRecord` for each whole record in front of the first bad byte with its payload; pieces of a fragmented one are
 * joined up to `keepBytes`.
 */
export async function scanLog(
  path: string,
  keepBytes: number,
  onRecord: (payload: Buffer, offset: number) => void,
): Promise<LogScan> {
  const file = await open(path, 'r');
  try {
    const scanner = new Scanner(keepBytes, onRecord);
    const buffer = Buffer.allocUnsafe(BLOCKS_PER_READ * BLOCK_BYTES);
    for (let position = 0; ; ) {
      const filled = await readFull(file, buffer, position);
      for (let at = 0; at < filled; at += BLOCK_BYTES) {
        scanner.block(buffer.subarray(at, Math.min(filled, at + BLOCK_BYTES)), position + at);
      }
      position += filled;
      if (filled < buffer.length) break;
    }
    return scanner.end();
  } finally {
    await file.close();
  }
}

async function readFull(file: import('node:fs/promises').FileHandle, buffer: Buffer, position: number) {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

class Scanner {
  #badAt: number | undefined;
  #damaged = false;
  /** Where the fragmented record that is being put together starts. */
  #startedAt: number | undefined;
  #pieces: Buffer[] = [];
  #kept = 0;

  constructor(
    private readonly keepBytes: number,
    private readonly onRecord: (payload: Buffer, offset: number) => void,
  ) {}

  block(block: Buffer, offset: number): void {
    let at = 0;
    while (block.length - at >= HEADER_BYTES) {
      const length = physicalRecord(block, at);
      if (length === undefined) {
        this.#badAt ??= this.#startedAt ?? offset + at;
        // The header itself may be what is damaged, so its length leads nowhere: look at every later offset of the block.
        if (recordStartsAfter(block, at)) this.#damaged = true;
        return;
      }
      this.#record(block[at + 6]!, block.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length), offset + at);
      at += HEADER_BYTES + length;
    }
    // Filler at the end of a whole block; in the last, shorter one a header that was cut off.
    if (block.length < BLOCK_BYTES && at < block.length) this.#badAt ??= this.#startedAt ?? offset + at;
  }

  #record(type: number, payload: Buffer, offset: number): void {
    const starts = type === FULL || type === FIRST;
    if (this.#badAt !== undefined) {
      if (starts) this.#damaged = true;
      return;
    }
    if (starts === (this.#startedAt !== undefined)) {
      // A record inside another one, or a fragment of none: the writer makes neither.
      this.#badAt = offset;
      this.#damaged = true;
      return;
    }
    if (starts) this.#startedAt = offset;
    const wanted = Math.min(payload.length, this.keepBytes - this.#kept);
    if (wanted > 0) {
      this.#pieces.push(Buffer.from(payload.subarray(0, wanted)));
      this.#kept += wanted;
    }
    if (type === FULL || type === LAST) {
      this.onRecord(Buffer.concat(this.#pieces), this.#startedAt!);
      this.#startedAt = undefined;
      this.#pieces = [];
      this.#kept = 0;
    }
  }

  end(): LogScan {
    this.#badAt ??= this.#startedAt;
    return { badAt: this.#badAt, damaged: this.#damaged };
  }
}

/** The payload length of the valid physical record at `at`, or undefined. */
function physicalRecord(block: Buffer, at: number): number | undefined {
  const length = block.readUInt16LE(at + 4);
  const type = block[at + 6]!;
  if (type < FULL || type > LAST || at + HEADER_BYTES + length > block.length) return undefined;
  const stored = unmask(block.readUInt32LE(at));
  return crc32c(block.subarray(at + 6, at + HEADER_BYTES + length)) === stored ? length : undefined;
}

function recordStartsAfter(block: Buffer, bad: number): boolean {
  for (let at = bad + 1; at + HEADER_BYTES < block.length; at++) {
    const type = block[at + 6];
    if ((type === FULL || type === FIRST) && physicalRecord(block, at) !== undefined) return true;
  }
  return false;
}

/** LevelDB stores CRCs rotated and offset, so that a CRC of data with CRCs in it stays useful. */
export function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}
