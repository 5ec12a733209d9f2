import type { SseCWrap } from '../encryption/sse-c.js';
import { StoreDamaged } from '../store/errors.js';
import type { FoundVersion } from '../store/objects.js';
import type { BlobSnapshot } from '../store/ports.js';
import type { ObjectContent, ObjectRecord, StoredChecksum } from '../store/records.js';
import { VersionReplaced } from './body/reader.js';
import { findPart, liesInline, readVersion } from './body/version-body.js';
import { checksumHeaders } from './checksum/headers.js';
import { requirePrivateTransport } from './encryption/choose.js';
import { encryptionHeaders } from './encryption/headers.js';
import type { ObjectCipher } from './encryption/object-cipher.js';
import { openCipher, requireRightKey } from './encryption/open-cipher.js';
import { S3Error } from './error.js';
import { checkRead, type ReadConditions, rangeHolds } from './fields/conditions.js';
import type { CustomerKey } from './fields/customer-key.js';
import { systemMetadataHeaders, userMetadataHeaders } from './fields/metadata.js';
import { type ByteRange, parseRange } from './fields/range.js';
import { expirationHeader } from './lifecycle/headers.js';
import { lockHeaders } from './object-lock.js';
import { bucketArn, type OperationContext, objectArn, type Permission, type Reply } from './operation.js';
import { requireVersion } from './require-version.js';
import { isOutOfReach, restoreHeader } from './restore.js';
import { versionHeader } from './version-header.js';

export interface ReadInput {
  key: string;
  versionId: string | undefined;
  partNumber: number | undefined;
  range: string | undefined;
  ifRange: string | undefined;
  checksumMode: string | undefined;
  conditions: ReadConditions;
  customerKey: CustomerKey | undefined;
  overrides: Record<string, string>;
}

/** GetObject and HeadObject, which differ in the body alone. */
export async function readObject(input: ReadInput, context: OperationContext, withBody: boolean): Promise<Reply> {
  try {
    return await readAgain(input, context, withBody);
  } finally {
    input.customerKey?.key.dispose();
  }
}

/**
 * A version may be overwritten between the reading of its record and of its body: then the new one is read, from a new snapshot.
 * What names no blobs is read without one: most reads are of small objects.
 */
async function readAgain(input: ReadInput, context: OperationContext, withBody: boolean): Promise<Reply> {
  const { facts, services } = context;
  let found = facts.object;
  /** That version's body was looked for, and wasn't there. */
  let missed = false;
  const content = found?.record.content;
  if (!withBody || !content || liesInline(content)) {
    try {
      return await readFound(input, context, withBody, found, undefined);
    } catch (error) {
      if (!(error instanceof VersionReplaced)) throw error;
      missed = true;
    }
  }
  for (;;) {
    const snapshot = services.blobs.snapshot();
    try {
      // Before the snapshot was taken, the sweeper may have taken what the record names.
      const fresh = await services.objects.find(facts.bucket.record.bucketId, input.key, input.versionId);
      const unchanged = found !== undefined && fresh?.revision.equals(found.revision);
      if (!unchanged) requireReadable(input, context, fresh);
      else if (missed) throw new StoreDamaged('the body of an object is missing');
      found = fresh;
      missed = true;
      const reply = await readFound(input, context, withBody, fresh, snapshot);
      const { stream } = reply;
      if (!stream) await snapshot.close();
      else {
        const close = stream.close?.bind(stream);
        stream.close = async () => {
          await close?.();
          await snapshot.close();
        };
      }
      return reply;
    } catch (error) {
      await snapshot.close();
      if (!(error instanceof VersionReplaced)) throw error;
    }
  }
}

/** Whom the ACL and the tags of the version let in that was there, those of the new one may not. @throws AccessDenied */
function requireReadable(
  { key, versionId }: ReadInput,
  { require, facts }: OperationContext,
  found: FoundVersion | undefined,
): void {
  const bucket = facts.bucket.record;
  require(readPermission(bucket.name, key, versionId), bucket, found?.record ?? 'absent');
  if (!found?.record.content) require({ action: 's3:ListBucket', resource: bucketArn(bucket.name), apart: {} }, bucket);
}

