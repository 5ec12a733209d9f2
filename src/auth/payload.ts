import type { BodySource } from '../base/stream.js';
import { ChunkedBody, type ChunkSigner, isStreaming } from './chunked-body.js';
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
  request: SignedRequest,
  payload: string,
  signer: ChunkSigner | undefined,
): BodySource {
  if (isStreaming(payload)) return new ChunkedBody(raw, request.headers, payload, signer);
  return SHA256.test(payload) ? new HashedBody(raw, payload) : raw;
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
