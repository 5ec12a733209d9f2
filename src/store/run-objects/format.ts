import { crc32c } from '@node-rs/crc32';
import { u32, u64 } from '../../base/bytes.js';
import { OWNER_BYTES } from '../commit-limits.js';
import { StoreDamaged } from '../errors.js';
import type { Run } from '../ports.js';

/**
 * A run as an object:
 *
 *     "CFR1" ‖ owner (16) ‖ u64(first) ‖ u32(count) ‖ count × u32(bytes of the value) ‖ u32(CRC32C of all before) ‖ values
 *
 * The values are ciphertext that authenticates itself. The header says where they lie, and whose they are: an object under
 * another's name is noticed before anything of it is read.
 */
const MAGIC = Buffer.from('CFR1');
const COUNT_AT = MAGIC.length + OWNER_BYTES + 8;
const LENGTHS_AT = COUNT_AT + 4;

export const headerBytes = (count: number): number => LENGTHS_AT + 4 * count + 4;

export function formatHeader(owner: Uint8Array, { first, count }: Run, lengths: readonly number[]): Buffer {
  const header = Buffer.allocUnsafeSlow(headerBytes(count));
  let at = MAGIC.copy(header);
  for (const field of [owner, u64(first), u32(count)]) {
    header.set(field, at);
    at += field.length;
  }
  for (const length of lengths) at = header.writeUInt32BE(length, at);
  header.writeUInt32BE(crc32c(header.subarray(0, at)), at);
  return header;
}

/**
 * Where each value begins, and where the last one ends, in bytes of the object; undefined where the owner's run of this number has
 * another length. `bytes`: the object's first ones. @throws StoreDamaged
 */
export function parseHeader(owner: Uint8Array, { first, count }: Run, bytes: Buffer): number[] | undefined {
  const damaged = (what: string) => new StoreDamaged(`the object of run ${first} of ${hex(owner)} ${what}`);
  if (bytes.length < LENGTHS_AT || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged('is none of a run');
  const identity = Buffer.concat([owner, u64(first)]);
  if (!bytes.subarray(MAGIC.length, COUNT_AT).equals(identity)) throw damaged("is another run's");
  if (bytes.readUInt32BE(COUNT_AT) !== count) return undefined;
  const end = headerBytes(count);
  if (bytes.length < end) throw damaged('is cut off');
  if (bytes.readUInt32BE(end - 4) !== crc32c(bytes.subarray(0, end - 4))) throw damaged('has a damaged header');
  const offsets = [end];
  for (let i = 0; i < count; i++) offsets.push(offsets[i]! + bytes.readUInt32BE(LENGTHS_AT + 4 * i));
  return offsets;
}

export const hex = (owner: Uint8Array): string => Buffer.from(owner).toString('hex');
