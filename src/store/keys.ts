/**
 * Row keys of `meta`: one tag byte, then parts. storage/README.md lists them all. Names of buckets and objects stand in clear;
 * everything else about them is in the sealed values.
 *
 * Object keys vary in length and stand before other parts, so NUL is escaped (00 → 00 FF) and the key is ended by 00 00: that
 * keeps UTF-8 byte order and makes no key a prefix of another's rows.
 */
import { u16, u64, utf8 } from '../base/bytes.js';

const tag = (letter: string): Buffer => Buffer.from(`${letter}/`, 'latin1');

export const TAG = {
  bucket: tag('b'),
  bucketOfAccount: tag('o'),
  bucketPolicy: tag('y'),
  bucketConfig: tag('f'),
  current: tag('c'),
  version: tag('v'),
  inlineBody: tag('i'),
  manifestPage: tag('m'),
  upload: tag('u'),
  part: tag('p'),
  renameToken: tag('r'),
  /** Where a version lies whose id says another sequence. */
  versionPlace: tag('a'),
  /** Versions that are still to be replicated, and those that couldn't be. */
  replicationTask: tag('q'),
  replicationFailure: tag('e'),
  intent: tag('n'),
  dead: tag('d'),
  /** Index of object versions by the backing key they lie under. */
  keyUse: tag('x'),
  /** Everything of the key service; its own letters follow in kms/. */
  kms: tag('k'),
  /** Everything of CloudHSM; its own letters follow in cloudhsm/. */
  cloudhsm: tag('h'),
  /** Check value, counters: the engine's and the process's own rows. */
  system: tag('s'),
} as const;

const KEY_END = Buffer.of(0, 0);

/** NUL → 00 FF. */
export function escapeKey(key: string): Buffer {
  const bytes = utf8(key);
  let nul = bytes.indexOf(0);
  if (nul < 0) return bytes;
  const pieces: Buffer[] = [];
  let from = 0;
  while (nul >= 0) {
    pieces.push(bytes.subarray(from, nul + 1), Buffer.of(0xff));
    from = nul + 1;
    nul = bytes.indexOf(0, from);
  }
  pieces.push(bytes.subarray(from));
  return Buffer.concat(pieces);
}

/** The inverse of `escapeKey`. */
export function unescapeKey(escaped: Buffer): string {
  if (escaped.indexOf(0) < 0) return escaped.toString('utf8');
  const out: number[] = [];
  for (let i = 0; i < escaped.length; i++) {
    out.push(escaped[i]!);
    if (escaped[i] === 0) i++;
  }
  return Buffer.from(out).toString('utf8');
}

export const bucketKey = (name: string): Buffer => Buffer.concat([TAG.bucket, utf8(name)]);

export const bucketOfAccountKey = (accountId: string, name: string): Buffer =>
  Buffer.concat([TAG.bucketOfAccount, utf8(`${accountId}/${name}`)]);

export const bucketPolicyKey = (bucketId: Uint8Array): Buffer => Buffer.concat([TAG.bucketPolicy, bucketId]);
/** All pages of one configuration of a bucket. Names are ASCII without NUL. */
export const bucketConfigPrefix = (bucketId: Uint8Array, name: string): Buffer =>
  Buffer.concat([TAG.bucketConfig, bucketId, utf8(name), Buffer.of(0)]);

export const bucketConfigKey = (bucketId: Uint8Array, name: string, page: number): Buffer =>
  Buffer.concat([bucketConfigPrefix(bucketId, name), u16(page)]);

/** `digest`: SHA-256 over bucket, account and token. */
export const renameTokenKey = (digest: Uint8Array): Buffer => Buffer.concat([TAG.renameToken, digest]);

export const currentKey = (bucketId: Uint8Array, key: string): Buffer =>
  Buffer.concat([TAG.current, bucketId, escapeKey(key), KEY_END]);

/** All versions of one key but the current; newest first, since the sequence is inverted. */
export const versionsPrefix = (bucketId: Uint8Array, key: string): Buffer =>
  Buffer.concat([TAG.version, bucketId, escapeKey(key), KEY_END]);

export const versionKey = (bucketId: Uint8Array, key: string, sequence: number): Buffer =>
  Buffer.concat([versionsPrefix(bucketId, key), u64(Number.MAX_SAFE_INTEGER - sequence)]);

export const versionPlaceKey = (bucketId: Uint8Array, key: string, versionId: string): Buffer =>
  Buffer.concat([TAG.versionPlace, bucketId, escapeKey(key), KEY_END, utf8(versionId)]);

/** Versions of one key lie in their order, one behind the other. */
export const replicationTaskKey = (bucketId: Uint8Array, key: string, sequence: number): Buffer =>
  Buffer.concat([TAG.replicationTask, bucketId, escapeKey(key), KEY_END, u64(sequence)]);

export const replicationFailureKey = (bucketId: Uint8Array, key: string, sequence: number): Buffer =>
  Buffer.concat([TAG.replicationFailure, bucketId, escapeKey(key), KEY_END, u64(sequence)]);

export const inlineBodyKey = (objectId: Uint8Array, partId: Uint8Array): Buffer =>
  Buffer.concat([TAG.inlineBody, objectId, partId]);

export const manifestPageKey = (objectId: Uint8Array, page: number): Buffer =>
  Buffer.concat([TAG.manifestPage, objectId, u16(page)]);

