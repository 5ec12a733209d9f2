import { randomId } from '../../base/ids.js';
import { PUT_MAX_BYTES } from '../../base/limits.js';
import { OutcomeUnknown } from '../../store/errors.js';
import type { PutOptions } from '../../store/objects.js';
import type { ObjectContent, ObjectRecord } from '../../store/records.js';
import { needsOfAcl } from '../acl/new-object.js';
import { storeBody, storedChecksum } from '../body/store-body.js';
import { checksumHeaders } from '../checksum/headers.js';
import { uploadChecksums } from '../checksum/upload-checksums.js';
import { chooseEncryption } from '../encryption/choose.js';
import { createCipher } from '../encryption/create-cipher.js';
import { encryptionHeaders } from '../encryption/headers.js';
import { S3Error } from '../error.js';
import { aclHeaders } from '../fields/acl.js';
import { checkWrite, writeCondition } from '../fields/conditions.js';
import { bucketKeyEnabled, encryption } from '../fields/encryption.js';
import { systemMetadata, userMetadata } from '../fields/metadata.js';
import { objectLock } from '../fields/object-lock.js';
import { storageClass } from '../fields/storage-class.js';
import { tagging } from '../fields/tagging.js';
import { expirationHeader } from '../lifecycle/headers.js';
import { applyLock, lockOfNewVersion, lockPermissions, requireDigestOfLocked } from '../object-lock.js';
import { objectArn, operation } from '../operation.js';
import { changeReplica, findReplica, ownerOf, putVersion, tagsOf } from '../replication/receive.js';
import { requireReplicable } from '../replication/refuse.js';
import { needsOfReplica, replica } from '../replication/replica-header.js';

export const putObject = operation({
  name: 'PutObject',
  route: { method: 'PUT', on: 'object' },
  input: {
    encryption,
    bucketKeyEnabled,
    system: systemMetadata,
    metadata: userMetadata,
    tags: tagging,
    storageClass,
    condition: writeCondition,
    acl: aclHeaders,
    lock: objectLock,
    replica,
  },
  body: { kind: 'stream' },
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
  errors: [
    'EntityTooLarge',
    'IncompleteBody',
    'InvalidArgument',
    'InvalidRequest',
    'MethodNotAllowed',
    'MissingContentLength',
    'NoSuchVersion',
    'PreconditionFailed',
  ],
  async handle(input, context) {
    const { key } = input;
    const { facts, services, body, fields } = context;
    // A form doesn't say how long its file is; its reader bounds it.
    if (!fields.form) requireLength(body.length);
    const { replica } = input;
    const known = replica?.changes
      ? await changeReplica(replica, { tags: input.tags, lock: input.lock }, key, context)
      : await findReplica(replica, key, context);
    if (known) return { record: known, content: known.content, checksum: undefined, expiration: undefined };
    const { ownerAccountId, acl } = ownerOf(replica, input.acl, key, context);
    const tags = tagsOf(replica, input.tags, key, context);
    // Before the body is taken; the commit looks at the bucket again.
    lockOfNewVersion(input.lock, facts.bucket.record, services.clock.now());
    requireDigestOfLocked(input.lock, facts.bucket.record, fields.headers, 'Object');
    const choice = chooseEncryption(input.encryption, input.bucketKeyEnabled, facts.bucket.record, context);
    await requireReplicable(context, { key, tags: input.tags ?? [], mode: choice.mode });
    const objectId = randomId();
    const checksums = await uploadChecksums(fields.headers, { md5: choice.mode === 'SSE-S3' });
    const cipher = await createCipher(context, choice, facts.bucket.record, key, objectId, replica !== undefined);
    try {
      const stored = await storeBody(services, { objectId, cipher }, body, checksums);
      const content: ObjectContent = {
        size: stored.part.size,
        etag: stored.etag,
        storageClass: input.storageClass,
        system: input.system,
        metadata: input.metadata,
        ...(tags?.length ? { tags } : {}),
        ...(acl && { acl }),
        checksum: storedChecksum(cipher, stored.checksums),
        encryption: cipher.wrapped,
        body: stored.part,
      };
      const version = { objectId: objectId.toString('hex'), ownerAccountId, content };
      const options: PutOptions = {
        condition: (current, bucket) => {
          checkWrite(input.condition, key, current);
          applyLock(content, input.lock, bucket, services.clock.now());
        },
        alongside: (commit) => stored.writer.attach(commit),
      };
      let record: ObjectRecord;
      try {
        const put = await putVersion(replica, key, version, options, context);
        record = put.record;
        if (!put.isNew) await stored.writer.abort();
      } catch (error) {
        await stored.writer.abort(error instanceof OutcomeUnknown);
        throw error;
      }
      services.sweep();
      const expiration = await expirationHeader(services, facts.bucket.record, key, record);
      return { record, content, checksum: stored.checksums.checksum, expiration };
    } finally {
      cipher.dispose();
      if (choice.mode === 'SSE-C') choice.customer.key.dispose();
    }
  },
  reply: ({ record, content, checksum, expiration }, { encryption }) => ({
    headers: {
      etag: content && `"${content.etag}"`,
      ...(checksum && checksumHeaders(checksum)),
      'x-amz-version-id': record.versionId === 'null' ? undefined : record.versionId,
      'x-amz-expiration': expiration,
      ...(content &&
        encryptionHeaders(content.encryption, encryption?.mode === 'SSE-C' ? encryption.customer : undefined, {
          context: true,
        })),
    },
  }),
});

/** S3 has to know how much will come. */
export function requireLength(length: number | undefined): asserts length is number {
  if (length === undefined) throw new S3Error('MissingContentLength');
  if (length > PUT_MAX_BYTES) {
    throw new S3Error('EntityTooLarge', {
      extra: { ProposedSize: String(length), MaxSizeAllowed: String(PUT_MAX_BYTES) },
    });
  }
}
