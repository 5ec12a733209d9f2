export type RequestHeaders = Record<string, string | undefined>;

/**
 * The headers of a request by lower-case name, from node's raw list. A header that came on several lines is one value, joined by
 * a comma alone: so AWS's signatures have it, and so what is stored has it. (node:http joins with a space besides, and drops
 * what it takes for a repetition.)
 */
export function joinHeaders(rawHeaders: readonly string[]): RequestHeaders {
  // Without a prototype: `__proto__` is a name like any other.
  const headers: RequestHeaders = Object.create(null);
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    const before = headers[name];
    headers[name] = before === undefined ? rawHeaders[i + 1]! : `${before},${rawHeaders[i + 1]}`;
  }
  return headers;
}
