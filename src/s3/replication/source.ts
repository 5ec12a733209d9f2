import type { Caller } from '../../auth/ports.js';
import { requestId } from '../../base/ids.js';
import type { BodyProducer } from '../../base/stream.js';
import type { WrappedDataKey } from '../../encryption/wrapped-key.js';
import type { ConditionValues } from '../../policy/ports.js';
import type { BlobSnapshot } from '../../store/ports.js';
import type { BucketRecord, ManifestPart, ObjectContent, ObjectRecord } from '../../store/records.js';
import type { Stored } from '../../store/table.js';
import { readVersion } from '../body/version-body.js';
import { arnsOf, viaS3 } from '../encryption/key-target.js';
import type { ObjectCipher } from '../encryption/object-cipher.js';
import { type OperationContext, objectArn } from '../operation.js';
import { openChecksum } from '../read.js';
import type { Services } from '../services.js';

/** What the role may do, and how the request of it is described to policies. */
export type RoleAccess = Pick<OperationContext, 'enter' | 'require' | 'allowed'> & { requestContext: ConditionValues };

/** One part of a multipart version, as its replica gets it. */
export interface SourcePart {
  partNumber: number;
  body: BodyProducer;
  checksum: string | undefined;
}

/** A version as the role of a replication rule reads it: with its own permission, and with its own rights at the key service. */
export class ReplicaSource {
  private constructor(
    private readonly services: Services,
    private readonly snapshot: BlobSnapshot,
    private readonly cipher: ObjectCipher,
    readonly bucket: BucketRecord,
    readonly key: string,
    readonly record: ObjectRecord,
    readonly content: ObjectContent,
  ) {}

  /** @throws S3Error AccessDenied; KmsError; StoreDamaged. `snapshot` is closed with the source, or by whoever gave it where this throws. */
  static async open(
    services: Services,
    { access, role }: { access: RoleAccess; role: Caller },
    bucket: Stored<BucketRecord>,
    key: string,
    record: ObjectRecord & { content: ObjectContent },
    snapshot: BlobSnapshot,
  ): Promise<ReplicaSource> {
    const { name, bucketId } = bucket.record;
    requireReadable(access, bucket.record, key, record);
    const cipher = await services.dataKeys.open(
      {
        who: {
          caller: role,
          viaService: viaS3(services),
          requestContext: access.requestContext,
          requestId: requestId(),
          source: { operation: 'Replication', bucket: name, key },
        },
        arns: arnsOf(services, name, key),
        ids: { bucketId: Buffer.from(bucketId, 'hex'), objectId: Buffer.from(record.objectId, 'hex') },
      },
      record.content.encryption as WrappedDataKey,
    );
    return new ReplicaSource(services, snapshot, cipher, bucket.record, key, record, record.content);
  }

  /** Of the whole, where it has one. */
  get checksum(): { algorithm: string; type: 'FULL_OBJECT' | 'COMPOSITE'; value: string } | undefined {
    return this.content.checksum && openChecksum(this.content.checksum, this.cipher);
  }

  get isMultipart(): boolean {
    return 'manifest' in this.content.body;
  }

  /** @throws VersionReplaced */
  async body(range = { start: 0, end: this.content.size }): Promise<BodyProducer> {
    return readVersion(this.services, this.snapshot, this.record, this.cipher, range);
  }

  /** One after the other, in order. */
  async *parts(): AsyncGenerator<SourcePart> {
    const { body, checksum } = this.content;
    if (!('manifest' in body)) return;
    let start = 0;
    for (let page = 0; page < body.manifest.pages; page++) {
      for (const part of await this.services.manifests.page(this.record.objectId, body.manifest, page)) {
        const end = start + part.size;
        yield {
          partNumber: part.partNumber,
          body: await this.body({ start, end }),
          checksum: this.#of(part, checksum),
        };
        start = end;
      }
    }
  }

  async close(): Promise<void> {
    this.cipher.dispose();
    await this.snapshot.close();
  }

  #of({ checksum }: ManifestPart, whole: ObjectContent['checksum']): string | undefined {
    return (
      checksum &&
      whole &&
      openChecksum({ ...whole, value: undefined, sealed: undefined, ...checksum } as typeof whole, this.cipher).value
    );
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html @throws AccessDenied */
export function requireReadable(access: RoleAccess, bucket: BucketRecord, key: string, record: ObjectRecord): void {
  access.require(
    { action: 's3:GetObjectVersionForReplication', resource: objectArn(bucket.name, key) },
    bucket,
    record,
  );
}

/** Tags and lock go along where the role may read them. */
export function readableMetadata(
  access: RoleAccess,
  bucket: BucketRecord,
  key: string,
  record: ObjectRecord,
): Pick<ObjectContent, 'tags' | 'lock' | 'acl'> {
  const { tags, lock, acl } = record.content ?? {};
  const may = (action: `s3:${string}`): boolean =>
    access.allowed({ action, resource: objectArn(bucket.name, key) }, bucket, record);
  const retention = lock?.retention && may('s3:GetObjectRetention') ? lock.retention : undefined;
  const legalHold = lock?.legalHold && may('s3:GetObjectLegalHold') ? lock.legalHold : undefined;
  return {
    ...(tags && may('s3:GetObjectVersionTagging') && { tags }),
    ...(acl && may('s3:GetObjectVersionAcl') && { acl }),
    ...((retention || legalHold) && { lock: { ...(retention && { retention }), ...(legalHold && { legalHold }) } }),
  };
}
