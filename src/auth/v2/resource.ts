import type { SignedRequest } from '../ports.js';
import { SUBRESOURCES } from '../subresources.js';

/**
 * Parameters of a query that name another resource than the path alone. Besides those that AWS's page lists, all that tell one
 * operation from another are here: a signed request must not become another one by a parameter that nobody signed.
 */
export const SIGNED_PARAMETERS: ReadonlySet<string> = new Set([
  ...SUBRESOURCES,
  'defaultObjectAcl',
  'partNumber',
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
  'select-type',
  'storageClass',
  'versionId',
]);

/** CanonicalizedResource: the bucket of a virtual host before the path as it was sent, then the signed parameters by name. */
export function canonicalResource(request: SignedRequest, slash = false): string {
  const { rawPath, rawQuery, virtualBucket } = request;
  const sent = virtualBucket === undefined ? rawPath : `/${virtualBucket}${rawPath}`;
  const path = slash && isBareBucket(request) ? `${sent}/` : sent;
  const signed: [name: string, text: string][] = [];
  for (const part of rawQuery.split('&')) {
    const equals = part.indexOf('=');
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    if (!SIGNED_PARAMETERS.has(name)) continue;
    // Values are signed decoded. `acl=` is not what `acl` is.
    signed.push([name, equals < 0 ? name : `${name}=${decode(part.slice(equals + 1))}`]);
  }
  if (signed.length === 0) return path;
  signed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `${path}?${signed.map(([, text]) => text).join('&')}`;
}

/** `/bucket`, by path. */
export const isBareBucket = ({ rawPath, virtualBucket }: SignedRequest): boolean =>
  virtualBucket === undefined && rawPath.length > 1 && rawPath.indexOf('/', 1) < 0;

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
