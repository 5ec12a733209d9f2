import { randomUUID } from 'node:crypto';
import { drawPublic } from './random-pool.js';

/** 128 random bits: the identity of an object version, a part, a bucket, an upload. */
export function randomId(): Buffer {
  return Buffer.from(drawPublic(16));
}

/** As AWS prints them: 16 upper-case characters in `x-amz-request-id`. */
export function requestId(): string {
  return drawPublic(8).toString('hex').toUpperCase();
}

/** The `x-amz-id-2` of an answer: opaque base64. */
export function hostId(): string {
  return drawPublic(48).toString('base64');
}

export { randomUUID };
