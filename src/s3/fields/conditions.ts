import { trimBlanks } from '../../base/byte-text.js';
import type { ObjectRecord } from '../../store/records.js';
import { S3Error } from '../error.js';
import type { Field } from '../operation.js';
import { parseHttpDate } from './http-date.js';

/** If-Match and its three siblings, of a read or of a copy's source. */
export interface ReadConditions {
  ifMatch?: string;
  ifNoneMatch?: string;
  ifModifiedSinceMs?: number;
  ifUnmodifiedSinceMs?: number;
}

export const readConditions: Field<ReadConditions> = { read: ({ headers }) => conditionsOf(headers, '') };

const COPY_SOURCE = 'x-amz-copy-source-';
export const copySourceConditions: Field<ReadConditions> = {
  read: ({ headers }) => conditionsOf(headers, COPY_SOURCE),
};

const RENAME_SOURCE = 'x-amz-rename-source-';
export const renameSourceConditions: Field<ReadConditions> = {
  read: ({ headers }) => conditionsOf(headers, RENAME_SOURCE),
};

function conditionsOf(headers: Readonly<Record<string, string | undefined>>, prefix: string): ReadConditions {
  const found: ReadConditions = {};
  const ifMatch = headers[`${prefix}if-match`];
  const ifNoneMatch = headers[`${prefix}if-none-match`];
  const modified = parseHttpDate(headers[`${prefix}if-modified-since`]);
  const unmodified = parseHttpDate(headers[`${prefix}if-unmodified-since`]);
  if (ifMatch !== undefined) found.ifMatch = ifMatch;
  if (ifNoneMatch !== undefined) found.ifNoneMatch = ifNoneMatch;
  if (modified !== undefined) found.ifModifiedSinceMs = modified;
  if (unmodified !== undefined) found.ifUnmodifiedSinceMs = unmodified;
  return found;
}

/** `"a", b, *` against an ETag without quotes. */
export function etagMatches(list: string, etag: string): boolean {
  return list.split(',').some((one) => {
    const value = one.trim();
    return value === '*' || unquote(value) === etag;
  });
}

/** S3 misses no quote on either side. */
const unquote = (value: string): string => value.replace(/^"|"$/g, '');

/**
 * The first condition that doesn't hold, by RFC 9110's precedence: If-Match makes If-Unmodified-Since moot, If-None-Match makes
 * If-Modified-Since moot. A date in the future is no condition.
 */
function failing(
  conditions: ReadConditions,
  etag: string,
  lastModifiedMs: number,
  nowMs: number,
): { name: 'If-Match' | 'If-Unmodified-Since' | 'If-None-Match' | 'If-Modified-Since' } | undefined {
  // HTTP dates have no fraction of a second, so neither may what they are compared with.
  const modifiedMs = Math.floor(lastModifiedMs / 1000) * 1000;
  if (conditions.ifMatch !== undefined) {
    if (!etagMatches(conditions.ifMatch, etag)) return { name: 'If-Match' };
  } else if (conditions.ifUnmodifiedSinceMs !== undefined && modifiedMs > conditions.ifUnmodifiedSinceMs) {
    return { name: 'If-Unmodified-Since' };
  }
  if (conditions.ifNoneMatch !== undefined) {
    if (etagMatches(conditions.ifNoneMatch, etag)) return { name: 'If-None-Match' };
  } else if (
    conditions.ifModifiedSinceMs !== undefined &&
    conditions.ifModifiedSinceMs <= nowMs &&
    modifiedMs <= conditions.ifModifiedSinceMs
  ) {
    return { name: 'If-Modified-Since' };
  }
  return undefined;
}

/**
 * If-Range: whether a range still counts. It names the ETag, or the very second of the last change (RFC 9110, section 13.1.5); a
 * weak ETag and what is neither never hold. Without the header it counts.
 */
export function rangeHolds(ifRange: string | undefined, etag: string, lastModifiedMs: number): boolean {
  if (ifRange === undefined) return true;
  const value = trimBlanks(ifRange);
  if (unquote(value) === etag) return true;
  return parseHttpDate(value) === Math.floor(lastModifiedMs / 1000) * 1000;
}

