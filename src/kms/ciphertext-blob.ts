import { encodeContext } from '../encryption/context.js';
import type { EncryptionContext } from '../encryption/ports.js';
import type { Xaes } from '../seal/xaes.js';
import { StoreDamaged } from '../store/errors.js';

/** Of the two forms of key ids, whose digits follow: a UUID, and `mrk-` of multi-Region keys. */
const UUID_VERSION = 1;
const MRK_VERSION = 2;
const MRK = 'mrk-';
const UUID_BYTES = 16;
const MATERIAL_BYTES = 32;
const HEADER_BYTES = 1 + UUID_BYTES + MATERIAL_BYTES;

/** Whose ciphertext it is. It stands in clear, so that Decrypt needs no KeyId. */
export interface BlobHeader {
  keyId: string;
  backingKeyId: string;
}

/**
 * CiphertextBlob: 01, or 02 of a multi-Region key ‖ key id (16) ‖ backing key id (32) ‖ XAES-256-GCM(backing key, AAD = header ‖ encoded context, plaintext).
 * FORMAT.md, "KMS ciphertext blob".
 */
export function sealBlob(key: Xaes, header: BlobHeader, context: EncryptionContext, plaintext: Uint8Array): Buffer {
  const aad = encodeContext(context, HEADER_BYTES);
  writeHeader(header, aad);
  const blob = key.seal(aad, plaintext, HEADER_BYTES);
  aad.copy(blob, 0, 0, HEADER_BYTES);
  return blob;
}

/** Undefined where it can't be a blob of Coffer's. */
export function readBlobHeader(blob: Uint8Array): BlobHeader | undefined {
  if (blob.length <= HEADER_BYTES || (blob[0] !== UUID_VERSION && blob[0] !== MRK_VERSION)) return undefined;
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.length);
  const hex = bytes.toString('hex', 1, 1 + UUID_BYTES);
  const backingKeyId = bytes.toString('hex', 1 + UUID_BYTES, HEADER_BYTES);
  if (blob[0] === MRK_VERSION) return { keyId: `${MRK}${hex}`, backingKeyId };
  const keyId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  return { keyId, backingKeyId };
}

/** Undefined where anything of blob or context was changed. */
export function openBlob(key: Xaes, context: EncryptionContext, blob: Uint8Array): Buffer | undefined {
  const aad = encodeContext(context, HEADER_BYTES);
  aad.set(blob.subarray(0, HEADER_BYTES));
  try {
    return key.open(aad, blob.subarray(HEADER_BYTES));
  } catch (error) {
    if (error instanceof StoreDamaged) return undefined;
    throw error;
  }
}

function writeHeader({ keyId, backingKeyId }: BlobHeader, out: Buffer): void {
  const isMrk = keyId.startsWith(MRK);
  out[0] = isMrk ? MRK_VERSION : UUID_VERSION;
  out.write(isMrk ? keyId.slice(MRK.length) : keyId.replaceAll('-', ''), 1, UUID_BYTES, 'hex');
  out.write(backingKeyId, 1 + UUID_BYTES, MATERIAL_BYTES, 'hex');
}
