import { randomId } from '../../base/ids.js';
import type { BodyProducer, BodySource } from '../../base/stream.js';
import { CHUNK_BYTES, LARGE_CHUNK_BYTES } from '../../encryption/message-sealer.js';
import type { BlobStore } from '../../store/ports.js';
import type { BodyPart, StoredChecksum } from '../../store/records.js';
import type { UploadChecksums, VerifiedChecksums } from '../checksum/upload-checksums.js';
import type { ObjectCipher } from '../encryption/object-cipher.js';
import type { Services } from '../services.js';
import { THREAD_MIN_BYTES } from './thread-reader.js';
import { ThreadWriter, type ThreadWriterParts } from './thread-writer.js';
import { BodyWriter, type WrittenBody } from './writer.js';

export interface StoredBody {
  part: BodyPart;
  /** Hex, without quotes. */
  etag: string;
  checksums: VerifiedChecksums;
  writer: WrittenBody;
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
  const size = source.length;
  const threads = threadsFor(services);
  const large = size !== undefined && size >= THREAD_MIN_BYTES;
  if (threads && large) return storeInThread(services, threads, target, source, size, checksums);
  const { blobs, intents, objects, uploadBudget: budget } = services;
  const parts = { blobs, intents, dead: objects.dead, budget };
  const chunkBytes = large ? LARGE_CHUNK_BYTES : CHUNK_BYTES;
  const seal = (partId: Buffer) => target.cipher.seal(partId, chunkBytes);
  const writer = new BodyWriter(parts, target.objectId, seal, !target.isPart);
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

/** Where there are body threads, and an engine that keeps large bodies in files. */
function threadsFor({ bodyThreads: threads, blobs, intents, objects }: Services): ThreadWriterParts | undefined {
  if (!threads || !canReserve(blobs)) return undefined;
  return { threads, blobs, intents, dead: objects.dead };
}

const canReserve = (blobs: BlobStore): blobs is ThreadWriterParts['blobs'] => blobs.reserve !== undefined;

async function storeInThread(
  services: Services,
  parts: ThreadWriterParts,
  { objectId, cipher }: { objectId: Buffer; cipher: ObjectCipher },
  source: BodySource | BodyProducer,
  size: number,
  checksums: UploadChecksums,
): Promise<StoredBody> {
  const writer = new ThreadWriter(parts, objectId, cipher.bodyKeys, source, size, checksums.handOver());
  try {
    const { digests, trailers } = await writer.take();
    const computed = digests.map(([algorithm, digest]) => [algorithm, Buffer.from(digest)] as const);
    const verified = checksums.verify(new Map(trailers), new Map(computed));
    const part = await writer.finish();
    return { part, etag: etagOf(cipher, verified), checksums: verified, writer };
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
