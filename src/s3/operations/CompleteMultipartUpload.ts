import { createHash } from 'node:crypto';
import { PART_MIN_BYTES, PART_NUMBER_MAX } from '../../base/limits.js';
import type { XmlTree } from '../../base/xml/ports.js';
import { untilCommitted } from '../../store/conflict.js';
import type {
  ManifestPart,
  ObjectContent,
  ObjectRecord,
  PartRecord,
  StoredChecksum,
  UploadRecord,
} from '../../store/records.js';
import type { Stored } from '../../store/table.js';
import { PartsChanged, UploadGone, type UploadParts } from '../../store/uploads.js';
import { checksumNodes } from '../checksum/headers.js';
import { type CompleteChecksums, completeChecksums } from '../checksum/multipart.js';
import type { Checksum } from '../checksum/upload-checksums.js';
import { requirePrivateTransport } from '../encryption/choose.js';
import { encryptionHeaders } from '../encryption/headers.js';
import { isUnderKms } from '../encryption/key-target.js';
import type { ObjectCipher } from '../encryption/object-cipher.js';
import { openCipher } from '../encryption/open-cipher.js';
import { S3Error } from '../error.js';
import { checkWrite, type WriteCondition, writeCondition } from '../fields/conditions.js';
import { customerKey } from '../fields/customer-key.js';
import { header } from '../fields/field.js';
import { noSuchUpload, uploadId } from '../fields/upload-id.js';
import { malformed, only, requiredText, text, xmlBody } from '../fields/xml.js';
import { expirationHeader } from '../lifecycle/headers.js';
import { applyLock } from '../object-lock.js';
import { type InputOf, type OperationContext, objectArn, operation } from '../operation.js';
import { openChecksum, requireMatchingKey } from '../read.js';
import { putVersion, requireSameReplica } from '../replication/receive.js';
import { needsOfReplica, replica } from '../replication/replica-header.js';
import { endpointOf, objectUrl } from '../urls.js';

export interface ListedPart {
  partNumber: number;
  etag: string;
  /** By algorithm, `CRC32` …, as sent. */
  checksums: ReadonlyMap<string, string>;
}

const input = {
  uploadId,
  listed: xmlBody(decode),
  condition: writeCondition,
  customerKey,
  objectSize: header('x-amz-mp-object-size'),
  replica,
};
type Input = InputOf<typeof input>;

export const completeMultipartUpload = operation({
  name: 'CompleteMultipartUpload',
  route: { method: 'POST', on: 'object', query: ['uploadId'] },
  input,
  body: { kind: 'xml', root: 'CompleteMultipartUpload', required: false, integrity: 'none' },
  facts: ['bucket', 'upload'],
  needs: ({ bucket, key, replica }) =>
    replica ? needsOfReplica(replica, bucket, key) : [{ action: 's3:PutObject', resource: objectArn(bucket, key) }],
  errors: [
    'BadDigest',
    'ConditionalRequestConflict',
    'EntityTooSmall',
    'InvalidPart',
    'InvalidPartOrder',
    'InvalidRequest',
    'MalformedXML',
    'NoSuchUpload',
    'PreconditionFailed',
  ],
  async handle(input, context) {
    const { customerKey, uploadId } = input;
    if (customerKey) requirePrivateTransport(context);
    try {
      return await context.services.uploads.alone(uploadId, () => untilCommitted(() => complete(input, context)));
    } catch (error) {
      // By somebody else, between the reading of the upload and the commit.
      if (error instanceof UploadGone) return await completedBefore(input, context);
      throw error;
    } finally {
      customerKey?.key.dispose();
    }
  },
  reply: ({ record, checksum, expiration, location }, { bucket, key, customerKey }) => ({
    headers: {
      'x-amz-version-id': record.versionId === 'null' ? undefined : record.versionId,
      'x-amz-expiration': expiration,
      ...encryptionHeaders(record.content!.encryption, customerKey),
    },
    xml: [
      'CompleteMultipartUploadResult',
      [
        ['Location', location],
        ['Bucket', bucket],
        ['Key', key],
        ['ETag', `"${record.content!.etag}"`],
        ...(checksum ? checksumNodes(checksum) : []),
      ],
    ],
  }),
});

