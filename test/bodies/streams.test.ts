import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { BodyThreadLost } from '../../src/bodies/faults.js';
import { handOver, takeOver } from '../../src/bodies/handover.js';
import { OpenStream } from '../../src/bodies/open-stream.js';
import { SealStream } from '../../src/bodies/seal-stream.js';
import { SLOT_BYTES, Slots } from '../../src/bodies/slots.js';
import { BodyThreads } from '../../src/bodies/threads.js';
import { type BodyKeys, sealedLength } from '../../src/encryption/body-keys.js';
import { BodyDamaged } from '../../src/encryption/body-opener.js';
import { StoreDamaged } from '../../src/store/errors.js';

const CHUNK = 65_536;
const SLOTS = 8;
const directory = mkdtempSync(join(tmpdir(), 'coffer-bodies-'));
const fd = openSync(join(directory, 'segment'), 'w+');
const slots = new Slots(SLOTS * SLOT_BYTES);
const troubles: Error[] = [];
const threads = new BodyThreads(1, slots, (error) => troubles.push(error));

afterEach(() => expect(slots.free).toBe(SLOTS));
afterAll(async () => {
  await threads.close();
  closeSync(fd);
  rmSync(directory, { recursive: true });
});

const keysOf = (layers: 1 | 2 = 1): BodyKeys => ({
  ids: { bucketId: randomBytes(16), objectId: randomBytes(16) },
  dataKey: new Secret(randomBytes(32)),
  outerKey: layers === 2 ? new Secret(randomBytes(32)) : undefined,
});

/** Seals into the file from `offset` on, in rooms of this size. */
async function seal(keys: BodyKeys, partId: Buffer, plaintext: Buffer, roomBytes = 100_000, step = 50_001) {
  const total = sealedLength(keys, plaintext.length, CHUNK);
  const crcs: number[] = [];
  const stream = new SealStream(threads, {
    keys,
    partId,
    chunkBytes: CHUNK,
    coding: undefined,
    algorithms: ['MD5', 'CRC64NVME'],
    room: () => {},
    written: (crc) => crcs.push(crc),
  });
  const rooms: { offset: number; length: number }[] = [];
  for (let at = 0; at < total; at += roomBytes) rooms.push({ offset: at, length: Math.min(roomBytes, total - at) });
  for (const room of rooms) stream.room({ fd, ...room });
  try {
    for (let at = 0; at < plaintext.length; at += step) await stream.write(plaintext.subarray(at, at + step));
    const sealed = await stream.finish();
    return { sealed, crcs, rooms, total };
  } finally {
    await stream.close();
  }
}

function open(keys: BodyKeys, partId: Buffer, size: number, range: { start: number; end: number }) {
  const stream = new OpenStream(threads, keys, range.end - range.start);
  stream.part({ partId, size, chunkBytes: CHUNK }, range);
  return stream;
}

