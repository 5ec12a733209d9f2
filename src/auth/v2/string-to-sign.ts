import { bytesOfText, trimBlanks } from '../../base/byte-text.js';
import { headerText } from '../header-text.js';
import type { SignedRequest } from '../ports.js';
import { canonicalResource, type ResourceForm } from './resource.js';

export interface SignedParts extends ResourceForm {
  /** The time's line: `Expires` of a presigned URL, the `Date` header, or nothing where `x-amz-date` stands among the headers. */
  date: string;
  /** Of a presigned URL. */
  query?: ReadonlyMap<string, string>;
  /** An `x-amz-` header that stays out. */
  without?: string;
}

/** What Signature V2 signs, a character for a byte. https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html */
export function stringToSign(request: SignedRequest, parts: SignedParts): string {
  const named = (name: string): string =>
    headerText(request.headers[name]) ?? bytesOfText(inQuery(parts.query, name) ?? '');
  const lines = [request.method, named('content-md5'), named('content-type'), parts.date];
  return `${lines.join('\n')}\n${amzHeaders(request, parts)}${canonicalResource(request, parts)}`;
}

/** Some clients write `Content-Type` there, others `content-type`. */
function inQuery(query: SignedParts['query'], name: string): string | undefined {
  for (const [sent, value] of query ?? []) if (sent.toLowerCase() === name) return value;
  return undefined;
}

/** CanonicalizedAmzHeaders. Headers that a presigned URL carries as parameters count as headers, and so are signed. */
function amzHeaders({ headers }: SignedRequest, { query, without }: SignedParts): string {
  const found = new Map<string, string>();
  for (const [sent, value] of query ?? []) {
    const name = sent.toLowerCase();
    if (name.startsWith('x-amz-') && !found.has(name)) found.set(name, bytesOfText(value));
  }
  for (const name in headers) {
    if (name.startsWith('x-amz-')) found.set(name, headerText(headers[name]) ?? '');
  }
  if (without !== undefined) found.delete(without);
  const names = [...found.keys()].sort((a, b) => (a < b ? -1 : 1));
  return names.map((name) => `${name}:${trimBlanks(found.get(name)!)}\n`).join('');
}
