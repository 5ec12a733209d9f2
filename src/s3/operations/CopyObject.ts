import { randomId } from '../../base/ids.js';
import { PUT_MAX_BYTES } from '../../base/limits.js';
import { OutcomeUnknown } from '../../store/errors.js';
import type { BucketRecord, ObjectContent, ObjectRecord } from '../../store/records.js';
import { needsOfAcl, newObject } from '../acl/new-object.js';
import { storeBody, storedChecksum } from '../body/store-body.js';
import { checksumNodes } from '../checksum/headers.js';
import { copyChecksums } from '../checksum/upload-checksums.js';
import { OpenSource } from '../copy/source.js';
import { requireTagCopy } from '../copy/tags.js';
import { chooseEncryption } from '../encryption/choose.js';
import { createCipher } from '../encryption/create-cipher.js';
import { encryptionHeaders } from '../encryption/headers.js';
import { S3Error } from '../error.js';
import { aclHeaders } from '../fields/acl.js';
import { checkWrite, copySourceConditions, writeCondition } from '../fields/conditions.js';
import { copySource, directive } from '../fields/copy-source.js';
import { copySourceCustomerKey } from '../fields/customer-key.js';
import { bucketKeyEnabled, encryption } from '../fields/encryption.js';
import { header } from '../fields/field.js';
import { isoDate } from '../fields/http-date.js';
import { systemMetadata, userMetadata } from '../fields/metadata.js';
import { objectLock } from '../fields/object-lock.js';
import { storageClass } from '../fields/storage-class.js';
import { tagging } from '../fields/tagging.js';
import { expirationHeader } from '../lifecycle/headers.js';
import { applyLock, lockOfNewVersion, lockPermissions } from '../object-lock.js';
import { objectArn, operation } from '../operation.js';
import { requireReplicable } from '../replication/refuse.js';

export const copyObject = operation({
  name: 'CopyObject',
  route: { method: 'PUT', on: 'object', header: 'x-amz-copy-source' },
  input: {
    source: copySource,
    sourceConditions: copySourceConditions,
    sourceKey: copySourceCustomerKey,
    sourceOwner: header('x-amz-source-expected-bucket-owner'),
    encryption,
    bucketKeyEnabled,
    metadataDirective: directive('x-amz-metadata-directive'),
    taggingDirective: directive('x-amz-tagging-directive'),
    system: systemMetadata,
    metadata: userMetadata,
    tags: tagging,
    storageClass,
    storageClassSent: header('x-amz-storage-class'),
    checksumAlgorithm: header('x-amz-checksum-algorithm'),
    condition: writeCondition,
    acl: aclHeaders,
    lock: objectLock,
  },
  facts: ['bucket'],
  needs: ({ bucket, key, tags, acl, lock }) => [
    { action: 's3:PutObject', resource: objectArn(bucket, key) },
    ...(tags ? [{ action: 's3:PutObjectTagging', resource: objectArn(bucket, key) } as const] : []),
    ...needsOfAcl(acl, objectArn(bucket, key)),
    ...lockPermissions(lock, bucket, key),
  ],
  errors: ['InvalidObjectState', 'InvalidRequest', 'NoSuchKey', 'NoSuchVersion', 'PreconditionFailed'],
  async handle(input, context) {
    const { bucket, key } = input;
    const { facts, services } = context;
    const target = facts.bucket.record;
    lockOfNewVersion(input.lock, target, services.clock.now());
    const { ownerAccountId, acl } = newObject(input.acl, key, context);
    const source = await OpenSource.open(context, input.source, input.sourceConditions, input.sourceKey);
    try {
      requireOwner(input.sourceOwner, source.bucket);
      const { content } = source;
      if (input.taggingDirective === 'COPY' && content.tags?.length)
        requireTagCopy(context, { ...input.source, record: source.record }, source.bucket, key);
      const tags = input.taggingDirective === 'REPLACE' ? input.tags : content.tags;
      if (content.size > PUT_MAX_BYTES) {
        throw new S3Error('InvalidRequest', {
          message: `The specified copy source is larger than the maximum allowable size for a copy source: ${PUT_MAX_BYTES}`,
        });
      }
      const choice = chooseEncryption(input.encryption, input.bucketKeyEnabled, target, context);
      refuseUnchanged(input, target, content.encryption.mode !== choice.mode);
      await requireReplicable(context, { key, tags: input.tags ?? [], mode: choice.mode });
      const objectId = randomId();
      const cipher = await createCipher(context, choice, target, key, objectId);
      try {
        const checksums = await copyChecksums(input.checksumAlgorithm, content.checksum, {
          md5: choice.mode === 'SSE-S3',
        });
        const body = await source.read({ start: 0, end: content.size });
        const stored = await storeBody(services, { objectId, cipher }, body, checksums);
        const replace = input.metadataDirective === 'REPLACE';
        const copied: ObjectContent = {
          size: stored.part.size,
          etag: stored.etag,
          storageClass: input.storageClass,
          system: replace ? input.system : keepSystem(content, input.system.websiteRedirectLocation),
          metadata: replace ? input.metadata : content.metadata,
          ...(tags?.length ? { tags } : {}),
          ...(acl && { acl }),
          checksum: storedChecksum(cipher, stored.checksums),
          encryption: cipher.wrapped,
          body: stored.part,
        };
        const version = { objectId: objectId.toString('hex'), ownerAccountId, content: copied };
        let record: ObjectRecord;
        try {
          record = await services.objects.put(facts.bucket, key, version, {
            condition: (current, bucket) => {
              checkWrite(input.condition, key, current);
              // The source's own lock is not copied.
              applyLock(copied, input.lock, bucket, services.clock.now());
            },
            alongside: (commit) => stored.writer.attach(commit),
          });
        } catch (error) {
          await stored.writer.abort(error instanceof OutcomeUnknown);
          throw error;
        }
        services.sweep();
        const sourceVersion = source.bucket.versioning === undefined ? undefined : source.record.versionId;
        return {
          bucket,
          record,
          checksum: stored.checksums.checksum,
          sourceVersion,
          versioned: target.versioning !== undefined,
          expiration: await expirationHeader(services, target, key, record),
        };
      } finally {
        cipher.dispose();
      }
    } finally {
      await source.close();
      input.sourceKey?.key.dispose();
      if (input.encryption?.mode === 'SSE-C') input.encryption.customer.key.dispose();
    }
  },
  reply: ({ record, checksum, sourceVersion, versioned, expiration }, { encryption }) => {
    const content = record.content!;
    return {
      headers: {
        'x-amz-copy-source-version-id': sourceVersion,
        'x-amz-version-id': versioned ? record.versionId : undefined,
        'x-amz-expiration': expiration,
        ...encryptionHeaders(content.encryption, encryption?.mode === 'SSE-C' ? encryption.customer : undefined, {
          context: true,
        }),
      },
      xml: ['CopyObjectResult', copyResult(record, content.etag, checksum)],
    };
  },
});