/** For GetObject and HeadObject. @throws PreconditionFailed (412), NotModified (304) */
export function checkRead(conditions: ReadConditions, etag: string, lastModifiedMs: number, nowMs: number): void {
  const failed = failing(conditions, etag, lastModifiedMs, nowMs);
  if (!failed) return;
  if (failed.name === 'If-None-Match' || failed.name === 'If-Modified-Since') {
    throw new S3Error('NotModified', {
      headers: { etag: `"${etag}"`, 'last-modified': new Date(lastModifiedMs).toUTCString() },
    });
  }
  throw new S3Error('PreconditionFailed', { extra: { Condition: failed.name } });
}

/** For the source of a copy: always 412. */
export function checkCopySource(conditions: ReadConditions, etag: string, lastModifiedMs: number, nowMs: number): void {
  const failed = failing(conditions, etag, lastModifiedMs, nowMs);
  if (failed) throw new S3Error('PreconditionFailed', { extra: { Condition: `${COPY_SOURCE}${failed.name}` } });
}

/** For the source of a rename: always 412. */
export function checkRenameSource(
  conditions: ReadConditions,
  etag: string,
  lastModifiedMs: number,
  nowMs: number,
): void {
  const failed = failing(conditions, etag, lastModifiedMs, nowMs);
  if (failed) throw new S3Error('PreconditionFailed', { extra: { Condition: `${RENAME_SOURCE}${failed.name}` } });
}

/** For what a rename would replace, which may be nothing: If-Match and If-Modified-Since then don't hold. */
export function checkRenameTarget(conditions: ReadConditions, target: ObjectRecord | undefined, nowMs: number): void {
  const { ifMatch, ifModifiedSinceMs } = conditions;
  let name: string | undefined;
  if (target?.content) name = failing(conditions, target.content.etag, target.lastModifiedMs, nowMs)?.name;
  else if (ifMatch !== undefined) name = 'If-Match';
  else if (ifModifiedSinceMs !== undefined) name = 'If-Modified-Since';
  if (name) throw new S3Error('PreconditionFailed', { extra: { Condition: name } });
}

/** If-Match or If-None-Match: * on a write. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
export type WriteCondition = { ifMatch: string } | { ifNoneMatch: '*' };

export const writeCondition: Field<WriteCondition | undefined> = {
  read: ({ headers }) => {
    const ifMatch = headers['if-match'];
    const ifNoneMatch = headers['if-none-match'];
    if (ifMatch !== undefined && ifNoneMatch !== undefined) {
      throw notImplemented('If-Match,If-None-Match', 'Multiple conditional request headers present in the request');
    }
    if (ifNoneMatch !== undefined) {
      if (ifNoneMatch !== '*') throw refusedValue('If-None-Match');
      return { ifNoneMatch: '*' };
    }
    if (ifMatch === undefined) return undefined;
    if (ifMatch === '*') throw refusedValue('If-Match');
    return { ifMatch };
  },
};

function refusedValue(header: string): S3Error {
  return notImplemented(header, `We don't accept the provided value of ${header} header for this API`);
}

function notImplemented(header: string, additionalMessage: string): S3Error {
  return new S3Error('NotImplemented', { extra: { Header: header, additionalMessage } });
}

/** Against the current version at the moment of the commit; a delete marker is no object. */
export function checkWrite(
  condition: WriteCondition | undefined,
  key: string,
  current: ObjectRecord | undefined,
): void {
  if (!condition) return;
  const content = current?.content;
  if ('ifNoneMatch' in condition) {
    if (content) throw new S3Error('PreconditionFailed', { extra: { Condition: 'If-None-Match' } });
    return;
  }
  if (!content) throw new S3Error('NoSuchKey', { extra: { Key: key } });
  if (!etagMatches(condition.ifMatch, content.etag)) {
    throw new S3Error('PreconditionFailed', { extra: { Condition: 'If-Match' } });
  }
}