/** `uploadId` starts with the time it was made, so uploads of one key come in the order they began. */
export const uploadKey = (bucketId: Uint8Array, key: string, uploadId: Uint8Array): Buffer =>
  Buffer.concat([TAG.upload, bucketId, escapeKey(key), KEY_END, uploadId]);

export const partKey = (uploadId: Uint8Array, partNumber: number): Buffer =>
  Buffer.concat([TAG.part, uploadId, u16(partNumber)]);

/** Where a job of the server stands. */
export const jobKey = (name: string): Buffer => Buffer.concat([TAG.system, utf8(`job/${name}`)]);

/** Leases have two rows each, told apart by a letter: who has taken it, and that he is at work. */
export const ALL_LEASES = Buffer.concat([TAG.system, utf8('lease/')]);
const LEASE_FENCES = Buffer.concat([ALL_LEASES, utf8('f/')]);
export const LEASE_BEATS = Buffer.concat([ALL_LEASES, utf8('b/')]);
export const leaseFenceKey = (name: string): Buffer => Buffer.concat([LEASE_FENCES, utf8(name)]);
export const leaseBeatKey = (name: string): Buffer => Buffer.concat([LEASE_BEATS, utf8(name)]);
export const isLeaseFence = (rowKey: Uint8Array): boolean =>
  Buffer.compare(LEASE_FENCES, rowKey.subarray(0, LEASE_FENCES.length)) === 0;
/** The name inside the key of a beat row. */
export const leaseNameOf = (beatKey: Buffer): string => beatKey.toString('utf8', LEASE_BEATS.length);

/** Intents of a gateway. */
export const intentsOf = (gatewayId: Uint8Array): Buffer => Buffer.concat([TAG.intent, gatewayId]);
export const intentKey = (gatewayId: Uint8Array, id: Uint8Array): Buffer => Buffer.concat([TAG.intent, gatewayId, id]);
/** The gateway that such a row is of. */
export const gatewayOfIntent = (rowKey: Buffer): Buffer => rowKey.subarray(TAG.intent.length, TAG.intent.length + 16);

/** All that is counted stands in the key, so that counting reads keys alone. `size`: bytes of plaintext. */
export const keyUseKey = (materialId: Uint8Array, bucketId: Uint8Array, objectId: Uint8Array, size: number): Buffer =>
  Buffer.concat([TAG.keyUse, materialId, bucketId, objectId, u64(size)]);

/** The rows of one backing key. */
export const keyUsesOf = (materialId: Uint8Array): Buffer => Buffer.concat([TAG.keyUse, materialId]);

/** What such a row says: the bucket's id (hex), and bytes of plaintext. */
export const keyUseBucket = (rowKey: Buffer): string =>
  rowKey.toString('hex', KEY_USE_BUCKET_START, KEY_USE_BUCKET_START + 16);
export const keyUseSize = (rowKey: Buffer): number =>
  rowKey.readUInt32BE(KEY_USE_SIZE_START) * 2 ** 32 + rowKey.readUInt32BE(KEY_USE_SIZE_START + 4);

const KEY_USE_BUCKET_START = 2 + 32;
const KEY_USE_SIZE_START = KEY_USE_BUCKET_START + 16 + 16;

/** In the order of their deaths. `id`: 16 random bytes, of which the time takes the place of the first. */
export const deadKey = (diedMs: number, id: Uint8Array): Buffer =>
  Buffer.concat([TAG.dead, u64(diedMs).subarray(2), id.subarray(6)]);

/** All that died before. Rows had random ids once: they lie in a time that no clock shows yet. */
export const deadBefore = (ms: number): { gte: Buffer; lt: Buffer } => ({
  gte: TAG.dead,
  lt: Buffer.concat([TAG.dead, u64(Math.max(0, ms)).subarray(2)]),
});
export const deadAfter = (ms: number): { gte: Buffer; lt: Buffer } => ({
  gte: deadBefore(ms).lt,
  lt: afterPrefix(TAG.dead),
});

/** The object key inside a `c`, `v`, `u`, `q` or `e` row key, which starts behind tag and bucket id and ends at 00 00. */
export function objectKeyOf(rowKey: Buffer): string {
  return unescapeKey(rowKey.subarray(OBJECT_KEY_START, keyEndOf(rowKey)));
}

/** The bucket id inside such a row key. */
export const bucketIdOf = (rowKey: Buffer): Buffer => rowKey.subarray(2, OBJECT_KEY_START);

export const OBJECT_KEY_START = 2 + 16;

/** Index of the 00 00 behind the object key. */
export function keyEndOf(rowKey: Buffer): number {
  for (let i = rowKey.indexOf(0, OBJECT_KEY_START); i >= 0; i = rowKey.indexOf(0, i + 2)) {
    if (rowKey[i + 1] === 0) return i;
  }
  return rowKey.length;
}

/** First key behind every key that starts with `prefix`. */
export function afterPrefix(prefix: Uint8Array): Buffer {
  const out = Buffer.from(prefix);
  for (let i = out.length - 1; i >= 0; i--) {
    if (out[i]! < 0xff) {
      out[i] = out[i]! + 1;
      return out.subarray(0, i + 1);
    }
  }
  return Buffer.of(0xff, 0xff, 0xff, 0xff);
}

/** Every row under a prefix. */
export function under(prefix: Uint8Array): { gte: Buffer; lt: Buffer } {
  return { gte: Buffer.from(prefix), lt: afterPrefix(prefix) };
}
