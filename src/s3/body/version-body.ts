import type { ClientBudget } from '../../base/client-budget.js';
import type { BodyProducer } from '../../base/stream.js';
import type { BodyThreads } from '../../bodies/threads.js';
import { StoreDamaged } from '../../store/errors.js';
import { inlineBodyKey } from '../../store/keys.js';
import type { Manifests } from '../../store/manifest.js';
import type { BlobSnapshot, MetaStore } from '../../store/ports.js';
import type { BodyPart, Manifest, ManifestPart, ObjectContent, ObjectRecord } from '../../store/records.js';
import type { ObjectCipher } from '../encryption/object-cipher.js';
import { InlineBody } from './inline-body.js';
import { BodyReader, type ReadablePart, VersionReplaced } from './reader.js';
import { THREAD_MIN_BYTES, ThreadReader } from './thread-reader.js';

/**
 * The bytes [start, end) of a version, decrypted while they are read. Everything that lies outside the blob snapshot (inline body,
 * manifest pages) is fetched here, before an answer begins: an overwrite may take it at any time.
 * `snapshot`: needed where the record names blobs; taken before it was read. `budget`: where a client takes them.
 * @throws VersionReplaced: read the record again.
 */
export async function readVersion(
  stores: { meta: MetaStore; manifests: Manifests; bodyThreads: BodyThreads | undefined },
  snapshot: BlobSnapshot | undefined,
  record: ObjectRecord,
  cipher: ObjectCipher,
  range: { start: number; end: number },
  budget?: ClientBudget,
): Promise<BodyProducer> {
  const content = record.content;
  if (!content) throw new StoreDamaged('a version without content has no body');
  const objectId = Buffer.from(record.objectId, 'hex');
  if (liesInline(content)) return readInline(stores.meta, objectId, content.body, cipher, range);
  if (!snapshot) throw new Error('a body in blobs is read from a snapshot');
  const parts =
    'manifest' in content.body
      ? await manifestParts(stores.manifests, record.objectId, content.body.manifest, cipher, range)
      : [readable(content.body, 0, cipher)];
  if (stores.bodyThreads && range.end - range.start >= THREAD_MIN_BYTES) {
    const reader = new ThreadReader(stores.bodyThreads, snapshot, cipher.bodyKeys, parts, range);
    if (await reader.isInFiles()) return reader;
  }
  const reader = new BodyReader(stores.meta, snapshot, objectId, parts, range, budget);
  await reader.prefetch();
  return reader;
}

/** Whether the body is one row beside the record: no blob is named, and none can be taken away. */
export const liesInline = (content: ObjectContent): content is ObjectContent & { body: BodyPart } =>
  'inline' in content.body && content.body.inline === true;

/** The row isn't part of a snapshot: it is fetched before the answer begins. */
async function readInline(
  meta: MetaStore,
  objectId: Buffer,
  part: BodyPart,
  cipher: ObjectCipher,
  { start, end }: { start: number; end: number },
): Promise<BodyProducer> {
  const partId = Buffer.from(part.partId, 'hex');
  const row = await meta.get(inlineBodyKey(objectId, partId));
  if (!row) throw new VersionReplaced('the inline body of an object is missing');
  return new InlineBody(end - start, row.value, cipher.open(partId, part.size, part.chunkBytes, { start, end }));
}

function readable(part: BodyPart, offset: number, cipher: ObjectCipher): ReadablePart {
  const partId = Buffer.from(part.partId, 'hex');
  return { part, offset, open: (start, end) => cipher.open(partId, part.size, part.chunkBytes, { start, end }) };
}

/** The parts that the range touches: a few hundred bytes each, 10,000 at most. */
async function manifestParts(
  manifests: Manifests,
  objectId: string,
  manifest: Manifest,
  cipher: ObjectCipher,
  range: { start: number; end: number },
): Promise<ReadablePart[]> {
  const parts: ReadablePart[] = [];
  for (let page = 0; page < manifest.pages; page++) {
    const next = manifest.index[page + 1];
    if (next && next.offset <= range.start) continue;
    let offset = manifest.index[page]!.offset;
    if (offset >= range.end && page > 0) break;
    for (const part of await manifestPage(manifests, objectId, manifest, page)) {
      if (offset < range.end && (offset + part.size > range.start || part.size === 0))
        parts.push(readable(part, offset, cipher));
      offset += part.size;
    }
  }
  return parts;
}

async function manifestPage(
  manifests: Manifests,
  objectId: string,
  manifest: Manifest,
  page: number,
): Promise<ManifestPart[]> {
  const parts = await manifests.find(objectId, manifest, page);
  if (!parts) throw new VersionReplaced('a manifest page is missing');
  return parts;
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
    for (const part of await manifestPage(manifests, objectId, manifest, page)) {
      if (part.partNumber === partNumber) return { part, offset };
      offset += part.size;
    }
    return undefined;
  }
  return undefined;
}
