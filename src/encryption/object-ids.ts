import { EMPTY, u32 } from '../base/bytes.js';

/** Which version of which bucket a data key belongs to. Bound by every wrap, so a wrap moved elsewhere doesn't open. */
export interface ObjectIds {
  /** 16 bytes. */
  bucketId: Buffer;
  /** 16 bytes, one per version. */
  objectId: Buffer;
}

const BODY_VERSION = 1;

/** Context of a body's message: version ‖ u32 chunk size ‖ bucket id ‖ object id ‖ part id ‖ layer (FORMAT.md, "Body"). */
export function bodyContext(ids: ObjectIds, partId: Buffer, chunkBytes: number, layer: 0 | 1 = 0): Buffer {
  return Buffer.concat([
    Buffer.of(BODY_VERSION),
    u32(chunkBytes),
    ids.bucketId,
    ids.objectId,
    partId,
    Buffer.of(layer),
  ]);
}

/** AAD of a wrap: label ‖ 00 ‖ bucket id ‖ object id ‖ what else is bound. */
export function wrapAad(label: string, ids: ObjectIds, bound: Buffer = EMPTY): Buffer {
  return Buffer.concat([Buffer.from(`${label}\0`, 'latin1'), ids.bucketId, ids.objectId, bound]);
}
