import type { Caller } from '../../auth/ports.js';
import type { BodyProducer } from '../../base/stream.js';
import type { XmlNode } from '../../base/xml/ports.js';
import { xmlDocument } from '../../base/xml/write.js';
import { headerName } from '../../s3/checksum/algorithms.js';
import { bucketOfArn, type ReplicationRule } from '../../s3/replication/rules.js';
import { type ReplicaSource, type RoleAccess, readableMetadata, requireReadable } from '../../s3/replication/source.js';
import type { BucketRecord, ObjectRecord } from '../../store/records.js';
import { contentHeaders, type Headers, lockHeaders, replicaHeader, tagHeaders } from './headers.js';
import { type Target, TargetRefused, type TargetReply, TargetUnreachable } from './target.js';

/** A destination, the rule that names it, and the source as the rule's role may see it. */
export interface Sending {
  target: Target;
  rule: ReplicationRule;
  access: RoleAccess;
  role: Caller;
  stopping(): boolean;
  nowMs: number;
}

/**
 * Sends a version with its content: as one body, or in the parts that it was uploaded in, so that ETags and checksums of parts
 * stay. The destination verifies the checksum that was kept with the source.
 * @returns the version's id there
 */
export async function sendVersion(
  { target, rule, access, nowMs, stopping }: Sending,
  source: ReplicaSource,
): Promise<string | undefined> {
  const { key, record, content } = source;
  const { tags, lock, acl } = readableMetadata(access, source.bucket, key, record);
  const bucket = bucketOfArn(rule.destination.bucketArn);
  const mark = replicaHeader(record, rule, acl);
  const headers = {
    ...contentHeaders(content, rule, target.region),
    ...tagHeaders(tags),
    ...lockHeaders(lock, nowMs),
    ...mark,
  };
  if (source.isMultipart) return sendParts(target, { bucket, key }, source, { headers, mark, stopping });
  const { checksum } = source;
  const sum = checksum ? { [headerName(checksum.algorithm)]: checksum.value } : {};
  const reply = await target.send({
    method: 'PUT',
    bucket,
    key,
    headers: { ...headers, ...sum },
    body: cutOff(await source.body(), stopping),
  });
  return reply.headers['x-amz-version-id'];
}

async function sendParts(
  target: Target,
  at: { bucket: string; key: string },
  source: ReplicaSource,
  { headers, mark, stopping }: { headers: Headers; mark: Headers; stopping(): boolean },
): Promise<string | undefined> {
  const { checksum } = source;
  const kind = checksum && { 'x-amz-checksum-algorithm': checksum.algorithm, 'x-amz-checksum-type': checksum.type };
  const begun = await target.send({
    method: 'POST',
    ...at,
    query: [['uploads', '']],
    headers: { ...headers, ...kind },
  });
  const uploadId = begun.element('UploadId');
  if (!uploadId) throw new TargetRefused('', 500, 'the destination began an upload without an id');
  try {
    const nodes: XmlNode[] = [];
    for await (const part of source.parts()) {
      const sum = checksum && part.checksum !== undefined ? { [headerName(checksum.algorithm)]: part.checksum } : {};
      const query = [
        ['partNumber', String(part.partNumber)],
        ['uploadId', uploadId],
      ] as const;
      const { etag } = (
        await target.send({
          method: 'PUT',
          ...at,
          query,
          headers: { ...mark, ...sum },
          body: cutOff(part.body, stopping),
        })
      ).headers;
      nodes.push([
        'Part',
        [
          ['PartNumber', part.partNumber],
          ['ETag', etag],
          [`Checksum${checksum?.algorithm}`, checksum && part.checksum],
        ],
      ]);
    }
    const whole = checksum?.type === 'FULL_OBJECT' ? { [headerName(checksum.algorithm)]: checksum.value } : {};
    const done = await target.send({
      method: 'POST',
      ...at,
      query: [['uploadId', uploadId]],
      headers: { ...mark, ...whole, ...(checksum && { 'x-amz-checksum-type': checksum.type }) },
      body: xmlDocument('CompleteMultipartUpload', nodes, 'http://s3.amazonaws.com/doc/2006-03-01/'),
    });
    return done.headers['x-amz-version-id'];
  } catch (error) {
    // Where that fails too, a Coffer does it when the replica is sent again.
    await target.send({ method: 'DELETE', ...at, query: [['uploadId', uploadId]], headers: mark }).catch(() => {});
    throw error;
  }
}

/** A body that ends with the process, which doesn't wait for gigabytes. */
function cutOff(body: BodyProducer, stopping: () => boolean): BodyProducer {
  return {
    length: body.length,
    pump: (sink) =>
      body.pump((chunk) => {
        if (stopping()) throw new TargetUnreachable('Coffer is shutting down');
        return sink(chunk);
      }),
    close: () => body.close(),
  };
}

/** A delete marker. @returns its id there */
export async function sendMarker(
  { target, rule, access }: Sending,
  bucket: BucketRecord,
  key: string,
  record: ObjectRecord,
): Promise<string | undefined> {
  requireReadable(access, bucket, key, record);
  const at = { bucket: bucketOfArn(rule.destination.bucketArn), key };
  const reply = await target.send({ method: 'DELETE', ...at, headers: replicaHeader(record, rule, undefined) });
  return reply.headers['x-amz-version-id'];
}

/**
 * Tags, ACL and lock of a version whose content is there already. `versionId`: its id there, where that is another one; such an
 * endpoint is no Coffer, and gets the tags alone.
 * @throws TargetRefused with NoSuchVersion or NoSuchKey where it isn't there any more
 */
export async function sendChanges(
  { target, rule, access, nowMs }: Sending,
  bucket: BucketRecord,
  key: string,
  record: ObjectRecord,
  versionId: string | undefined,
): Promise<void> {
  requireReadable(access, bucket, key, record);
  const { tags, lock, acl } = readableMetadata(access, bucket, key, record);
  const at = { bucket: bucketOfArn(rule.destination.bucketArn), key };
  if (versionId !== undefined) {
    await sendTags(target, at, tags ?? [], versionId);
    return;
  }
  const mark = replicaHeader(record, rule, acl, { changes: true });
  // Content-MD5 of nothing: what locks a version must come with a digest.
  const empty = { 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' };
  await target.send({
    method: 'PUT',
    ...at,
    headers: { ...tagHeaders(tags), ...lockHeaders(lock, nowMs), ...mark, ...empty },
    body: '',
  });
}

function sendTags(
  target: Target,
  at: { bucket: string; key: string },
  tags: readonly (readonly [string, string])[],
  versionId: string,
): Promise<TargetReply> {
  const query = [
    ['tagging', ''],
    ['versionId', versionId],
  ] as const;
  const set = tags.map(([key, value]): XmlNode => {
    return [
      'Tag',
      [
        ['Key', key],
        ['Value', value],
      ],
    ];
  });
  return target.send({ method: 'PUT', ...at, query, body: xmlDocument('Tagging', [['TagSet', set]]) });
}
