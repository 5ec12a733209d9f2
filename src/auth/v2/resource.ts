import { bytesOfText } from '../../base/byte-text.js';
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

/** How a client may write what is the same resource. */
export interface ResourceForm {
  /** `/bucket` is signed as `/bucket/`: boto does so. */
  slash?: boolean;
  /** A parameter without a value is signed as its name (the default), or with the `=` behind it, however it was sent. */
  emptyValue?: 'bare' | 'equals';
}

/** CanonicalizedResource: the bucket of a virtual host before the path as it was sent, then the signed parameters by name. */
export function canonicalResource(request: SignedRequest, { slash, emptyValue }: ResourceForm = {}): string {
  const { rawPath, rawQuery, virtualBucket } = request;
  const sent = virtualBucket === undefined ? rawPath : `/${virtualBucket}${rawPath}`;
  const path = slash && isBareBucket(request) ? `${sent}/` : sent;
  const signed = signedParameters(rawQuery).map(([name, value]): [name: string, text: string] => [
    name,
    value === '' && emptyValue !== 'equals' ? name : `${name}=${value}`,
  ]);
  if (signed.length === 0) return path;
  signed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `${path}?${signed.map(([, text]) => text).join('&')}`;
}

/** Values are signed decoded. */
const signedParameters = (rawQuery: string): [name: string, value: string][] =>
  rawQuery
    .split('&')
    .map((part): [name: string, value: string] => {
      const equals = part.indexOf('=');
      return equals < 0 ? [decode(part), ''] : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))];
    })
    .filter(([name]) => SIGNED_PARAMETERS.has(name));

/** Whether there is a parameter that clients write in two ways. */
export const hasEmptyValue = ({ rawQuery }: SignedRequest): boolean =>
  rawQuery !== '' && signedParameters(rawQuery).some(([, value]) => value === '');

/** `/bucket`, by path. */
export const isBareBucket = ({ rawPath, virtualBucket }: SignedRequest): boolean =>
  virtualBucket === undefined && rawPath.length > 1 && rawPath.indexOf('/', 1) < 0;

function decode(text: string): string {
  try {
    return bytesOfText(decodeURIComponent(text.replaceAll('+', ' ')));
  } catch {
    return text;
  }
}
