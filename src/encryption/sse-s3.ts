import { Secret } from '../base/secret.js';
import type { Xaes } from '../seal/xaes.js';
import { type ObjectIds, wrapAad } from './object-ids.js';

/** SSE-S3: the data key under the store key, which lies below the root key. */
export interface SseS3Wrap {
  mode: 'SSE-S3';
  /** XAES-256-GCM of the data key. */
  dataKey: string;
}

const LABEL = 'coffer/sse-s3/wrap';

export function wrapSseS3(storeKey: Xaes, ids: ObjectIds, dataKey: Secret): SseS3Wrap {
  return { mode: 'SSE-S3', dataKey: storeKey.seal(wrapAad(LABEL, ids), dataKey.expose()).toString('base64') };
}

/** @throws StoreDamaged */
export function unwrapSseS3(storeKey: Xaes, ids: ObjectIds, wrap: SseS3Wrap): Secret {
  return new Secret(storeKey.open(wrapAad(LABEL, ids), Buffer.from(wrap.dataKey, 'base64')));
}

/** The same data key under another store key. @throws StoreDamaged */
export function rewrapSseS3(from: Xaes, to: Xaes, ids: ObjectIds, wrap: SseS3Wrap): SseS3Wrap {
  const dataKey = unwrapSseS3(from, ids, wrap);
  try {
    return { ...wrap, ...wrapSseS3(to, ids, dataKey) };
  } finally {
    dataKey.dispose();
  }
}
