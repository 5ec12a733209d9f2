import type { BodySource } from '../base/stream.js';
import type { ChunkSigner } from './chunk-signer.js';
import { ChunkedBody, isStreaming } from './chunked-body.js';
import { AuthError } from './error.js';
import { HashedBody } from './hashed-body.js';
import { headerText } from './header-text.js';
import type { SignedRequest } from './ports.js';
import { unsupportedMechanism } from './refusals.js';

export const CONTENT_SHA256 = 'x-amz-content-sha256';
export const UNSIGNED = 'UNSIGNED-PAYLOAD';
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
const SHA256 = /^[0-9a-f]{64}$/;

/** What `x-amz-content-sha256` says of a body, put around it. */
export function wrapPayload(
  raw: BodySource,
  request: Pick<SignedRequest, 'headers'>,
  payload: string,
  signer: ChunkSigner | undefined,
): BodySource {
  if (isStreaming(payload)) return new ChunkedBody(raw, request.headers, payload, signer);
  return SHA256.test(payload) ? new HashedBody(raw, payload) : raw;
}

/** What `wrapPayload` was told, for whoever unwraps a body elsewhere. */
export interface PayloadCoding {
  payload: string;
  /** Those that say what the coding holds. */
  headers: SignedRequest['headers'];
  signer: ChunkSigner | undefined;
}

/** A wrapped body taken apart again: the bytes as they were sent, and how to read them. */
export function codedPayload(body: BodySource): { raw: BodySource; coding: PayloadCoding | undefined } {
  if (body instanceof HashedBody) {
    return { raw: body.raw, coding: { payload: body.claimed, headers: {}, signer: undefined } };
  }
  if (!(body instanceof ChunkedBody)) return { raw: body, coding: undefined };
  const { raw, payload, headers, signer } = body;
  return { raw, coding: { payload, headers, signer } };
}

/** @throws AuthError InvalidRequest, InvalidArgument */
export function requireContentSha256(request: SignedRequest): string {
  const value = headerText(request.headers[CONTENT_SHA256]);
  if (value === undefined) {
    throw new AuthError('InvalidRequest', 400, 'Missing required header for this request: x-amz-content-sha256');
  }
  if (value.includes('ECDSA')) throw unsupportedMechanism();
  if (value !== UNSIGNED && value !== UNSIGNED_TRAILER && !isStreaming(value) && !SHA256.test(value)) {
    throw new AuthError(
      'InvalidArgument',
      400,
      'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.',
      { ArgumentName: CONTENT_SHA256, ArgumentValue: value },
    );
  }
  return value;
}
