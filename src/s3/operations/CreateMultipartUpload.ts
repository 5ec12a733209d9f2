import { randomId } from '../../base/ids.js';
import type { UploadRecord } from '../../store/records.js';
import { needsOfAcl } from '../acl/new-object.js';
import { multipartChecksum } from '../checksum/multipart.js';
import { chooseEncryption } from '../encryption/choose.js';
import { createCipher } from '../encryption/create-cipher.js';
import { encryptionHeaders } from '../encryption/headers.js';
import { S3Error } from '../error.js';
import { aclHeaders } from '../fields/acl.js';
import { bucketKeyEnabled, encryption } from '../fields/encryption.js';
import { systemMetadata, userMetadata } from '../fields/metadata.js';
import { objectLock } from '../fields/object-lock.js';
import { storageClass } from '../fields/storage-class.js';
import { tagging } from '../fields/tagging.js';
import { abortHeaders } from '../lifecycle/headers.js';
import { createdWith } from '../multipart/created-with.js';
import { newUploadId } from '../multipart/new-upload-id.js';
import { lockOfNewVersion, lockPermissions } from '../object-lock.js';
import { objectArn, operation } from '../operation.js';
import { abortEarlierUploads, ownerOf, tagsOf } from '../replication/receive.js';
import { requireReplicable } from '../replication/refuse.js';
import { needsOfReplica, replica } from '../replication/replica-header.js';

export const createMultipartUpload = operation({
  name: 'CreateMultipartUpload',
  route: { method: 'POST', on: 'object', query: ['uploads'] },
  input: {
    encryption,
    bucketKeyEnabled,
    system: systemMetadata,
    metadata: userMetadata,
    tags: tagging,
    storageClass,
    checksum: multipartChecksum,
    acl: aclHeaders,
    lock: objectLock,
    replica,
  },
  facts: ['bucket'],
  needs: ({ bucket, key, tags, acl, lock, replica }) =>
    replica
      ? needsOfReplica(replica, bucket, key)
      : [
          { action: 's3:PutObject', resource: objectArn(bucket, key) },
          ...(tags ? [{ action: 's3:PutObjectTagging', resource: objectArn(bucket, key) } as const] : []),
          ...needsOfAcl(acl, objectArn(bucket, key)),
          ...lockPermissions(lock, bucket, key),
        ],
  errors: ['InvalidArgument', 'InvalidRequest', 'InvalidStorageClass'],
  async handle(input, context) {
    const { bucket, key } = input;
    const { facts, services, caller } = context;
    const nowMs = services.clock.now();
    lockOfNewVersion(input.lock, facts.bucket.record, nowMs);
    const { replica } = input;
    const { ownerAccountId, acl } = ownerOf(replica, input.acl, key, context);
    const tags = tagsOf(replica, input.tags, key, context);
    const choice = chooseEncryption(input.encryption, input.bucketKeyEnabled, facts.bucket.record, context);
    await requireReplicable(context, { key, tags: input.tags ?? [], mode: choice.mode });
    if (replica) await abortEarlierUploads(replica, key, context);
    const objectId = randomId();
    const cipher = await createCipher(context, choice, facts.bucket.record, key, objectId, replica !== undefined);
    cipher.dispose();
    if (choice.mode === 'SSE-C') choice.customer.key.dispose();
    const current = await services.objects.find(facts.bucket.record.bucketId, key);
    const record: UploadRecord = {
      uploadId: newUploadId(nowMs, key),
      key,
      objectId: objectId.toString('hex'),
      initiatedMs: nowMs,
      ownerAccountId,
      initiatorArn: caller.kind === 'root' ? caller.canonicalUserId : caller.arn,
      initiatorName: caller.displayName,
      storageClass: input.storageClass,
      system: input.system,
      metadata: input.metadata,
      ...(tags?.length ? { tags } : {}),
      ...(acl && { acl }),
      ...(input.lock ? { lock: input.lock } : {}),
      checksum: input.checksum,
      encryption: cipher.wrapped,
      createdWith: createdWith(context.fields),
      ...(replica && { replica: { versionId: replica.versionId, lastModifiedMs: replica.lastModifiedMs } }),
      ...(current?.record.content ? { replacesObjectId: current.record.objectId } : {}),
    };
    for (let stored = facts.bucket; ; ) {
      if (await services.uploads.create(stored, record)) break;
      const fresh = await services.buckets.get(bucket);
      if (fresh?.record.bucketId !== stored.record.bucketId) {
        throw new S3Error('NoSuchBucket', { extra: { BucketName: bucket } });
      }
      stored = fresh;
    }
    return { record, abort: await abortHeaders(services, facts.bucket.record, record) };
  },
  reply: ({ record, abort }, { bucket, key, encryption }) => ({
    headers: {
      ...abort,
      ...encryptionHeaders(record.encryption, encryption?.mode === 'SSE-C' ? encryption.customer : undefined, {
        context: true,
      }),
      'x-amz-checksum-algorithm': record.checksum.default ? undefined : record.checksum.algorithm,
      'x-amz-checksum-type': record.checksum.default ? undefined : record.checksum.type,
    },
    xml: [
      'InitiateMultipartUploadResult',
      [
        ['Bucket', bucket],
        ['Key', key],
        ['UploadId', record.uploadId],
      ],
    ],
  }),
});