describe('bodies in threads', () => {
  test.each([1, 2] as const)(
    'what is sealed in %i layers opens again, and every room has its checksum',
    async (layers) => {
      const keys = keysOf(layers);
      const partId = randomBytes(16);
      const plaintext = randomBytes(5 * SLOT_BYTES + 3);
      const { sealed, crcs, rooms, total } = await seal(keys, partId, plaintext);
      expect(sealed.size).toBe(plaintext.length);
      const bytes = rooms.map(({ offset, length }) => {
        const room = Buffer.alloc(length);
        readSync(fd, room, 0, length, offset);
        return crc32c(room);
      });
      expect(crcs).toEqual(bytes);
      const stream = open(keys, partId, plaintext.length, { start: 0, end: plaintext.length });
      stream.extents([
        { fd, offset: 0, length: 777 },
        { fd, offset: 777, length: total - 777 },
      ]);
      stream.ended();
      const out: Buffer[] = [];
      await stream.run((chunk, release) => {
        out.push(Buffer.from(chunk));
        release();
      });
      await stream.close();
      expect(Buffer.concat(out).equals(plaintext)).toBe(true);
    },
  );

  test('a changed byte ends the stream before anything of its chunk comes out, and too few bytes before the last', async () => {
    const keys = keysOf();
    const partId = randomBytes(16);
    const plaintext = randomBytes(4 * CHUNK);
    const { total } = await seal(keys, partId, plaintext);
    const at = total - CHUNK;
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, at);
    const bytesOf = async (length: number) => {
      const stream = open(keys, partId, plaintext.length, { start: 0, end: plaintext.length });
      stream.extents([{ fd, offset: 0, length }]);
      stream.ended();
      let bytes = 0;
      const run = stream.run((chunk, release) => {
        bytes += chunk.length;
        release();
      });
      const error = await run.catch((one: Error) => one);
      await stream.close();
      return { bytes, error };
    };
    // The end is an empty chunk: without it nothing of the last slot comes out.
    expect(await bytesOf(total - 16)).toEqual({ bytes: 2 * CHUNK, error: expect.any(StoreDamaged) });
    writeSync(fd, Buffer.of(byte[0]! ^ 1), 0, 1, at);
    expect(await bytesOf(total)).toEqual({ bytes: 2 * CHUNK, error: expect.any(BodyDamaged) });
  });

  test('a body that is given up on its way gives its slots back: those of the thread at once, those on loan when they return', async () => {
    const keys = keysOf();
    const partId = randomBytes(16);
    const plaintext = randomBytes(20 * CHUNK);
    const { total } = await seal(keys, partId, plaintext);
    const stream = open(keys, partId, plaintext.length, { start: 0, end: plaintext.length });
    stream.extents([{ fd, offset: 0, length: total }]);
    stream.ended();
    const loans: (() => void)[] = [];
    const run = stream.run((_chunk, release) => {
      loans.push(release);
      if (loans.length === 2) stream.abort(new Error('gone'));
    });
    await expect(run).rejects.toThrow('gone');
    await stream.close();
    expect(slots.free).toBe(SLOTS - 2);
    for (const release of loans) {
      release();
      release();
    }
    const upload = new SealStream(threads, {
      keys,
      partId,
      chunkBytes: CHUNK,
      coding: undefined,
      algorithms: ['CRC64NVME'],
      room: () => {},
      written: () => {},
    });
    await upload.write(randomBytes(3 * SLOT_BYTES + 5));
    await upload.close();
  });

  test('a thread that dies fails its bodies, is told of, and another takes its place', async () => {
    const keys = keysOf();
    const partId = randomBytes(16);
    const plaintext = randomBytes(10 * CHUNK);
    const { total } = await seal(keys, partId, plaintext);
    const reading = open(keys, partId, plaintext.length, { start: 0, end: plaintext.length });
    const run = reading.run((_chunk, release) => release());
    const writing = new SealStream(threads, {
      keys,
      partId,
      chunkBytes: CHUNK,
      coding: undefined,
      algorithms: [],
      room: () => {},
      written: () => {},
    });
    await writing.write(randomBytes(10));
    const finished = writing.finish();
    await Promise.all([
      expect(run).rejects.toThrow(BodyThreadLost),
      expect(finished).rejects.toThrow(BodyThreadLost),
      threads.kill(),
    ]);
    await reading.close();
    await writing.close();
    const again = open(keys, partId, plaintext.length, { start: 3, end: CHUNK });
    again.extents([{ fd, offset: 0, length: 56 + CHUNK + 16 }]);
    again.ended();
    const out: Buffer[] = [];
    await again.run((chunk, release) => {
      out.push(Buffer.from(chunk));
      release();
    });
    await again.close();
    expect(Buffer.concat(out).equals(plaintext.subarray(3, CHUNK))).toBe(true);
    expect(total).toBeGreaterThan(plaintext.length);
  });

  test('keys lie in shared memory only until they are taken', () => {
    const keys = keysOf(2);
    const memory = handOver(keys, Buffer.alloc(32, 7));
    const taken = takeOver(memory, true);
    expect(taken.dataKey.expose().equals(keys.dataKey.expose())).toBe(true);
    expect(taken.outerKey!.expose().equals(keys.outerKey!.expose())).toBe(true);
    expect(taken.signingKey.expose().equals(Buffer.alloc(32, 7))).toBe(true);
    expect(Buffer.from(memory).every((byte) => byte === 0)).toBe(true);
  });
});
