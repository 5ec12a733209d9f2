import type { BodyProducer, BodySource } from '../../base/stream.js';
import { OutcomeUnknown } from '../../store/errors.js';
import type { PartRecord, UploadRecord } from '../../store/records.js';
import type { Stored } from '../../store/table.js';
import { storeBody } from '../body/store-body.js';
import { type PartChecksums, partChecksums } from '../checksum/multipart.js';
import { requirePrivateTransport } from '../encryption/choose.js';
import { openCipher } from '../encryption/open-cipher.js';
import { S3Error } from '../error.js';
import type { CustomerKey } from '../fields/customer-key.js';
import { noSuchUpload } from '../fields/upload-id.js';
import type { Facts, OperationContext } from '../operation.js';

export interface PutPart {
  part: PartRecord;
  upload: UploadRecord;
  /** What the answer tells: the checksum that the client sent, or the upload's; none where neither named an algorithm. */
  answered: PartChecksums['answered'] | undefined;
}

/** Stores one part, for UploadPart and UploadPartCopy. */
export async function putPart(
  context: OperationContext,
  upload: Stored<UploadRecord>,
  partNumber: number,
  customerKey: CustomerKey | undefined,
  source: BodySource | BodyProducer,
  headers: Readonly<Record<string, string | undefined>>,
): Promise<PutPart> {
  const { services } = context;
  const { record } = upload;
  if (customerKey) requirePrivateTransport(context);
  if ((record.encryption.mode === 'SSE-C') !== (customerKey !== undefined)) {
    throw new S3Error('InvalidRequest', {
      message:
        'The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.',
    });
  }
  const checksums = await partChecksums(headers, record.checksum, { md5: record.encryption.mode === 'SSE-S3' });
  const cipher = await openCipher(context, record.encryption, record.key, record.objectId, customerKey).catch(
    (error) => {
      // A wrong key is told in other words here than where an object is read.
      if (customerKey && error instanceof S3Error && error.code === 'AccessDenied') {
        throw new S3Error('InvalidRequest', {
          message: 'The provided encryption parameters did not match the ones used originally.',
        });
      }
      throw error;
    },
  );
  try {
    const objectId = Buffer.from(record.objectId, 'hex');
    const stored = await storeBody(services, { objectId, cipher, isPart: true }, source, checksums);
    const { value } = stored.checksums.checksum;
    const part: PartRecord = {
      ...stored.part,
      partNumber,
      etag: stored.etag,
      checksum: cipher.sealsChecksums ? { sealed: cipher.sealText(value) } : { value },
      lastModifiedMs: services.clock.now(),
    };
    try {
      await services.uploads.putPart(upload, part, (commit) => stored.writer.attach(commit));
    } catch (error) {
      await stored.writer.abort(error instanceof OutcomeUnknown);
      throw error;
    }
    services.sweep();
    const answered = record.checksum.default && !checksums.sent ? undefined : checksums.answered;
    return { part, upload: record, answered };
  } finally {
    cipher.dispose();
  }
}

/** The upload, if it belongs to this bucket and key. */
export function requireUpload({ upload }: Facts, uploadId: string): Stored<UploadRecord> {
  if (!upload) throw noSuchUpload(uploadId);
  return upload;
}