/** Undefined: parts were put meanwhile, by another process. */
async function complete(input: Input, context: OperationContext): Promise<Completed | undefined> {
  const { key, uploadId, listed, condition, customerKey } = input;
  const { services, facts, fields } = context;
  const found = await services.uploads.find(facts.bucket.record.bucketId, key, uploadId);
  if (!found) return completedBefore(input, context);
  if (!listed) throw new S3Error('InvalidRequest', { message: 'You must specify at least one part' });
  requireOrder(listed, uploadId);
  const upload = found.record;
  requireSameReplica(input.replica, upload);
  if (customerKey) requireMatchingKey(upload, customerKey);
  const stored = await services.uploads.allParts(found);
  const chosen = choose(listed, stored.parts, upload);
  const checksums = completeChecksums(fields.headers, upload.checksum, listed);
  requireSizes(chosen, input.objectSize);
  const cipher = await cipherOf(context, upload, customerKey);
  try {
    const checksum = await combine(checksums, chosen, upload, cipher);
    const parts = chosen.map(({ lastModifiedMs: _, ...part }): ManifestPart => part);
    const manifest = await services.manifests.write(upload.objectId, parts);
    const content: ObjectContent = {
      size: parts.reduce((sum, part) => sum + part.size, 0),
      etag: multipartEtag(parts),
      storageClass: upload.storageClass,
      system: upload.system,
      metadata: upload.metadata,
      ...(upload.tags ? { tags: upload.tags } : {}),
      ...(upload.acl && { acl: upload.acl }),
      ...(checksum ? { checksum: checksum.stored } : {}),
      encryption: upload.encryption,
      body: { manifest },
      uploadId,
      ...(upload.createdWith && { createdWith: upload.createdWith }),
    };
    let record: ObjectRecord;
    try {
      record = await commit(context, found, key, content, condition, stored, unlisted(stored.parts, chosen));
    } catch (error) {
      // What may have been committed keeps its pages.
      const isRefused = error instanceof PartsChanged || error instanceof UploadGone || error instanceof S3Error;
      if (isRefused) await services.manifests.discard(upload.objectId, manifest);
      if (error instanceof PartsChanged) return undefined;
      throw error;
    }
    services.sweep();
    return await completed(context, key, record, checksum?.answered);
  } finally {
    cipher?.dispose();
  }
}

/** A client that lost the first answer asks again: it gets the same one while the object is the current version. */
async function completedBefore(
  { key, uploadId, replica, customerKey }: Input,
  context: OperationContext,
): Promise<Completed> {
  const { bucketId } = context.facts.bucket.record;
  const current = await context.services.objects.find(bucketId, key, replica?.versionId);
  const record = current?.record;
  if (!record || record.content?.uploadId !== uploadId) throw noSuchUpload(uploadId);
  const { checksum, encryption } = record.content;
  if (!checksum) return completed(context, key, record, undefined);
  let cipher: ObjectCipher | undefined;
  try {
    if (checksum.sealed !== undefined && !isUntold(checksum, encryption)) {
      if (encryption.mode === 'SSE-C' && !customerKey) return completed(context, key, record, undefined);
      cipher = await openCipher(context, encryption, key, record.objectId, customerKey);
    }
    const told = isUntold(checksum, encryption) ? undefined : openChecksum(checksum, cipher);
    return await completed(context, key, record, told);
  } finally {
    cipher?.dispose();
  }
}

/** Under a KMS key AWS doesn't tell the checksum that nobody asked for. */
const isUntold = (checksum: { default?: true }, { mode }: UploadRecord['encryption']): boolean =>
  checksum.default === true && isUnderKms(mode);

