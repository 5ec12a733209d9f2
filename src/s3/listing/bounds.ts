import { afterPrefix, escapeKey } from '../../store/keys.js';
import { rollUp } from './collate.js';

/** Row keys of one tag and bucket whose object keys start with `prefix`, from behind `after` on. */
export function rowBounds(
  tag: Buffer,
  bucketId: string,
  query: { prefix: string; delimiter: string; after: string },
): { gte: Buffer; lt: Buffer } {
  const head = Buffer.concat([tag, Buffer.from(bucketId, 'hex')]);
  const start = Buffer.concat([head, escapeKey(query.prefix)]);
  return { gte: laterOf(start, query.after === '' ? start : behind(head, query)), lt: afterPrefix(start) };
}

/** The first row key that may hold anything behind the marker: behind the common prefix, where the marker lies inside one. */
function behind(head: Buffer, query: { prefix: string; delimiter: string; after: string }): Buffer {
  const rolled = rollUp(query.after, query.prefix, query.delimiter);
  if (rolled !== undefined) return afterPrefix(Buffer.concat([head, escapeKey(rolled)]));
  // Behind the key's end mark 00 00 and whatever follows it, before the next possible key (00 FF or a byte above 0).
  return Buffer.concat([head, escapeKey(query.after), Buffer.of(0, 1)]);
}

/** Where the rows behind everything that starts with `prefix` begin. */
export function behindPrefix(tag: Buffer, bucketId: string, prefix: string): Buffer {
  return afterPrefix(Buffer.concat([tag, Buffer.from(bucketId, 'hex'), escapeKey(prefix)]));
}

export function laterOf(a: Buffer, b: Buffer): Buffer {
  return Buffer.compare(a, b) >= 0 ? a : b;
}