/** Of GetObject and HeadObject. */
export const readPermission = (bucket: string, key: string, versionId: string | undefined): Permission => ({
  action: versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion',
  resource: objectArn(bucket, key),
});

async function readFound(
  input: ReadInput,
  context: OperationContext,
  withBody: boolean,
  found: FoundVersion | undefined,
  snapshot: BlobSnapshot | undefined,
): Promise<Reply> {
  const { services, caller, fields } = context;
  if (input.customerKey) requirePrivateTransport(context);
  const { record, content } = requireVersion(found, {
    method: fields.method,
    key: input.key,
    versionId: input.versionId,
  });
  if (caller.kind === 'anonymous' && Object.keys(input.overrides).length > 0) {
    throw new S3Error('InvalidRequest', {
      message: 'Request specific response headers cannot be used for anonymous GET requests.',
    });
  }
  if (withBody && isOutOfReach(content, services.clock.now())) {
    throw new S3Error('InvalidObjectState', {
      extra: { StorageClass: content.storageClass },
      headers: { 'x-amz-storage-class': content.storageClass },
    });
  }
  requireMatchingKey(content, input.customerKey);
  checkRead(input.conditions, content.etag, record.lastModifiedMs, services.clock.now());
  // A version that is asked for by its id is told nothing of what becomes of the current one.
  const expiration =
    input.versionId === undefined
      ? await expirationHeader(services, context.facts.bucket.record, input.key, record)
      : undefined;
  const selected =
    input.partNumber === undefined
      ? selectBytes(input, record, content)
      : await selectPart(input, context, record, content);
  const checksumWanted = input.checksumMode?.toUpperCase() === 'ENABLED' && selected.checksum !== undefined;
  const needsKey = withBody || (checksumWanted && selected.checksum?.sealed !== undefined);
  // A HEAD opens nothing, but is told only to whom has the key.
  if (!needsKey && content.encryption.mode === 'SSE-C') {
    requireRightKey(context, content.encryption as SseCWrap, input.key, record.objectId, input.customerKey!);
  }
  let cipher: ObjectCipher | undefined;
  try {
    cipher = needsKey
      ? await openCipher(context, content.encryption, input.key, record.objectId, input.customerKey)
      : undefined;
    const checksum = checksumWanted ? openChecksum(selected.checksum!, cipher) : undefined;
    const { start, end } = selected.range ?? { start: 0, end: content.size };
    const headers = describe(input, record, content, context);
    headers['x-amz-expiration'] = expiration;
    if (checksum) Object.assign(headers, checksumHeaders(checksum));
    Object.assign(headers, encryptionHeaders(content.encryption, input.customerKey), input.overrides);
    headers['accept-ranges'] = 'bytes';
    headers['content-length'] = String(end - start);
    if (selected.range) headers['content-range'] = `bytes ${start}-${end - 1}/${content.size}`;
    if (selected.partsCount !== undefined) headers['x-amz-mp-parts-count'] = String(selected.partsCount);
    const reply: Reply = { status: selected.range ? 206 : 200, headers };
    if (!withBody || !cipher) return reply;
    const body = await readVersion(services, snapshot, record, cipher, { start, end }, services.answerBudget);
    const held = cipher;
    cipher = undefined;
    reply.stream = {
      length: body.length,
      pump: (sink) => body.pump(sink),
      ...(body.lend && { lend: (borrow, signal) => body.lend!(borrow, signal) }),
      async close() {
        await body.close();
        held.dispose();
      },
    };
    return reply;
  } finally {
    cipher?.dispose();
  }
}

interface Selected {
  range: ByteRange | undefined;
  partsCount?: number;
  /** Of what is sent: the object's for all of it, the part's for a part, none for a range. */
  checksum: StoredChecksum | undefined;
}

function selectBytes(input: ReadInput, record: ObjectRecord, content: ObjectContent): Selected {
  const counts = rangeHolds(input.ifRange, content.etag, record.lastModifiedMs);
  const range = counts ? parseRange(input.range, content.size) : undefined;
  const whole = !range || (range.start === 0 && range.end === content.size);
  return { range, checksum: whole ? content.checksum : undefined };
}

