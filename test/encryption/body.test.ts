import { createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { BodyDamaged, BodyOpener, type Opener } from '../../src/encryption/body-opener.js';
import { BodySealer } from '../../src/encryption/body-sealer.js';
import { ciphertextLength } from '../../src/encryption/cobblestone.js';
import { LayeredMessageSealer, LayeredOpener } from '../../src/encryption/layers.js';
import { OneMessageSealer } from '../../src/encryption/message-sealer.js';
import { vectorsPresent, wycheproof } from '../support/wycheproof.js';

const CHUNK = 16_384;
const secret = (): Secret => new Secret(randomBytes(32));
const context = (layer: 0 | 1) => Buffer.from([1, layer]);
const sealerOf = (key: Secret, chunkBytes = CHUNK) =>
  new BodySealer((emit) => new OneMessageSealer(key, context(0), emit, { chunkBytes }));
const layeredSealerOf = (inner: Secret, outer: Secret, chunkBytes = CHUNK) =>
  new BodySealer((emit) => new LayeredMessageSealer(inner, outer, context, chunkBytes, emit));

function feed(opener: Opener, message: Buffer, step: number): Buffer {
  const out: Buffer[] = [];
  for (const { start, end } of opener.segments) {
    for (let i = start; i < end; i += step) out.push(...opener.update(message.subarray(i, Math.min(end, i + step))));
  }
  opener.final();
  return Buffer.concat(out);
}

function sealAll(
  sealer: { update(b: Buffer): Buffer[]; final(): Buffer[] },
  plaintext: Buffer,
  step = 70_001,
): Buffer[] {
  const values: Buffer[] = [];
  for (let i = 0; i < plaintext.length; i += step) values.push(...sealer.update(plaintext.subarray(i, i + step)));
  return [...values, ...sealer.final()];
}

/** Plaintext length of a message of this length, if there is one. */
function plaintextLengthOf(bytes: number): number | undefined {
  const body = bytes - 56;
  const chunks = Math.floor(body / (CHUNK + 16));
  const last = body - chunks * (CHUNK + 16) - 16;
  return body < 16 || last < 0 ? undefined : chunks * CHUNK + last;
}

describe.skipIf(!vectorsPresent)('public vectors (Wycheproof)', () => {
  test('FMT-BODY: all 35 messages of Cobblestone-256 open or are refused as they should, whole and in pieces', () => {
    const { numberOfTests, testGroups } = wycheproof('c2sp_chunked_encryption_aes_256_gcm_test.json');
    let cases = 0;
    for (const group of testGroups) {
      for (const one of group.tests) {
        const message = inflateSync(Buffer.from(one.ct, 'hex'));
        const key = () => new Secret(Buffer.from(one.key, 'hex'));
        for (const step of [7, 1000, 1 << 20]) {
          let plaintext: Buffer | undefined;
          try {
            const length = plaintextLengthOf(message.length);
            if (length === undefined) throw new BodyDamaged('length');
            const range = { start: 0, end: length };
            plaintext = feed(new BodyOpener(key(), Buffer.from(one.ctx, 'hex'), length, [range], CHUNK), message, step);
          } catch (error) {
            expect(error instanceof BodyDamaged || error instanceof RangeError, String(error)).toBe(true);
          }
          expect(plaintext !== undefined, `case ${one.tcId}: ${one.comment}`).toBe(one.result === 'valid');
          if (!plaintext) continue;
          expect(plaintext.length).toBe(one.msgLength);
          expect(createHash('sha512').update(plaintext).digest('hex')).toBe(one.msgSha512);
        }
        cases++;
      }
    }
    expect(cases).toBe(35);
    expect(cases).toBe(numberOfTests);
  });

  test('AES-256-GCM of node:crypto passes all cases with 96-bit nonces', () => {
    let cases = 0;
    for (const group of wycheproof('aes_gcm_test.json').testGroups) {
      if (group.keySize !== 256 || group.ivSize !== 96 || group.tagSize !== 128) continue;
      for (const one of group.tests) {
        const decipher = createDecipheriv('aes-256-gcm', Buffer.from(one.key, 'hex'), Buffer.from(one.iv, 'hex'));
        decipher.setAAD(Buffer.from(one.aad, 'hex')).setAuthTag(Buffer.from(one.tag, 'hex'));
        let message: Buffer | undefined;
        try {
          message = Buffer.concat([decipher.update(Buffer.from(one.ct, 'hex')), decipher.final()]);
        } catch {}
        expect(message?.toString('hex')).toBe(one.result === 'valid' ? one.msg : undefined);
        cases++;
      }
    }
    expect(cases).toBe(66);
  });

  test('HKDF-SHA-512 of node:crypto passes all cases', () => {
    let cases = 0;
    const { numberOfTests, testGroups } = wycheproof('hkdf_sha512_test.json');
    for (const group of testGroups) {
      for (const one of group.tests) {
        const derive = () =>
          Buffer.from(
            hkdfSync(
              'sha512',
              Buffer.from(one.ikm, 'hex'),
              Buffer.from(one.salt, 'hex'),
              Buffer.from(one.info, 'hex'),
              one.size,
            ),
          );
        if (one.result === 'valid') expect(derive().toString('hex')).toBe(one.okm);
        else expect(derive).toThrow();
        cases++;
      }
    }
    expect(cases).toBe(numberOfTests);
  });

  test('HMAC-SHA-256 of @noble/hashes passes all cases', () => {
    let cases = 0;
    const { numberOfTests, testGroups } = wycheproof('hmac_sha256_test.json');
    for (const group of testGroups) {
      for (const one of group.tests) {
        const tag = Buffer.from(hmac(sha256, Buffer.from(one.key, 'hex'), Buffer.from(one.msg, 'hex'))).subarray(
          0,
          group.tagSize / 8,
        );
        expect(tag.toString('hex') === one.tag).toBe(one.result === 'valid');
        cases++;
      }
    }
    expect(cases).toBe(numberOfTests);
  });
});

describe.each([
  ['one message', false],
  ['two nested messages (DSSE)', true],
])('a body in %s', (_name, layered) => {
  const [inner, outer] = [secret(), secret()];
  const sealer = () => (layered ? layeredSealerOf(inner, outer) : sealerOf(inner));
  const opener = (size: number, range: { start: number; end: number }) =>
    layered
      ? new LayeredOpener(inner, outer, context, size, [range], CHUNK)
      : new BodyOpener(inner, context(0), size, [range], CHUNK);

  test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 1_000_000])(
    'of %i bytes opens whole and in every kind of range',
    (size) => {
      const plaintext = randomBytes(size);
      const values = sealAll(sealer(), plaintext);
      const message = Buffer.concat(values);
      for (const value of values.slice(0, -1)) expect(value.length).toBe(512 * 1024);
      if (!layered) expect(message.length).toBe(ciphertextLength(size, CHUNK));
      const ranges = [
        [0, size],
        [1, size - 1],
        [size - 1, size],
        [Math.floor(size / 3), Math.floor(size / 2)],
        [CHUNK - 1, CHUNK + 1],
      ];
      for (const [start, end] of ranges as [number, number][]) {
        if (start < 0 || end > size || (start >= end && size > 0)) continue;
        for (const step of [1009, 1 << 20]) {
          expect(feed(opener(size, { start, end }), message, step).equals(plaintext.subarray(start, end))).toBe(true);
        }
      }
    },
  );

  test('does not open with any byte changed, cut off or added', () => {
    const plaintext = randomBytes(2 * CHUNK + 100);
    const message = Buffer.concat(sealAll(sealer(), plaintext));
    const open = (bytes: Buffer) => feed(opener(plaintext.length, { start: 0, end: plaintext.length }), bytes, 4096);
    expect(open(message).equals(plaintext)).toBe(true);
    for (let at = 0; at < message.length; at += 331) {
      const changed = Buffer.from(message);
      changed[at]! ^= 1;
      expect(() => open(changed)).toThrow(BodyDamaged);
    }
    expect(() => open(message.subarray(0, message.length - 1))).toThrow(BodyDamaged);
  });
});

