import { headerText } from '../header-text.js';
import type { SignedRequest } from '../ports.js';
import { canonicalResource } from './resource.js';

export interface SignedParts {
  /** The time's line: `Expires` of a presigned URL, the `Date` header, or nothing where `x-amz-date` stands among the headers. */
  date: string;
  /** Of a presigned URL. */
  query?: ReadonlyMap<string, string>;
  /** An `x-amz-` header that stays out. */
  without?: string;
  /** A comma and a space become a comma: of a header that came twice V2 signs the former, and node:http hands on the latter. */
  fold?: boolean;
  /** `/bucket` is signed as `/bucket/`, which is the same resource: boto does so. */
  slash?: boolean;
}

/** What Signature V2 signs. https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html */
export function stringToSign(request: SignedRequest, parts: SignedParts): string {
  const named = (name: string): string => headerText(request.headers[name]) ?? parts.query?.get(name) ?? '';
  const lines = [request.method, named('content-md5'), named('content-type'), parts.date];
  return `${lines.join('\n')}\n${amzHeaders(request, parts)}${canonicalResource(request, parts.slash)}`;
}

/** CanonicalizedAmzHeaders. Headers that a presigned URL carries as parameters count as headers, and so are signed. */
function amzHeaders({ headers }: SignedRequest, { query, without, fold }: SignedParts): string {
  const found = new Map<string, string>();
  for (const [sent, value] of query ?? []) {
    const name = sent.toLowerCase();
    if (name.startsWith('x-amz-') && !found.has(name)) found.set(name, value);
  }
  for (const name in headers) {
    if (name.startsWith('x-amz-')) found.set(name, headerText(headers[name]) ?? '');
  }
  if (without !== undefined) found.delete(without);
  const names = [...found.keys()].sort((a, b) => (a < b ? -1 : 1));
  const value = (name: string): string => found.get(name)!.trim();
  return names.map((name) => `${name}:${fold ? value(name).replaceAll(', ', ',') : value(name)}\n`).join('');
}
