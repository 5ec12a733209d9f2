import { createHash } from 'node:crypto';
import { randomId } from '../base/ids.js';
import { Mac } from '../base/mac.js';
import type { RecordSealer } from '../seal/ports.js';
import { StoreDamaged } from './errors.js';
import { manifestPageKey } from './keys.js';
import type { MetaStore } from './ports.js';
import { MANIFEST_PAGE, type Manifest, type ManifestPart } from './records.js';
import { CommitBuilder, Table } from './table.js';

const PAGE_MAX_PARTS = 500;
/** A page's JSON: leaves room for the sealing within a value of 64 KiB. */
const PAGE_MAX_BYTES = 56 * 1024;

/** The parts of multipart objects, in pages. */
export class Manifests {
  readonly #table: Table<ManifestPart[]>;

  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
  ) {
    this.#table = new Table(meta, sealer, MANIFEST_PAGE);
  }

  /**
   * Writes the pages of an object that nothing names yet. They stay unreachable until the object's own commit. Where other processes
   * may write pages of the same object at the same time, each attempt's have names of their own; else those of an earlier, failed
   * attempt are overwritten.
   */
  async write(objectId: string, parts: readonly ManifestPart[]): Promise<Manifest> {
    const attempt = this.meta.shared ? { attempt: randomId().toString('hex') } : {};
    const hash = createHash('sha256');
    const index: Manifest['index'] = [];
    let offset = 0;
    for (const page of paginate(parts)) {
      hash.update(JSON.stringify(page));
      const row = this.#table.put(pageKey(objectId, attempt, index.length), page);
      await this.meta.commit(new CommitBuilder().put(row).build());
      index.push({ offset, firstPart: page[0]!.partNumber });
      for (const part of page) offset += part.size;
    }
    return { ...attempt, pages: index.length, parts: parts.length, digest: hash.digest('base64'), index };
  }

  /** Pages that surely are nobody's: another attempt was faster, or found other parts. */
  async discard(objectId: string, { attempt, pages }: Manifest): Promise<void> {
    if (attempt === undefined) return;
    const commit = new CommitBuilder().frees();
    for (let page = 0; page < pages; page++) commit.del(pageKey(objectId, { attempt }, page));
    await this.meta.commit(commit.build());
  }

  /** One page; undefined where it is gone, since the object is. */
  async find(objectId: string, manifest: PagesName, page: number): Promise<ManifestPart[] | undefined> {
    return (await this.#table.get(pageKey(objectId, manifest, page)))?.record;
  }

  /** One page. @throws StoreDamaged where it is missing. */
  async page(objectId: string, manifest: PagesName, page: number): Promise<ManifestPart[]> {
    const parts = await this.find(objectId, manifest, page);
    if (!parts) throw new StoreDamaged(`a manifest page of object ${objectId} is missing`);
    return parts;
  }

  /** All parts, with the digest checked. */
  async all(objectId: string, manifest: Manifest): Promise<ManifestPart[]> {
    const hash = createHash('sha256');
    const parts: ManifestPart[] = [];
    for (let page = 0; page < manifest.pages; page++) {
      const some = await this.page(objectId, manifest, page);
      hash.update(JSON.stringify(some));
      parts.push(...some);
    }
    if (!new Mac(hash.digest()).equals(Buffer.from(manifest.digest, 'base64'))) {
      throw new StoreDamaged(`the manifest of object ${objectId} does not match its record`);
    }
    return parts;
  }
}

type PagesName = Pick<Manifest, 'attempt'>;

export const pageKey = (objectId: string, { attempt }: PagesName, page: number): Buffer =>
  manifestPageKey(Buffer.from(objectId, 'hex'), page, attempt === undefined ? undefined : Buffer.from(attempt, 'hex'));

function* paginate(parts: readonly ManifestPart[]): Generator<ManifestPart[]> {
  let page: ManifestPart[] = [];
  let bytes = 0;
  for (const part of parts) {
    const size = JSON.stringify(part).length + 1;
    if (page.length === PAGE_MAX_PARTS || (page.length > 0 && bytes + size > PAGE_MAX_BYTES)) {
      yield page;
      page = [];
      bytes = 0;
    }
    page.push(part);
    bytes += size;
  }
  if (page.length > 0) yield page;
}
