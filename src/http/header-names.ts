/** Names that are not written a capital for each word. */
const OWN = new Map([
  ['etag', 'ETag'],
  ['x-amzn-requestid', 'x-amzn-RequestId'],
]);

const known = new Map<string, string>();
/** Metadata is named by clients: more than these are worked out each time. */
const KNOWN_MAX = 500;

/**
 * A header's name as AWS writes it: `Content-Length`, `ETag`, `Last-Modified`, and all of `x-amz-` in lower case. There are
 * clients that compare bytes (MongoDB's client-side encryption).
 */
export function sentName(lowerCase: string): string {
  const found = known.get(lowerCase);
  if (found !== undefined) return found;
  const name = OWN.get(lowerCase) ?? (lowerCase.startsWith('x-amz-') ? lowerCase : capitalised(lowerCase));
  if (known.size < KNOWN_MAX && !lowerCase.startsWith('x-amz-meta-')) known.set(lowerCase, name);
  return name;
}

const capitalised = (name: string): string => name.replace(/(^|-)[a-z]/g, (found) => found.toUpperCase());

/** Names as they go out and values, in turn: what `writeHead` takes without looking names up again. */
export function sentHeaders(headers: Readonly<Record<string, string>>): string[] {
  const sent: string[] = [];
  for (const name in headers) sent.push(sentName(name), headers[name]!);
  return sent;
}