interface Completed {
  record: ObjectRecord;
  checksum: Checksum | undefined;
  expiration: string | undefined;
  location: string;
}

async function completed(
  context: OperationContext,
  key: string,
  record: ObjectRecord,
  checksum: Checksum | undefined,
): Promise<Completed> {
  const { services, facts } = context;
  const bucket = facts.bucket.record;
  return {
    record,
    checksum: checksum && isUntold(record.content!.checksum!, record.content!.encryption) ? undefined : checksum,
    expiration: await expirationHeader(services, bucket, key, record),
    location: objectUrl(endpointOf(context), bucket.name, key),
  };
}

function requireOrder(listed: readonly ListedPart[], uploadId: string): void {
  for (let i = 1; i < listed.length; i++) {
    if (listed[i]!.partNumber <= listed[i - 1]!.partNumber) {
      throw new S3Error('InvalidPartOrder', { extra: { UploadId: uploadId } });
    }
  }
}

/** The stored parts that the request lists. A part's checksum is compared with what was stored, an ETag always. */
function choose(listed: readonly ListedPart[], stored: readonly PartRecord[], upload: UploadRecord): PartRecord[] {
  const byNumber = new Map(stored.map((part) => [part.partNumber, part]));
  return listed.map((wanted) => {
    const part = byNumber.get(wanted.partNumber);
    if (part?.etag !== wanted.etag) throw invalidPart(wanted, upload.uploadId);
    return part;
  });
}

function invalidPart(wanted: ListedPart, uploadId: string): S3Error {
  return new S3Error('InvalidPart', {
    extra: { UploadId: uploadId, PartNumber: String(wanted.partNumber), ETag: wanted.etag },
  });
}

function requireSizes(chosen: readonly PartRecord[], declared: string | undefined): void {
  chosen.forEach((part, i) => {
    if (i === chosen.length - 1 || part.size >= PART_MIN_BYTES) return;
    throw new S3Error('EntityTooSmall', {
      extra: {
        ProposedSize: String(part.size),
        MinSizeAllowed: String(PART_MIN_BYTES),
        PartNumber: String(part.partNumber),
        ETag: part.etag,
      },
    });
  });
  if (declared === undefined) return;
  const size = chosen.reduce((sum, part) => sum + part.size, 0);
  if (declared !== String(size)) {
    throw new S3Error('InvalidRequest', {
      message: `The provided 'x-amz-mp-object-size' header value ${declared} does not match what was computed: ${size}`,
    });
  }
}

/** The parts' checksums are sealed under the data key where it is the customer's or a KMS's: combining them needs it. */
async function cipherOf(
  context: OperationContext,
  upload: UploadRecord,
  key: Parameters<typeof openCipher>[4],
): Promise<ObjectCipher | undefined> {
  const { mode } = upload.encryption;
  if (mode === 'SSE-S3') return undefined;
  // The customer's key is optional here on AWS; without it the object has no checksum of its own.
  if (mode === 'SSE-C' && !key) return undefined;
  return openCipher(context, upload.encryption, upload.key, upload.objectId, key);
}

async function combine(
  checksums: CompleteChecksums,
  chosen: readonly PartRecord[],
  upload: UploadRecord,
  cipher: ObjectCipher | undefined,
): Promise<{ stored: StoredChecksum; answered: Checksum } | undefined> {
  const { algorithm, type } = upload.checksum;
  const parts = chosen.map((part) => {
    if (!part.checksum || (part.checksum.sealed !== undefined && !cipher)) return undefined;
    const { value } = openChecksum({ algorithm, type, ...part.checksum }, cipher);
    return { partNumber: part.partNumber, size: part.size, value };
  });
  const known = parts.filter((part) => part !== undefined);
  if (known.length < parts.length) return undefined;
  const wrong = checksums.firstMismatch(known);
  if (wrong !== undefined) {
    const part = chosen.find((one) => one.partNumber === wrong)!;
    throw invalidPart({ partNumber: wrong, etag: part.etag, checksums: new Map() }, upload.uploadId);
  }
  const answered = await checksums.combine(known);
  const kind = { algorithm, type, ...(upload.checksum.default && { default: true as const }) };
  const stored: StoredChecksum = cipher
    ? { ...kind, sealed: cipher.sealText(answered.value) }
    : { ...kind, value: answered.value };
  return { stored, answered };
}

