/** Writes fixtures/vectors/coffer.json with Coffer's own code, for the second reader. Run by hand: `npx tsx test/second-reader/make-coffer-vectors.ts`. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Secret } from '../../src/base/secret.js';
import { messageSealer } from '../../src/encryption/body-keys.js';
import { encodeContext } from '../../src/encryption/context.js';
import { CHUNK_BYTES, LARGE_CHUNK_BYTES } from '../../src/encryption/message-sealer.js';
import { wrapAad } from '../../src/encryption/object-ids.js';
import { sealText } from '../../src/encryption/sealed-text.js';
import { wrapSseC } from '../../src/encryption/sse-c.js';
import { wrapSseS3 } from '../../src/encryption/sse-s3.js';
import { sealBlob } from '../../src/kms/ciphertext-blob.js';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { RootKey } from '../../src/seal/root-key.js';
import { Xaes } from '../../src/seal/xaes.js';

const secret = (bytes: Buffer): Secret => new Secret(Buffer.from(bytes));
const [key, bucketId, objectId, partId] = [randomBytes(32), randomBytes(16), randomBytes(16), randomBytes(16)] as const;
const ids = { bucketId, objectId };
const hexIds = {
  bucketId: bucketId.toString('hex'),
  objectId: objectId.toString('hex'),
  partId: partId.toString('hex'),
};

const sizesOf = (chunk: number): number[] => [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk + 5];
const shapes = [
  ...sizesOf(CHUNK_BYTES).map((size) => ({ size, chunkBytes: CHUNK_BYTES })),
  ...sizesOf(LARGE_CHUNK_BYTES)
    .slice(2)
    .map((size) => ({ size, chunkBytes: LARGE_CHUNK_BYTES })),
];
const bodies = shapes.map(({ size, chunkBytes }) => {
  const plaintext = randomBytes(size);
  const pieces: Buffer[] = [];
  const sealer = messageSealer({ ids, dataKey: secret(key) }, partId, chunkBytes, (bytes) => pieces.push(bytes));
  sealer.update(plaintext);
  sealer.final();
  const message = Buffer.concat(pieces).toString('base64');
  const sha256 = createHash('sha256').update(plaintext).digest('hex');
  const comment = `${size} bytes in chunks of ${chunkBytes}`;
  return { comment, key: key.toString('hex'), ...hexIds, length: size, chunkBytes, message, valid: true, sha256 };
});
const contexts = [{}, { a: 'bc' }, { ab: 'c' }, { '\u{10000}': 'x', '\u{FFFD}': 'y' }].map((context) => ({
  context,
  encoded: encodeContext(context as Record<string, string>).toString('hex'),
}));
const target = new URL('../../fixtures/vectors/coffer.json', import.meta.url);
/** Of before: what is only read by now stays as it was written. */
const { sseC, former } = JSON.parse(readFileSync(target, 'utf8'));
const customerKey = randomBytes(32);
const current = {
  customerKey: customerKey.toString('hex'),
  ...hexIds,
  dataKey: key.toString('hex'),
  wrap: wrapSseC(secret(customerKey), ids, secret(key)),
  checksum: sealText(secret(key), ids, 'checksum=='),
};
const rootKey = randomBytes(32);
const plaintext = Buffer.from('\u0001{"size":5}');
const sealed = new RootSealer(new RootKey(secret(rootKey)))
  .seal('object', Buffer.from('c/row'), plaintext)
  .toString('hex');
const record = {
  rootKey: rootKey.toString('hex'),
  type: 'object',
  rowKey: Buffer.from('c/row').toString('hex'),
  sealed,
  plaintext: plaintext.toString('hex'),
};
const [backingKey, backingKeyId] = [randomBytes(32), randomBytes(32).toString('hex')];
const blob = {
  backingKey: backingKey.toString('hex'),
  backingKeyId,
  context: { a: 'bc' },
  blob: sealBlob(
    new Xaes(secret(backingKey)),
    { keyId: randomUUID(), backingKeyId },
    { a: 'bc' },
    Buffer.from('plaintext'),
  ).toString('hex'),
  plaintext: Buffer.from('plaintext').toString('hex'),
};
const [storeKey, bucketKey, bucketDataKey] = [randomBytes(32), randomBytes(32), randomBytes(32)];
const context = { project: 'coffer' };
const aad = wrapAad('coffer/sse-kms/bucket-key-wrap', ids, encodeContext(context));
const sseS3 = wrapSseS3(new Xaes(secret(storeKey)), ids, secret(key));
const more = {
  ...hexIds,
  storeKey: storeKey.toString('hex'),
  dataKey: key.toString('hex'),
  sseS3,
  bucketKey: bucketKey.toString('hex'),
  bucketDataKey: bucketDataKey.toString('hex'),
  underBucketKey: { context, underBucketKey: new Xaes(secret(bucketKey)).seal(aad, bucketDataKey).toString('base64') },
};
writeFileSync(target, `${JSON.stringify({ bodies, contexts, sseC, current, record, blob, more, former }, null, 1)}\n`);
