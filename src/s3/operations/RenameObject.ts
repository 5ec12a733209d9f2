import type { Named } from '../../encryption/data-keys.js';
import type { WrappedDataKey } from '../../encryption/wrapped-key.js';
import { untilCommitted } from '../../store/conflict.js';
import type { ObjectRecord } from '../../store/records.js';
import { requireTagCopy } from '../copy/tags.js';
import { keyTarget, requireSignatureForKms } from '../encryption/key-target.js';
import { S3Error } from '../error.js';
import {
  checkRenameSource,
  checkRenameTarget,
  type ReadConditions,
  readConditions,
  renameSourceConditions,
} from '../fields/conditions.js';
import { clientToken, renameSource } from '../fields/rename.js';
import { bucketArn, type OperationContext, objectArn, operation } from '../operation.js';
import { RenameRequest } from '../rename-token.js';
import { requireVersion } from '../require-version.js';
import { versionHeader } from '../version-header.js';

/**
 * AWS has this in directory buckets alone. Here every bucket has it: one commit, whatever the object's size, since neither the
 * body nor its encryption names the key. Metadata, tags, checksums and the time of modification go along.
 */
export const renameObject = operation({
  name: 'RenameObject',
  route: { method: 'PUT', on: 'object', query: ['renameObject'] },
  input: {
    source: renameSource,
    conditions: readConditions,
    sourceConditions: renameSourceConditions,
    token: clientToken,
  },
  facts: ['bucket'],
  // Who may read the source is decided where it is read: its ACL and tags count.
  needs: ({ bucket, key, source, sourceConditions }) => [
    { action: 's3:DeleteObject', resource: objectArn(bucket, source), apart: { ifMatch: sourceConditions.ifMatch } },
    { action: 's3:PutObject', resource: objectArn(bucket, key) },
  ],
  errors: [
    'AccessDenied',
    'IdempotencyParameterMismatch',
    'InvalidArgument',
    'InvalidRequest',
    'NoSuchKey',
    'PreconditionFailed',
  ],
  async handle(input, context) {
    const { key, source } = input;
    if (key === source)
      throw new S3Error('InvalidRequest', { message: 'An object cannot be renamed to its own name.' });
    const request = new RenameRequest(context, input.token);
    try {
      if (await request.wasDone()) return undefined;
      const record = await untilCommitted(() => attempt(input, context, request));
      context.services.sweep();
      return versionHeader(context.facts.bucket.record, record);
    } catch (error) {
      // The same request, sent twice at once: the other one has moved the object away meanwhile.
      if (error instanceof S3Error && error.code === 'NoSuchKey' && (await request.wasDone())) return undefined;
      throw error;
    }
  },
  reply: (versionId) => ({ headers: { 'x-amz-version-id': versionId } }),
});

interface Input {
  key: string;
  source: string;
  conditions: ReadConditions;
  sourceConditions: ReadConditions;
}

/** `undefined`: the source was overwritten while the key service was asked. */
async function attempt(
  { key, source, conditions, sourceConditions }: Input,
  context: OperationContext,
  request: RenameRequest,
): Promise<ObjectRecord | undefined> {
  const { facts, services } = context;
  const bucket = facts.bucket.record;
  const nowMs = services.clock.now();
  const found = await services.objects.find(bucket.bucketId, source);
  const toRead = { action: 's3:GetObject', resource: objectArn(bucket.name, source), apart: {} } as const;
  context.require(toRead, bucket, found?.record ?? 'absent');
  if (!found?.record.content) {
    context.require({ action: 's3:ListBucket', resource: bucketArn(bucket.name), apart: {} }, bucket);
  }
  const { record: old, content: oldContent } = requireVersion(found, { method: 'PUT', key: source });
  if (oldContent.tags?.length) requireTagCopy(context, { key: source, record: old }, bucket, key);
  // Before the key service is asked for anything; the commit looks again.
  checkRenameSource(sourceConditions, oldContent.etag, old.lastModifiedMs, nowMs);
  requireSignatureForKms(context, oldContent.encryption.mode);
  const named = (name: string): Named => keyTarget(context, bucket, name, Buffer.from(old.objectId, 'hex'));
  const wrap = await services.dataKeys.rename(named(source), named(key), oldContent.encryption as WrappedDataKey);
  try {
    return await services.objects.rename(
      facts.bucket,
      source,
      key,
      (current, target) => {
        const { record, content } = requireVersion(current && { record: current }, { method: 'PUT', key: source });
        if (!sameVersion(record, old)) throw new Overtaken();
        checkRenameSource(sourceConditions, content.etag, record.lastModifiedMs, nowMs);
        checkRenameTarget(conditions, target, nowMs);
        const { uploadId: _, ...moved } = content;
        return { ...record, content: { ...moved, encryption: wrap } };
      },
      (commit) => request.remember(commit),
    );
  } catch (error) {
    if (error instanceof Overtaken) return undefined;
    throw error;
  }
}

class Overtaken extends Error {
  override name = 'Overtaken';
}

/** The wrap and the tags that were looked at are still the ones. */
function sameVersion(a: ObjectRecord, b: ObjectRecord): boolean {
  const relevant = ({ objectId, content }: ObjectRecord): string =>
    JSON.stringify([objectId, content?.encryption, content?.tags]);
  return relevant(a) === relevant(b);
}