/** MD5 of the parts' MD5s and their number; where parts have none (SSE-C, KMS), of their opaque ETags: as opaque. */
function multipartEtag(parts: readonly ManifestPart[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(Buffer.from(part.etag, 'hex'));
  return `${hash.digest('hex')}-${parts.length}`;
}

function unlisted(stored: readonly PartRecord[], chosen: readonly PartRecord[]): PartRecord[] {
  const kept = new Set(chosen.map((part) => part.partNumber));
  return stored.filter((part) => !kept.has(part.partNumber));
}

async function commit(
  context: OperationContext,
  upload: Stored<UploadRecord>,
  key: string,
  content: ObjectContent,
  condition: WriteCondition | undefined,
  stored: UploadParts,
  dropped: PartRecord[],
): Promise<ObjectRecord> {
  const { services } = context;
  const { objectId, replacesObjectId, uploadId, ownerAccountId, replica } = upload.record;
  const put = await putVersion(
    replica,
    key,
    { objectId, ownerAccountId, content },
    {
      condition: (current, bucket) => {
        // This very upload made it: that is no other object.
        if (current?.content?.uploadId === uploadId) throw new UploadGone(uploadId);
        checkWrite(condition, key, current);
        applyLock(content, upload.record.lock, bucket, services.clock.now());
        if (
          condition &&
          current?.objectId !== replacesObjectId &&
          (current?.content || replacesObjectId !== undefined)
        ) {
          const name = 'ifMatch' in condition ? 'If-Match' : 'If-None-Match';
          throw new S3Error('ConditionalRequestConflict', { extra: { Condition: name, Key: key } });
        }
      },
      stillValid: () => services.uploads.requireUnchanged(upload, stored),
      alongside: (builder) => services.uploads.complete(builder, upload, stored, dropped),
    },
    context,
  );
  if (!put.isNew) await services.uploads.abort(upload);
  return put.record;
}

const CHECKSUM = /^Checksum([A-Z0-9]+)$/;

/** Undefined: no body. An empty list is not in the schema. */
function decode(tree: XmlTree | undefined): ListedPart[] | undefined {
  if (!tree) return undefined;
  only(tree, ['Part']);
  if (tree.children.length === 0 || tree.children.length > PART_NUMBER_MAX) throw malformed();
  return tree.children.map((part) => {
    const partNumber = Number(requiredText(part, 'PartNumber').trim());
    if (partNumber < 1) {
      throw new S3Error('InvalidArgument', {
        message: 'PartNumber must be >= 1',
        extra: { ArgumentName: 'PartNumber', ArgumentValue: String(partNumber) },
      });
    }
    if (!Number.isInteger(partNumber) || partNumber > PART_NUMBER_MAX) {
      throw new S3Error('InvalidArgument', {
        message: `Part number must be an integer between 1 and ${PART_NUMBER_MAX}, inclusive`,
        extra: { ArgumentName: 'partNumber', ArgumentValue: requiredText(part, 'PartNumber') },
      });
    }
    const etag = requiredText(part, 'ETag')
      .trim()
      .replace(/^"(.*)"$/, '$1');
    const checksums = new Map<string, string>();
    for (const child of part.children) {
      const algorithm = CHECKSUM.exec(child.name)?.[1];
      if (algorithm) checksums.set(algorithm, text(part, child.name)!.trim());
      else if (child.name !== 'PartNumber' && child.name !== 'ETag') throw malformed();
    }
    return { partNumber, etag, checksums };
  });
}
