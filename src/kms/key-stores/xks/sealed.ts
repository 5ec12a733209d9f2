import { hash } from 'node:crypto';
import { InvalidHeldCiphertext } from '../ports.js';
import { XksFailure } from './failure.js';

const TAG_BYTES = 16;
const METADATA_MAX_BYTES = 20;
const IV_BYTES: readonly number[] = [12, 16];
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * What a proxy's Encrypt answered, as it lies in a ciphertext blob:
 * u8 length of metadata ‖ metadata ‖ u8 length of IV ‖ IV ‖ tag (16) ‖ ciphertext. FORMAT.md, "KMS ciphertext blob".
 * @throws XksFailure where it isn't what the specification wants, its integrity value included
 */
export function packSealed(answer: Record<string, unknown>, plaintextLength: number, aad: Buffer): Buffer {
  const iv = bytesOf(answer.initializationVector);
  const ciphertext = bytesOf(answer.ciphertext);
  const tag = bytesOf(answer.authenticationTag);
  const metadata = answer.ciphertextMetadata == null ? Buffer.alloc(0) : bytesOf(answer.ciphertextMetadata);
  const integrity = bytesOf(answer.ciphertextDataIntegrityValue);
  const isWhole =
    IV_BYTES.includes(iv.length) &&
    tag.length === TAG_BYTES &&
    metadata.length <= METADATA_MAX_BYTES &&
    ciphertext.length === plaintextLength &&
    integrity.equals(hash('sha256', Buffer.concat([aad, metadata, iv, ciphertext, tag]), 'buffer'));
  if (!isWhole) throw new XksFailure('malformed');
  return Buffer.concat([Buffer.of(metadata.length), metadata, Buffer.of(iv.length), iv, tag, ciphertext]);
}

/** The members of Decrypt, in base64. @throws InvalidHeldCiphertext */
export function unpackSealed(sealed: Buffer): Record<string, string> {
  const metadataEnd = 1 + (sealed[0] ?? 0);
  const ivEnd = metadataEnd + 1 + (sealed[metadataEnd] ?? 0);
  const isWhole =
    metadataEnd - 1 <= METADATA_MAX_BYTES &&
    IV_BYTES.includes(ivEnd - metadataEnd - 1) &&
    sealed.length > ivEnd + TAG_BYTES;
  if (!isWhole) throw new InvalidHeldCiphertext();
  return {
    ciphertext: sealed.toString('base64', ivEnd + TAG_BYTES),
    ...(metadataEnd > 1 && { ciphertextMetadata: sealed.toString('base64', 1, metadataEnd) }),
    initializationVector: sealed.toString('base64', metadataEnd + 1, ivEnd),
    authenticationTag: sealed.toString('base64', ivEnd, ivEnd + TAG_BYTES),
  };
}

/** @throws XksFailure */
export function bytesOf(value: unknown): Buffer {
  if (typeof value !== 'string' || !BASE64.test(value)) throw new XksFailure('malformed');
  return Buffer.from(value, 'base64');
}
