import { OBJECT_KEY_MAX_BYTES } from '../base/limits.js';
import { S3Error } from '../s3/error.js';

/** What a request is about, from its raw target and Host header; all decoded. */
export interface Address {
  /** Empty on the service level. */
  bucket: string;
  key: string;
  query: ReadonlyMap<string, string>;
}

/** Raw request target: never `new URL`, which would normalise `..` and `//` away. */
export function splitTarget(target: string): { rawPath: string; rawQuery: string } {
  // Absolute form, as proxies send it.
  const start = target.startsWith('/') ? 0 : (ORIGIN.exec(target)?.[0].length ?? 0);
  const question = target.indexOf('?', start);
  const rawPath = question < 0 ? target.slice(start) : target.slice(start, question);
  return { rawPath: rawPath === '' ? '/' : rawPath, rawQuery: question < 0 ? '' : target.slice(question + 1) };
}

const ORIGIN = /^https?:\/\/[^/?]*/i;
const PORT = /:\d+$/;

/** `bucket.<domain>`: the bucket's name; undefined on any other host. */
export function bucketOfHost(host: string | undefined, domain: string | undefined): string | undefined {
  if (domain === undefined || host === undefined) return undefined;
  const name = host.replace(PORT, '').toLowerCase();
  return name.length > domain.length + 1 && name.endsWith(`.${domain}`)
    ? name.slice(0, -(domain.length + 1))
    : undefined;
}

/** @throws S3Error BadRequest, InvalidURI, InvalidBucketName, KeyTooLongError */
export function address(
  { rawPath, rawQuery }: { rawPath: string; rawQuery: string },
  host: string | undefined,
  domain: string | undefined,
): Address {
  const virtual = bucketOfHost(host, domain);
  let bucket: string;
  let rawKey: string;
  if (virtual !== undefined) {
    bucket = virtual;
    rawKey = rawPath.slice(1);
  } else {
    const slash = rawPath.indexOf('/', 1);
    bucket = decodePercent(slash < 0 ? rawPath.slice(1) : rawPath.slice(1, slash));
    rawKey = slash < 0 ? '' : rawPath.slice(slash + 1);
    // `//key` names no bucket: it must not become the list of all of them.
    if (bucket === '' && rawPath !== '/') throw new S3Error('InvalidBucketName', { extra: { BucketName: '' } });
  }
  const key = decodePercent(rawKey);
  if (key.includes('..')) requireBelowRoot(key);
  requireKeyLength(key);
  return { bucket, key, query: parseQuery(rawQuery) };
}

/**
 * Read from left to right, no more segments may lead up than lead down.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
 * @throws S3Error BadRequest
 */
export function requireBelowRoot(key: string): void {
  let depth = 0;
  for (const segment of key.split('/')) {
    depth += segment === '..' ? -1 : 1;
    if (depth < 0) throw new S3Error('BadRequest', { bare: true });
  }
}

/** @throws S3Error KeyTooLongError */
export function requireKeyLength(key: string): void {
  const bytes = Buffer.byteLength(key, 'utf8');
  if (bytes <= OBJECT_KEY_MAX_BYTES) return;
  throw new S3Error('KeyTooLongError', {
    extra: { Size: String(bytes), MaxSizeAllowed: String(OBJECT_KEY_MAX_BYTES) },
  });
}

/** Percent-decoded; `+` stays. @throws InvalidURI where the escapes or the UTF-8 behind them are not valid. */
function decodePercent(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI', { extra: { URI: text } });
  }
}

const decodeParameter = (text: string): string => decodePercent(text.includes('+') ? text.replaceAll('+', ' ') : text);

function parseQuery(rawQuery: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of queryPairs(rawQuery)) {
    // One value counts everywhere, the first.
    if (!query.has(name)) query.set(name, value);
  }
  return query;
}

/** All parameters of a query as they were sent, decoded. @throws InvalidURI */
export function queryPairs(rawQuery: string): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  if (rawQuery === '') return pairs;
  for (const part of rawQuery.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decodeParameter(equals < 0 ? part : part.slice(0, equals));
    pairs.push([name, equals < 0 ? '' : decodeParameter(part.slice(equals + 1))]);
  }
  return pairs;
}
