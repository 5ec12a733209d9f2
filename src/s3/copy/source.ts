import type { BodyProducer } from '../../base/stream.js';
import type { BlobSnapshot } from '../../store/ports.js';
import type { BucketRecord, ObjectContent, ObjectRecord } from '../../store/records.js';
import { readVersion } from '../body/version-body.js';
import { requirePrivateTransport } from '../encryption/choose.js';
import type { ObjectCipher } from '../encryption/object-cipher.js';
import { openCipher } from '../encryption/open-cipher.js';
import { S3Error } from '../error.js';
import { checkCopySource, type ReadConditions } from '../fields/conditions.js';
import type { CopySource } from '../fields/copy-source.js';
import type { CustomerKey } from '../fields/customer-key.js';
import { bucketArn, type OperationContext, objectArn } from '../operation.js';
import { requireMatchingKey } from '../read.js';
import { requireVersion } from '../require-version.js';
import { isOutOfReach } from '../restore.js';

/** The source of CopyObject or UploadPartCopy, opened for reading with the caller's rights. `close` when done. */
export class OpenSource {
  private constructor(
    readonly bucket: BucketRecord,
    readonly record: ObjectRecord,
    readonly content: ObjectContent,
    readonly cipher: ObjectCipher,
    private readonly snapshot: BlobSnapshot,
    private readonly context: OperationContext,
  ) {}

  static async open(
    context: OperationContext,
    source: CopySource,
    conditions: ReadConditions,
    customerKey: CustomerKey | undefined,
  ): Promise<OpenSource> {
    const { services } = context;
    if (customerKey) requirePrivateTransport(context);
    const stored = await context.enter(source.bucket);
    if (!stored) throw new S3Error('NoSuchBucket', { extra: { BucketName: source.bucket } });
    const bucket = stored.record;
    const { versionId } = source;
    const action = versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion';
    // Before the record is read: what it names can't be swept away while it is copied.
    const snapshot = services.blobs.snapshot();
    try {
      const found = await services.objects.find(bucket.bucketId, source.key, versionId);
      const permission = { action, resource: objectArn(source.bucket, source.key), apart: { versionId } } as const;
      context.require(permission, bucket, found?.record ?? 'absent');
      if (!found?.record.content) {
        context.require({ action: 's3:ListBucket', resource: bucketArn(source.bucket), apart: {} }, bucket);
      }
      if (found?.record.deleteMarker && versionId !== undefined) {
        throw new S3Error('InvalidRequest', {
          message: 'The source of a copy request may not specifically refer to a delete marker by version id.',
        });
      }
      const { record, content } = requireVersion(found, { method: 'PUT', key: source.key, versionId });
      if (isOutOfReach(content, services.clock.now())) {
        throw new S3Error('InvalidObjectState', { extra: { StorageClass: content.storageClass } });
      }
      requireMatchingKey(content, customerKey);
      checkCopySource(conditions, content.etag, record.lastModifiedMs, services.clock.now());
      const cipher = await openCipher(context, content.encryption, source.key, record.objectId, customerKey, bucket);
      return new OpenSource(bucket, record, content, cipher, snapshot, context);
    } catch (error) {
      await snapshot.close();
      throw error;
    }
  }

  read(range: { start: number; end: number }): Promise<BodyProducer> {
    return readVersion(this.context.services, this.snapshot, this.record, this.cipher, range);
  }

  async close(): Promise<void> {
    this.cipher.dispose();
    await this.snapshot.close();
  }
}
