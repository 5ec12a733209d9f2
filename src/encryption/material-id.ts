import type { WrappedKey } from '../store/records.js';
import type { WrappedDataKey } from './wrapped-key.js';

/** The backing key (AWS: key material) that a wrap's `encryptedKey` was made under. */
export interface MaterialId {
  /** 64 hexadecimal digits in lower case. Absent where the key service didn't tell, and in wraps older than the member. */
  keyMaterialId?: string;
}

/** The member as it goes into a wrap: left out rather than undefined, which JSON doesn't have. */
export const materialMember = ({ keyMaterialId }: { keyMaterialId?: string | undefined }): MaterialId =>
  keyMaterialId === undefined ? {} : { keyMaterialId };

/** The clear header of a ciphertext of the built-in key service (FORMAT.md, "KMS ciphertext blob"); undefined for another's. */
export type BlobHeaderReader = (blob: Uint8Array) => { keyId: string; backingKeyId: string } | undefined;

/**
 * Tells a wrap's backing key, also where the wrap is older than `keyMaterialId`: then by the header of `encryptedKey`. What it
 * answers depends on the wrap alone, never on settings or the time: the row that a version's end deletes is the one its beginning
 * wrote. Another KMS's ciphertext isn't taken for one of ours: the header's key must be the one in the ARN.
 */
export function materialIdReader(readHeader: BlobHeaderReader): (wrap: WrappedKey) => string | undefined {
  return (stored) => {
    const wrap = stored as WrappedDataKey;
    if (wrap.mode !== 'SSE-KMS' && wrap.mode !== 'DSSE-KMS') return undefined;
    if (wrap.keyMaterialId !== undefined) return wrap.keyMaterialId;
    const header = readHeader(Buffer.from(wrap.encryptedKey, 'base64'));
    return header && wrap.keyArn.endsWith(`:key/${header.keyId}`) ? header.backingKeyId : undefined;
  };
}
