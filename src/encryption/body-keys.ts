import type { Secret } from '../base/secret.js';
import { BodyOpener, type Opener, type Span, segmentsOf } from './body-opener.js';
import { ciphertextLength } from './cobblestone.js';
import { LayeredMessageSealer, LayeredOpener } from './layers.js';
import { type Emit, type MessageSealer, OneMessageSealer } from './message-sealer.js';
import { bodyContext, type ObjectIds } from './object-ids.js';

/** What the bodies of one object version are sealed and opened with: all that a thread gets for one of them. */
export interface BodyKeys {
  ids: ObjectIds;
  dataKey: Secret;
  /** DSSE-KMS: of the outer layer. */
  outerKey?: Secret | undefined;
}

/** A body, or a part, as its record describes it. */
export interface BodyShape {
  /** 16 bytes. */
  partId: Buffer;
  /** Of plaintext, bytes. */
  size: number;
  chunkBytes: number;
}

export function messageSealer(keys: BodyKeys, partId: Buffer, chunkBytes: number, emit: Emit): MessageSealer {
  const context = (layer: 0 | 1): Buffer => bodyContext(keys.ids, partId, chunkBytes, layer);
  if (keys.outerKey) return new LayeredMessageSealer(keys.dataKey, keys.outerKey, context, chunkBytes, emit);
  return new OneMessageSealer(keys.dataKey, context(0), emit, { chunkBytes });
}

/** Opens the bytes of `range` of a body. */
export function messageOpener(keys: BodyKeys, { partId, size, chunkBytes }: BodyShape, range: Span): Opener {
  const context = (layer: 0 | 1): Buffer => bodyContext(keys.ids, partId, chunkBytes, layer);
  if (keys.outerKey) return new LayeredOpener(keys.dataKey, keys.outerKey, context, size, [range], chunkBytes);
  return new BodyOpener(keys.dataKey, context(0), size, [range], chunkBytes);
}

/** Which bytes of the stored message `messageOpener` is fed. */
export function messageSegments(
  { outerKey }: Pick<BodyKeys, 'outerKey'>,
  { size, chunkBytes }: Pick<BodyShape, 'size' | 'chunkBytes'>,
  range: Span,
): Span[] {
  const inner = segmentsOf([range], size, chunkBytes);
  return outerKey ? segmentsOf(inner, ciphertextLength(size, chunkBytes), chunkBytes) : inner;
}

/** Of the stored message, bytes. */
export function sealedLength(
  { outerKey }: Pick<BodyKeys, 'outerKey'>,
  plaintextBytes: number,
  chunkBytes: number,
): number {
  const inner = ciphertextLength(plaintextBytes, chunkBytes);
  return outerKey ? ciphertextLength(inner, chunkBytes) : inner;
}
