import type { ChecksumHash } from './checksums.js';

/**
 * CRC-64/NVME of the whole of S3's objects is computed for every upload that brings no checksum. A table-driven CRC waits for its
 * own last lookup; here four lanes of a block are computed side by side and combined, in WebAssembly: half the CPU time of
 * hash-wasm's one lane (0.35 against 0.71 seconds a GiB, on a busy machine).
 */

/** Reflected polynomial. */
const POLYNOMIAL = 0x9a6c9329ac4bc9b5n;
const LANES = 4;
/** Of one lane. */
const LANE_BYTES = 16 * 1024;
const BLOCK_BYTES = LANES * LANE_BYTES;

// Memory: tables of one step of 8 bytes, tables of LANE_BYTES zeros, data.
const TABLE_BYTES = 8 * 256 * 8;
const STEP_AT = 0;
const ZEROS_AT = TABLE_BYTES;
const DATA_AT = 2 * TABLE_BYTES;
const PAGE_BYTES = 64 * 1024;

/** Of what Node.js has, what is used here: its types have none of it. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
};

interface Exports {
  memory: { buffer: ArrayBuffer };
  /** The CRC behind the bytes at DATA_AT, a multiple of 8, from `crc` on. */
  words(crc: bigint, bytes: number): bigint;
  /** The same of a whole block. */
  block(crc: bigint): bigint;
}

let engine: { words: Exports['words']; block: Exports['block']; data: Buffer; step: BigUint64Array } | undefined;

/** A running CRC-64/NVME; big-endian at its end. */
export function crc64nvme(): ChecksumHash {
  engine ??= makeEngine();
  const { words, block, data, step } = engine;
  let crc = 0xffff_ffff_ffff_ffffn;
  return {
    update(bytes) {
      let at = 0;
      while (bytes.length - at >= 8) {
        const piece = Math.min(BLOCK_BYTES, (bytes.length - at) & ~7);
        data.fill(bytes.subarray(at, at + piece), 0, piece);
        crc = BigInt.asUintN(64, piece === BLOCK_BYTES ? block(crc) : words(crc, piece));
        at += piece;
      }
      for (; at < bytes.length; at++) crc = step[Number((crc ^ BigInt(bytes[at]!)) & 0xffn)]! ^ (crc >> 8n);
    },
    digest() {
      const digest = Buffer.allocUnsafe(8);
      digest.writeBigUInt64BE(crc ^ 0xffff_ffff_ffff_ffffn);
      return digest;
    },
    discard() {},
  };
}

function makeEngine(): NonNullable<typeof engine> {
  const module = new WebAssembly.Module(moduleBytes());
  const { memory, words, block } = new WebAssembly.Instance(module).exports as Exports;
  const data = Buffer.from(memory.buffer, DATA_AT, BLOCK_BYTES);
  const tables = new BigUint64Array(memory.buffer, STEP_AT, 8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ POLYNOMIAL : crc >> 1n;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!;
    tables[i] = tables[Number(before & 0xffn)]! ^ (before >> 8n);
  }
  // What a lane of zeros makes of each bit; the rest follows, since a CRC is linear.
  data.fill(0);
  const bits = Array.from({ length: 64 }, (_, i) => BigInt.asUintN(64, words(1n << BigInt(i), LANE_BYTES)));
  const zeros = new BigUint64Array(memory.buffer, ZEROS_AT, 8 * 256);
  for (let i = 0; i < zeros.length; i++) {
    // As in the other tables, the last is of the lowest byte.
    const shift = 8 * (7 - (i >> 8));
    let sum = 0n;
    for (let bit = 0; bit < 8; bit++) if ((i >> bit) & 1) sum ^= bits[shift + bit]!;
    zeros[i] = sum;
  }
  return { words, block, data, step: tables.subarray(0, 256) };
}

const [I32, I64] = [0x7f, 0x7e];

/** Assembled here, so that what runs can be read. */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  const types = vector([
    [0x60, ...vector([[I64], [I32]]), ...vector([[I64]])],
    [0x60, ...vector([[I64]]), ...vector([[I64]])],
  ]);
  const pages = Math.ceil((DATA_AT + BLOCK_BYTES) / PAGE_BYTES);
  const exported = (name: string, kind: number, index: number): number[] => [
    name.length,
    ...Buffer.from(name),
    kind,
    index,
  ];
  const code = vector([sized(wordsCode()), sized(blockCode())]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, types),
    ...section(3, vector([[0], [1]])),
    ...section(5, vector([[0, ...unsigned(pages)]])),
    ...section(7, vector([exported('memory', 2, 0), exported('words', 0, 0), exported('block', 0, 1)])),
    ...section(10, code),
  ]);
}

/** (crc, bytes) → crc. Locals: 2 = end, 3 = at, 4 = x. */
function wordsCode(): number[] {
  return [
    ...vector([
      [2, I32],
      [1, I64],
    ]),
    ...get(1),
    ...set(2),
    ...loop(3, 2, step(0, 3, 0, 4)),
    ...get(0),
    END,
  ];
}

/** (crc) → crc. Locals: 1 = end, 2 = at, 3–5 = the other lanes, 6 = x. */
function blockCode(): number[] {
  const lanes = [0, 3, 4, 5];
  const combine = lanes
    .slice(1)
    .flatMap((lane) => [...get(0), ...set(6), ...lookups(ZEROS_AT, 6), ...get(lane), XOR, ...set(0)]);
  return [
    ...vector([
      [2, I32],
      [4, I64],
    ]),
    ...[0x41, ...signed(LANE_BYTES), ...set(1)],
    ...loop(
      2,
      1,
      lanes.flatMap((lane, i) => step(lane, 2, i * LANE_BYTES, 6)),
    ),
    ...combine,
    ...get(0),
    END,
  ];
}

const END = 0x0b;
const XOR = 0x85;
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];

/** `body` for `at` = 0, 8, … below `end`, at least once. */
const loop = (at: number, end: number, body: number[]): number[] => [
  ...[0x03, 0x40],
  ...body,
  ...[...get(at), 0x41, 8, 0x6a, 0x22, at, ...get(end), 0x49, 0x0d, 0],
  END,
];

/** crc = step(crc ^ the word at DATA_AT + offset + at). */
const step = (crc: number, at: number, offset: number, x: number): number[] => [
  ...[...get(crc), ...get(at), 0x29, 3, ...unsigned(DATA_AT + offset), XOR, ...set(x)],
  ...lookups(STEP_AT, x),
  ...set(crc),
];

/** The sum of a table's entry for each byte of x, from the lowest on. */
const lookups = (tables: number, x: number): number[] =>
  Array.from({ length: 8 }, (_, i) => {
    const shifted = i === 0 ? [0x42, 3, 0x86] : [0x42, ...signed(8 * i - 3), 0x88];
    const entry = [...get(x), ...shifted, 0xa7, 0x41, ...signed(0x7f8), 0x71];
    return [...entry, 0x29, 3, ...unsigned(tables + (7 - i) * 2048), ...(i === 0 ? [] : [XOR])];
  }).flat();

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)];
}

const vector = (items: number[][]): number[] => [...unsigned(items.length), ...items.flat()];
const sized = (bytes: number[]): number[] => [...unsigned(bytes.length), ...bytes];
const section = (id: number, bytes: number[]): number[] => [id, ...sized(bytes)];
