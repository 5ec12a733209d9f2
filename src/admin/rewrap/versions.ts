import { rowBounds } from '../../s3/listing/bounds.js';
import { type VersionEntry, VersionStream } from '../../s3/listing/version-stream.js';
import type { Services } from '../../s3/services.js';
import { TAG } from '../../store/keys.js';

const COUNT_ROWS = 2000;

/**
 * Every version of a bucket under a prefix by key, newest first, in pages. Each page is one snapshot, closed before the page is
 * worked on; the next begins behind the last version, wherever that lies by then, so that none is missed which is there all the time.
 */
export async function* versionPages(
  { meta, objects }: Services,
  bucketId: string,
  prefix: string,
  pageVersions: number,
): AsyncGenerator<VersionEntry[]> {
  const bounds = rowBounds(TAG.current, bucketId, { prefix, delimiter: '', after: '' });
  let from: { key: string; below: number } | undefined;
  for (;;) {
    const { lt } = bounds;
    const gte = from
      ? rowBounds(TAG.current, bucketId, { prefix: from.key, delimiter: '', after: '' }).gte
      : bounds.gte;
    const stream = new VersionStream(meta, objects.table, bucketId, { gte, lt }, from);
    const page: VersionEntry[] = [];
    try {
      for (let entry = await stream.peek(); entry && page.length < pageVersions; entry = await stream.peek()) {
        page.push(entry);
        stream.advance();
      }
    } finally {
      await stream.close();
    }
    const last = page.at(-1);
    if (last) yield page;
    if (!last || page.length < pageVersions) return;
    from = { key: last.key, below: last.record.sequence };
  }
}

/** How many there are about now, from row keys alone. */
export async function countVersions({ meta }: Services, bucketId: string, prefix: string): Promise<number> {
  let count = 0;
  for (const tag of [TAG.current, TAG.version]) {
    const { gte, lt } = rowBounds(tag, bucketId, { prefix, delimiter: '', after: '' });
    for (let from = gte; ; ) {
      const rows = await meta.range({ gte: from, lt, limit: COUNT_ROWS, keysOnly: true });
      count += rows.length;
      if (rows.length < COUNT_ROWS) break;
      from = Buffer.concat([rows.at(-1)!.key, Buffer.of(0)]);
    }
  }
  return count;
}
