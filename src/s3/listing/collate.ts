export type MaybePromise<T> = T | Promise<T>;

/** Entries in ascending key order; the stream can jump behind all keys that start with a prefix. */
export interface KeyStream<T> {
  /** At once where it has been read: a promise for each of a thousand keys is felt. */
  peek(): MaybePromise<(T & { key: string }) | undefined>;
  advance(): void;
  skipPrefix(prefix: string): void;
  close(): Promise<void>;
}

export interface Listing<T> {
  items: (T & { key: string })[];
  commonPrefixes: string[];
  truncated: boolean;
  /** What came last on the page, whichever it was. */
  last?: { item: T & { key: string } } | { prefix: string };
}

/** Rolls keys up to their common prefixes and cuts the page at `max` of both together, as all of S3's listings do. */
export async function collate<T>(
  stream: KeyStream<T>,
  query: { prefix: string; delimiter: string; max: number },
): Promise<Listing<T>> {
  const listing: Listing<T> = { items: [], commonPrefixes: [], truncated: false };
  if (query.max === 0) return listing;
  for (let count = 0; ; count++) {
    let entry = stream.peek();
    if (entry instanceof Promise) entry = await entry;
    if (!entry) return listing;
    if (count === query.max) {
      listing.truncated = true;
      return listing;
    }
    const rolled = rollUp(entry.key, query.prefix, query.delimiter);
    if (rolled === undefined) {
      listing.items.push(entry);
      listing.last = { item: entry };
      stream.advance();
    } else {
      listing.commonPrefixes.push(rolled);
      listing.last = { prefix: rolled };
      stream.skipPrefix(rolled);
    }
  }
}

/** The part of a key up to the first delimiter behind the prefix; undefined where there is none. */
export function rollUp(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '' || !key.startsWith(prefix)) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}