async function selectPart(
  input: ReadInput,
  { services }: OperationContext,
  record: ObjectRecord,
  content: ObjectContent,
): Promise<Selected> {
  if (input.range !== undefined) {
    throw new S3Error('InvalidRequest', { message: 'Cannot specify both Range header and partNumber query parameter' });
  }
  const unsatisfiable = (count: number): S3Error =>
    new S3Error('InvalidPartNumber', {
      extra: { ActualPartCount: String(count), PartNumberRequested: String(input.partNumber) },
    });
  if (!('manifest' in content.body)) {
    if (input.partNumber !== 1) throw unsatisfiable(1);
    // An empty object has no range that could be named.
    return { range: content.size === 0 ? undefined : { start: 0, end: content.size }, checksum: content.checksum };
  }
  const { manifest } = content.body;
  const found = await findPart(services.manifests, record.objectId, manifest, input.partNumber!);
  if (!found) throw unsatisfiable(manifest.parts);
  const { part, offset } = found;
  const checksum =
    part.checksum && content.checksum && !content.checksum.default
      ? { algorithm: content.checksum.algorithm, type: content.checksum.type, ...part.checksum }
      : undefined;
  return { range: { start: offset, end: offset + part.size }, partsCount: manifest.parts, checksum };
}

/** Is a customer's key given exactly where the object has one? Whether it is the right one shows when it opens the data key. */
export function requireMatchingKey(
  { encryption }: Pick<ObjectContent, 'encryption'>,
  customerKey: CustomerKey | undefined,
): void {
  const customer = encryption.mode === 'SSE-C';
  if (customer && !customerKey) {
    throw new S3Error('InvalidRequest', {
      message:
        'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
    });
  }
  if (!customer && customerKey) {
    throw new S3Error('InvalidRequest', { message: 'The encryption parameters are not applicable to this object.' });
  }
}

export function openChecksum(
  stored: StoredChecksum,
  cipher: ObjectCipher | undefined,
): { algorithm: string; type: 'FULL_OBJECT' | 'COMPOSITE'; value: string } {
  const value = stored.sealed !== undefined ? cipher!.openText(stored.sealed) : stored.value!;
  return { algorithm: stored.algorithm, type: stored.type, value };
}

function describe(
  { key, versionId }: ReadInput,
  record: ObjectRecord,
  content: ObjectContent,
  context: OperationContext,
): Record<string, string | undefined> {
  const bucket = context.facts.bucket.record;
  // One spread of what is known, and the few others by name: every further spread is felt in each request.
  const headers: Record<string, string | undefined> = { ...ownHeaders(record, content) };
  headers['x-amz-version-id'] = versionHeader(bucket, record);
  if (record.replication) headers['x-amz-replication-status'] = record.replication.status;
  if (mayCountTags(context, key, versionId, record)) headers['x-amz-tagging-count'] = String(content.tags!.length);
  headers['x-amz-restore'] = restoreHeader(content, context.services.clock.now());
  if (content.lock) Object.assign(headers, lockHeaders(content.lock, context, key));
  return headers;
}

/** By record, which nobody changes: the same bytes that were opened are one record (store/opened-records.ts). */
const known = new WeakMap<ObjectRecord, Readonly<Record<string, string>>>();

/** What a version says of itself, whoever asks. */
function ownHeaders(record: ObjectRecord, content: ObjectContent): Readonly<Record<string, string>> {
  let headers = known.get(record);
  if (!headers) {
    headers = {
      ...systemMetadataHeaders(content.system),
      ...userMetadataHeaders(content.metadata),
      etag: `"${content.etag}"`,
      'last-modified': new Date(record.lastModifiedMs).toUTCString(),
      ...(content.storageClass !== 'STANDARD' && { 'x-amz-storage-class': content.storageClass }),
    };
    known.set(record, headers);
  }
  return headers;
}

function mayCountTags(
  { allowed, facts }: OperationContext,
  key: string,
  versionId: string | undefined,
  record: ObjectRecord,
): boolean {
  if (!record.content?.tags?.length) return false;
  const action = versionId === undefined ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging';
  const bucket = facts.bucket.record;
  return allowed({ action, resource: objectArn(bucket.name, key) }, bucket, record);
}
