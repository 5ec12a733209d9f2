import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { StoreDamaged } from '../../src/base/damaged.js';
import { Secret } from '../../src/base/secret.js';
import { BodyOpener } from '../../src/encryption/body-opener.js';
import { encodeContext } from '../../src/encryption/context.js';
import { bodyContext } from '../../src/encryption/object-ids.js';
import { openText, sealText } from '../../src/encryption/sealed-text.js';
import {
  requireCustomerKey,
  type SseCWrap,
  unwrapSseC,
  WrongCustomerKey,
  wrapSseC,
} from '../../src/encryption/sse-c.js';
import { openBlob, readBlobHeader } from '../../src/kms/ciphertext-blob.js';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { RootKey } from '../../src/seal/root-key.js';
import { Xaes } from '../../src/seal/xaes.js';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const secret = (text: string): Secret => new Secret(hex(text));
const load = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../fixtures/vectors/${name}`, import.meta.url), 'utf8'));

test.each([
  ['python.json', 22],
  ['coffer.json', 10],
])('FMT-BODY: the bodies of %s open or are refused, whole and by ranges', (name, count) => {
  const { bodies } = load(name as string);
  for (const vector of bodies) {
    const message = Buffer.from(vector.message, 'base64');
    const ids = { bucketId: hex(vector.bucketId), objectId: hex(vector.objectId) };
    const open = (start: number, end: number): Buffer => {
      const opener = new BodyOpener(
        secret(vector.key),
        bodyContext(ids, hex(vector.partId), vector.chunkBytes),
        vector.length,
        [{ start, end }],
        vector.chunkBytes,
      );
      const out = opener.segments.flatMap((one, i, all) =>
        opener.update(
          message.subarray(one.start, i === all.length - 1 && end === vector.length ? message.length : one.end),
        ),
      );
      opener.final();
      return Buffer.concat(out);
    };
    if (!vector.valid) {
      expect(() => open(0, vector.length), vector.comment).toThrow();
      continue;
    }
    const whole = open(0, vector.length);
    expect(createHash('sha256').update(whole).digest('hex'), vector.comment).toBe(vector.sha256);
    const chunk = vector.chunkBytes;
    for (const start of [0, 1, chunk - 1, chunk]) {
      if (start < vector.length) expect(open(start, vector.length).equals(whole.subarray(start))).toBe(true);
      if (start + 1 < vector.length) expect(open(start, start + 1).equals(whole.subarray(start, start + 1))).toBe(true);
    }
  }
  expect(bodies).toHaveLength(count as number);
});

test.each(['python.json', 'coffer.json'])(
  'FMT-CTX, FMT-SSEC, FMT-BLOB and sealed records of %s read as written',
  (name) => {
    const { contexts, sseC, current, record, blob } = load(name);
    for (const { context, encoded } of contexts) expect(encodeContext(context).toString('hex')).toBe(encoded);
    const ids = { bucketId: hex(sseC.bucketId), objectId: hex(sseC.objectId) };
    for (const [{ customerKey, wrap, dataKey }, version] of [[sseC], [current, 2]]) {
      expect(wrap.version).toBe(version);
      expect(unwrapSseC(secret(customerKey), ids, wrap).expose().toString('hex')).toBe(dataKey);
      expect(() => unwrapSseC(secret('00'.repeat(32)), ids, wrap)).toThrow(WrongCustomerKey);
      expect(() => requireCustomerKey(secret('00'.repeat(32)), ids, wrap)).toThrow(WrongCustomerKey);
      requireCustomerKey(secret(customerKey), ids, wrap);
    }
    expect(openText(secret(current.dataKey), ids, current.checksum)).toBe('checksum==');
    const sealer = new RootSealer(new RootKey(secret(record.rootKey)));
    expect(sealer.open(record.type, hex(record.rowKey), hex(record.sealed)).toString('hex')).toBe(record.plaintext);
    expect(() => sealer.open('upload', hex(record.rowKey), hex(record.sealed))).toThrow();
    expect(readBlobHeader(hex(blob.blob))?.backingKeyId).toBe(blob.backingKeyId);
    const key = new Xaes(secret(blob.backingKey));
    expect(openBlob(key, blob.context, hex(blob.blob))?.toString('hex')).toBe(blob.plaintext);
    expect(openBlob(key, { ab: 'c' }, hex(blob.blob))).toBeUndefined();
  },
);

const IDS = { bucketId: Buffer.alloc(16, 1), objectId: Buffer.alloc(16, 2) };
const OTHER_IDS = { ...IDS, objectId: Buffer.alloc(16, 3) };

/** Base64 with one bit of one byte turned over, for each byte. */
const turnedOver = (base64: string): string[] =>
  Array.from(Buffer.from(base64, 'base64'), (byte, i) => {
    const bytes = Buffer.from(base64, 'base64');
    bytes[i] = byte ^ 1;
    return bytes.toString('base64');
  });

test('FMT-SSEC-2: a wrap of SSE-C has a salt of its own; with any byte of it changed, or another version, it opens nothing', () => {
  const customerKey = secret('09'.repeat(32));
  const wrap = wrapSseC(customerKey, IDS, secret('0a'.repeat(32)));
  expect(wrapSseC(customerKey, IDS, secret('0a'.repeat(32))).salt).not.toBe(wrap.salt);
  const changed = (['salt', 'verifier', 'dataKey'] as const).flatMap((member) =>
    turnedOver(wrap[member]).map((value) => ({ ...wrap, [member]: value })),
  );
  expect(changed).toHaveLength(32 + 32 + 48);
  for (const other of changed) expect(() => unwrapSseC(customerKey, IDS, other)).toThrow();
  const { version: _, ...first } = wrap;
  for (const other of [first, { ...wrap, version: 3 }, { ...wrap, dataKey: wrap.dataKey.slice(0, -4) }]) {
    expect(() => unwrapSseC(customerKey, IDS, other as SseCWrap)).toThrow();
  }
  expect(() => unwrapSseC(customerKey, OTHER_IDS, wrap)).toThrow(WrongCustomerKey);
});

test('a sealed checksum opens under its own version alone, and with no byte changed; those of before are read', () => {
  const dataKey = secret('0a'.repeat(32));
  const sealed = sealText(dataKey, IDS, 'AAAA==-2');
  expect(sealText(dataKey, IDS, 'AAAA==-2')).not.toBe(sealed);
  expect(openText(dataKey, IDS, sealed)).toBe('AAAA==-2');
  expect(() => openText(dataKey, OTHER_IDS, sealed)).toThrow(StoreDamaged);
  expect(() => openText(secret('0b'.repeat(32)), IDS, sealed)).toThrow(StoreDamaged);
  for (const other of turnedOver(sealed.slice(2)))
    expect(() => openText(dataKey, IDS, `2.${other}`)).toThrow(StoreDamaged);
  for (const other of [sealed.slice(2), sealed.slice(0, 40), '2.', '']) {
    expect(() => openText(dataKey, IDS, other)).toThrow(StoreDamaged);
  }
  const { former } = load('coffer.json');
  const ids = { bucketId: hex(former.bucketId), objectId: hex(former.objectId) };
  expect(openText(secret(former.dataKey), ids, former.checksum)).toBe('checksum==');
});
