import { StoreDamaged } from '../../store/errors.js';
import type { Manifests } from '../../store/manifest.js';
import type { BlobSnapshot, MetaStore } from '../../store/ports.js';
import type { BodyPart, Manifest, ManifestPart, ObjectRecord } from '../../store/records.js';
import type { ObjectCipher } from '../encryption/object-cipher.js';
import { BodyReader, type ReadablePart } from './reader.js';

/** The bytes [start, end) of a version, decrypted while they are read. */
export function readVersion(
  stores: { meta: MetaStore; manifests: Manifests },
  snapshot: BlobSnapshot,
  record: ObjectRecord,
  cipher: ObjectCipher,
  range: { start: number; end: number },
): BodyReader {
  const content = record.content;
  if (!content) throw new StoreDamaged('a version without content has no body');
  const objectId = Buffer.from(record.objectId, 'hex');
  const parts =
    'manifest' in content.body
      ? manifestParts(stores.manifests, record.objectId, content.body.manifest, cipher, range)
      : [readable(content.body, 0, cipher)];
  return new BodyReader(stores.meta, snapshot, objectId, parts, range);
}

function readable(part: BodyPart, offset: number, cipher: ObjectCipher): ReadablePart {
  const partId = Buffer.from(part.partId, 'hex');
  return { part, offset, open: (start, end) => cipher.open(partId, part.size, part.chunkBytes, { start, end }) };
}

/** Pages are fetched while earlier parts are being sent; only those that the range touches. */
async function* manifestParts(
  manifests: Manifests,
  objectId: string,
  manifest: Manifest,
  cipher: ObjectCipher,
  range: { start: number; end: number },
): AsyncGenerator<ReadablePart> {
  for (let page = 0; page < manifest.pages; page++) {
    const next = manifest.index[page + 1];
    if (next && next.offset <= range.start) continue;
    let offset = manifest.index[page]!.offset;
    if (offset >= range.end && page > 0) return;
    for (const part of await manifests.page(objectId, page)) {
      if (offset + part.size > range.start || part.size === 0) yield readable(part, offset, cipher);
      offset += part.size;
      if (offset >= range.end) return;
    }
  }
}

/** One part of a multipart object by its number, with where it starts; undefined where there is none. */
export async function findPart(
  manifests: Manifests,
  objectId: string,
  manifest: Manifest,
  partNumber: number,
): Promise<{ part: ManifestPart; offset: number } | undefined> {
  for (let page = 0; page < manifest.pages; page++) {
    const next = manifest.index[page + 1];
    if (next && next.firstPart <= partNumber) continue;
    let offset = manifest.index[page]!.offset;
    for (const part of await manifests.page(objectId, page)) {
      if (part.partNumber === partNumber) return { part, offset };
      offset += part.size;
    }
    return undefined;
  }
  return undefined;
}
