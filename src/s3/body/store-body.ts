import { randomId } from '../../base/ids.js';
import type { BodyProducer, BodySource } from '../../base/stream.js';
import type { BodyPart, StoredChecksum } from '../../store/records.js';
import type { UploadChecksums, VerifiedChecksums } from '../checksum/upload-checksums.js';
import type { ObjectCipher } from '../encryption/object-cipher.js';
import type { Services } from '../services.js';
import { BodyWriter } from './writer.js';

export interface StoredBody {
  part: BodyPart;
  /** Hex, without quotes. */
  etag: string;
  checksums: VerifiedChecksums;
  writer: BodyWriter;
}

/**
 * Encrypts and stores a body while it arrives, and verifies it. On any failure what was written is handed to the sweeper and the
 * failure is thrown. Afterwards the caller commits with `writer.attach`, or calls `writer.abort`.
 */
export async function storeBody(
  services: Services,
  target: { objectId: Buffer; cipher: ObjectCipher; isPart?: boolean },
  source: BodySource | BodyProducer,
  checksums: UploadChecksums,
): Promise<StoredBody> {
  const parts = {
    meta: services.meta,
    blobs: services.blobs,
    intents: services.intents,
    dead: services.objects.dead,
    budget: services.uploadBudget,
  };
  const writer = new BodyWriter(parts, target.objectId, (partId) => target.cipher.seal(partId), !target.isPart);
  try {
    const end = await source.pump((chunk) => {
      checksums.update(chunk);
      return writer.write(chunk);
    });
    const verified = checksums.verify(end ? end.trailers : new Map());
    const part = await writer.finish();
    return { part, etag: etagOf(target.cipher, verified), checksums: verified, writer };
  } catch (error) {
    await writer.abort();
    services.sweep();
    throw error;
  }
}

/** MD5 of the content only where S3 itself has it: for SSE-C and KMS the ETag says nothing about the content. */
function etagOf(cipher: ObjectCipher, verified: VerifiedChecksums): string {
  return cipher.sealsChecksums || !verified.md5 ? randomId().toString('hex') : verified.md5.toString('hex');
}

/** As it goes into the record. */
export function storedChecksum(cipher: ObjectCipher, verified: VerifiedChecksums): StoredChecksum {
  const { algorithm, type, value } = verified.checksum;
  return cipher.sealsChecksums ? { algorithm, type, sealed: cipher.sealText(value) } : { algorithm, type, value };
}