function copyResult(record: ObjectRecord, etag: string, checksum: Parameters<typeof checksumNodes>[0]) {
  return [['LastModified', isoDate(record.lastModifiedMs)], ['ETag', `"${etag}"`], ...checksumNodes(checksum)] as const;
}

/** The redirect is no part of what `COPY` copies. */
function keepSystem(content: ObjectContent, redirect: string | undefined): ObjectContent['system'] {
  const { websiteRedirectLocation: _, ...system } = content.system;
  return redirect === undefined ? system : { ...system, websiteRedirectLocation: redirect };
}

/**
 * Copying an object onto itself must change something; that the bucket's default is another mode than the source's is a change,
 * too, whatever the source's is. Only the latest version counts: from an older one it restores that.
 */
function refuseUnchanged(
  input: {
    bucket: string;
    key: string;
    source: { bucket: string; key: string; versionId?: string };
    metadataDirective: 'COPY' | 'REPLACE';
    storageClassSent: string | undefined;
    encryption: unknown;
    system: { websiteRedirectLocation?: string };
  },
  bucket: BucketRecord,
  otherMode: boolean,
): void {
  const { source } = input;
  // Without versioning the null version is the only one there is.
  const latest = source.versionId === undefined || (source.versionId === 'null' && bucket.versioning === undefined);
  const same = source.bucket === input.bucket && source.key === input.key && latest;
  const changes =
    input.metadataDirective === 'REPLACE' ||
    input.storageClassSent !== undefined ||
    input.encryption !== undefined ||
    otherMode ||
    input.system.websiteRedirectLocation !== undefined ||
    bucket.encryption.explicit;
  if (!same || changes) return;
  throw new S3Error('InvalidRequest', {
    message:
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
  });
}

/** `x-amz-source-expected-bucket-owner`. */
export function requireOwner(expected: string | undefined, bucket: BucketRecord): void {
  if (expected !== undefined && expected !== bucket.ownerAccountId) throw new S3Error('AccessDenied');
}
