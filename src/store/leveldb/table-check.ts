import { open } from 'node:fs/promises';
import { crc32c } from '@node-rs/crc32';
import { StoreDamaged } from '../errors.js';
import { unmask } from './log-scan.js';
import { VarintReader } from './manifest.js';

/**
 * Verifies the checksum of every block of a LevelDB table. LevelDB as classic-level drives it doesn't when it reads: a flipped
 * bit in a stored key would make the row vanish. (LevelDB, doc/table_format.md: blocks, each followed by u8 compression ‖
 * u32le masked CRC-32C; a 48-byte footer with the handles of metaindex and index, and a magic number.)
 *
 * @throws StoreDamaged naming the file
 */
export async function checkTable(path: string): Promise<void> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new StoreDamaged(`${path} is missing`);
    throw error;
  });
  try {
    const { size } = await file.stat();
    const read = async (offset: number, length: number): Promise<Buffer> => {
      if (offset < 0 || offset + length > size) throw new RangeError('outside the file');
      const buffer = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(buffer, 0, length, offset);
      if (bytesRead !== length) throw new RangeError('short read');
      return buffer;
    };
    const block = async ({ offset, length }: Handle): Promise<Buffer> => {
      const bytes = await read(offset, length + TRAILER_BYTES);
      if (crc32c(bytes.subarray(0, length + 1)) !== unmask(bytes.readUInt32LE(length + 1))) {
        throw new RangeError(`checksum mismatch at byte ${offset}`);
      }
      if (bytes[length] !== 0) throw new RangeError(`compressed block at byte ${offset}`);
      return bytes.subarray(0, length);
    };
    const footer = await read(size - FOOTER_BYTES, FOOTER_BYTES);
    if (footer.readBigUInt64LE(FOOTER_BYTES - 8) !== MAGIC) throw new RangeError('no table');
    const reader = new VarintReader(footer);
    const metaIndex = handle(reader);
    const index = handle(reader);
    for (const part of handles(await block(metaIndex))) await block(part);
    for (const part of handles(await block(index))) await block(part);
  } catch (error) {
    if (error instanceof RangeError) throw new StoreDamaged(`${path} is damaged: ${error.message}`);
    throw error;
  } finally {
    await file.close();
  }
}

const TRAILER_BYTES = 5;
const FOOTER_BYTES = 48;
const MAGIC = 0xdb4775248b80fb57n;

interface Handle {
  offset: number;
  length: number;
}

const handle = (reader: VarintReader): Handle => ({ offset: reader.number(), length: reader.number() });

/** The values of an index block: handles of other blocks. */
function handles(block: Buffer): Handle[] {
  const restarts = block.readUInt32LE(block.length - 4);
  const reader = new VarintReader(block.subarray(0, block.length - 4 - 4 * restarts));
  const found: Handle[] = [];
  while (!reader.atEnd) {
    reader.number();
    const ownKeyBytes = reader.number();
    const valueBytes = reader.number();
    reader.bytes(ownKeyBytes);
    found.push(handle(new VarintReader(reader.bytes(valueBytes))));
  }
  return found;
}
