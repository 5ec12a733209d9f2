import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { BodyOpener } from '../../src/encryption/body-opener.js';
import { encodeContext } from '../../src/encryption/context.js';
import { bodyContext } from '../../src/encryption/object-ids.js';
import { unwrapSseC, WrongCustomerKey } from '../../src/encryption/sse-c.js';
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
    const { contexts, sseC, record, blob } = load(name);
    for (const { context, encoded } of contexts) expect(encodeContext(context).toString('hex')).toBe(encoded);
    const ids = { bucketId: hex(sseC.bucketId), objectId: hex(sseC.objectId) };
    expect(unwrapSseC(secret(sseC.customerKey), ids, sseC.wrap).expose().toString('hex')).toBe(sseC.dataKey);
    expect(() => unwrapSseC(secret('00'.repeat(32)), ids, sseC.wrap)).toThrow(WrongCustomerKey);
    const sealer = new RootSealer(new RootKey(secret(record.rootKey)));
    expect(sealer.open(record.type, hex(record.rowKey), hex(record.sealed)).toString('hex')).toBe(record.plaintext);
    expect(() => sealer.open('upload', hex(record.rowKey), hex(record.sealed))).toThrow();
    expect(readBlobHeader(hex(blob.blob))?.backingKeyId).toBe(blob.backingKeyId);
    const key = new Xaes(secret(blob.backingKey));
    expect(openBlob(key, blob.context, hex(blob.blob))?.toString('hex')).toBe(blob.plaintext);
    expect(openBlob(key, { ab: 'c' }, hex(blob.blob))).toBeUndefined();
  },
);
