import { hash } from 'node:crypto';
import { encodeContext } from '../encryption/context.js';
import type { EncryptionContext } from '../encryption/ports.js';
import type { Xaes } from '../seal/xaes.js';
import { StoreDamaged } from '../store/errors.js';

/** What a blob's first byte says: whose key id follows, and which keys it takes to open it. */
export const BLOB_KINDS = {
  /** Coffer's own material; a UUID. */
  own: 1,
  /** Coffer's own material; the digits of `mrk-`, of a multi-Region key. */
  multiRegion: 2,
  /** A CloudHSM key store; a UUID. */
  cluster: 3,
  /** An external key store, and Coffer's own material within; a UUID. */
  external: 4,
} as const;
export type HeldKind = 'cluster' | 'external';
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
 * CiphertextBlob of Coffer's own keys: 01, or 02 of a multi-Region key ‖ key id (16) ‖ backing key id (32) ‖ XAES-256-GCM(backing key, AAD = header ‖ encoded context, plaintext).
 * FORMAT.md, "KMS ciphertext blob".
 */
export function sealBlob(key: Xaes, header: BlobHeader, context: EncryptionContext, plaintext: Uint8Array): Buffer {
  const aad = encodeContext(context, HEADER_BYTES);
  writeHeader(header, header.keyId.startsWith(MRK) ? BLOB_KINDS.multiRegion : BLOB_KINDS.own, aad);
  const blob = key.seal(aad, plaintext, HEADER_BYTES);
  aad.copy(blob, 0, 0, HEADER_BYTES);
  return blob;
}

/** Undefined where it can't be a blob of Coffer's. */
export function readBlobHeader(blob: Uint8Array): BlobHeader | undefined {
  if (blob.length <= HEADER_BYTES || blob[0]! < BLOB_KINDS.own || blob[0]! > BLOB_KINDS.external) return undefined;
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.length);
  const hex = bytes.toString('hex', 1, 1 + UUID_BYTES);
  const backingKeyId = bytes.toString('hex', 1 + UUID_BYTES, HEADER_BYTES);
  if (blob[0] === BLOB_KINDS.multiRegion) return { keyId: `${MRK}${hex}`, backingKeyId };
  const keyId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  return { keyId, backingKeyId };
}

/** What is in a blob of a custom key store is the holder's answer, behind the header. */
export const sealHeld = (head: Buffer, held: Buffer): Buffer => Buffer.concat([head, held]);
export const heldOf = (blob: Uint8Array): Buffer => Buffer.from(blob.subarray(HEADER_BYTES));

export function headOf(header: BlobHeader, kind: HeldKind): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  writeHeader(header, BLOB_KINDS[kind], head);
  return head;
}

/** What a holder binds its ciphertext to: 81 bytes, however large the context, which stays Coffer's. */
export const heldAad = (head: Buffer, context: EncryptionContext): Buffer =>
  Buffer.concat([head, hash('sha256', encodeContext(context), 'buffer')]);

/** What Coffer's own layer is bound to. */
export function ownAad(head: Buffer, context: EncryptionContext): Buffer {
  const aad = encodeContext(context, HEADER_BYTES);
  head.copy(aad);
  return aad;
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

function writeHeader({ keyId, backingKeyId }: BlobHeader, kind: number, out: Buffer): void {
  out[0] = kind;
  out.write(keyId.startsWith(MRK) ? keyId.slice(MRK.length) : keyId.replaceAll('-', ''), 1, UUID_BYTES, 'hex');
  out.write(backingKeyId, 1 + UUID_BYTES, MATERIAL_BYTES, 'hex');
}
