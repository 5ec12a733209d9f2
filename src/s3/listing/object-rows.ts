import type { XmlNode } from '../../base/xml/ports.js';
import { TAG } from '../../store/keys.js';
import type { BucketRecord, ObjectRecord } from '../../store/records.js';
import { isoDate } from '../fields/http-date.js';
import type { Services } from '../services.js';
import { rowBounds } from './bounds.js';
import { collate, type Listing, rollUp } from './collate.js';
import { encodeKey } from './encode.js';
import { RowStream } from './row-stream.js';

/** Read at first where a delimiter may jump over them. */
const FIRST_ROWS = 16;

export interface CurrentEntry {
  key: string;
  record: ObjectRecord;
}

/**
 * Current versions that are no delete markers: what ListObjects and ListObjectsV2 show. Of keys that only become a common prefix the
 * record isn't opened where nothing can be a marker.
 */
export async function listCurrent(
  services: Services,
  { bucketId, versioning }: Pick<BucketRecord, 'bucketId' | 'versioning'>,
  query: { prefix: string; delimiter: string; after: string; max: number },
): Promise<Listing<CurrentEntry>> {
  const { table } = services.objects;
  const bounds = rowBounds(TAG.current, bucketId, query);
  if (Buffer.compare(bounds.gte, bounds.lt) >= 0) return { items: [], commonPrefixes: [], truncated: false };
  const stream = new RowStream<CurrentEntry>(
    services.meta,
    TAG.current,
    bucketId,
    bounds,
    (rows) => {
      // What a delimiter may jump over isn't opened in advance.
      const opened = query.delimiter === '' ? table.openMany(rows) : undefined;
      return (at, key) => {
        if (versioning === undefined && rollUp(key, query.prefix, query.delimiter) !== undefined) {
          return {
            key,
            get record() {
              return table.open(rows[at]!).record;
            },
          };
        }
        const { record } = opened?.[at] ?? table.open(rows[at]!);
        return record.deleteMarker ? undefined : { key, record };
      };
    },
    query.delimiter === '' ? query.max : Math.min(query.max, FIRST_ROWS),
  );
  try {
    return await collate(stream, query);
  } finally {
    await stream.close();
  }
}

/** `Contents` of an object, `Version` of one without latest and id. */
export function contentNodes(
  entry: CurrentEntry,
  encoding: 'url' | undefined,
  owner: readonly XmlNode[] | undefined,
  extra: XmlNode[] = [],
): XmlNode[] {
  const content = entry.record.content!;
  return [
    ['Key', encodeKey(entry.key, encoding)],
    ...extra,
    ['LastModified', isoDate(entry.record.lastModifiedMs)],
    ['ETag', `"${content.etag}"`],
    ['ChecksumAlgorithm', content.checksum?.algorithm],
    ['ChecksumType', content.checksum?.type],
    ['Size', content.size],
    ['Owner', owner],
    ['StorageClass', content.storageClass],
  ];
}

export function prefixNodes(prefixes: string[], encoding: 'url' | undefined): XmlNode[] {
  return prefixes.map((prefix) => ['CommonPrefixes', [['Prefix', encodeKey(prefix, encoding)]]]);
}