test('chunks can be neither swapped nor repeated', () => {
  const key = secret();
  const plaintext = randomBytes(3 * CHUNK);
  const message = Buffer.concat(sealAll(sealerOf(key), plaintext));
  const at = (chunk: number) => 56 + chunk * (CHUNK + 16);
  const swapped = Buffer.concat([
    message.subarray(0, 56),
    message.subarray(at(1), at(2)),
    message.subarray(at(0), at(1)),
    message.subarray(at(2)),
  ]);
  const opener = new BodyOpener(key, context(0), plaintext.length, [{ start: 0, end: plaintext.length }], CHUNK);
  expect(() => feed(opener, swapped, 1 << 20)).toThrow(BodyDamaged);
});

test('a body does not open for another context or key, and says so before any plaintext', () => {
  const key = secret();
  const message = Buffer.concat(sealAll(sealerOf(key), randomBytes(100)));
  for (const [k, c] of [
    [key, context(1)],
    [secret(), context(0)],
  ] as const) {
    const opener = new BodyOpener(k, c, 100, [{ start: 0, end: 100 }], CHUNK);
    expect(() => opener.update(message.subarray(0, 56))).toThrow(BodyDamaged);
  }
});

test('the nonce of a chunk is the base nonce with its number XORed into the last five bytes', async () => {
  const { writeNonce } = await import('../../src/encryption/cobblestone.js');
  const base = Buffer.from('ffffffffffffffffffffffff', 'hex');
  const nonce = Buffer.alloc(12);
  writeNonce(nonce, base, 0x12_3456_789a);
  expect(nonce.toString('hex')).toBe('ffffffffffffff' + 'edcba98765');
});
