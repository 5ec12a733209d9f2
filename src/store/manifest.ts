import { createHash } from 'node:crypto';
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
   * Writes the pages of an object that nothing names yet. They stay unreachable until the object's own commit; pages of an
   * earlier, failed attempt under the same object id are overwritten.
   */
  async write(objectId: string, parts: readonly ManifestPart[]): Promise<Manifest> {
    const id = Buffer.from(objectId, 'hex');
    const hash = createHash('sha256');
    const index: Manifest['index'] = [];
    let offset = 0;
    for (const page of paginate(parts)) {
      hash.update(JSON.stringify(page));
      await this.meta.commit(new CommitBuilder().put(this.#table.put(manifestPageKey(id, index.length), page)).build());
      index.push({ offset, firstPart: page[0]!.partNumber });
      for (const part of page) offset += part.size;
    }
    return { pages: index.length, parts: parts.length, digest: hash.digest('base64'), index };
  }

  /** One page; undefined where it is gone, since the object is. */
  async find(objectId: string, page: number): Promise<ManifestPart[] | undefined> {
    return (await this.#table.get(manifestPageKey(Buffer.from(objectId, 'hex'), page)))?.record;
  }

  /** One page. @throws StoreDamaged where it is missing. */
  async page(objectId: string, page: number): Promise<ManifestPart[]> {
    const parts = await this.find(objectId, page);
    if (!parts) throw new StoreDamaged(`a manifest page of object ${objectId} is missing`);
    return parts;
  }

  /** All parts, with the digest checked. */
  async all(objectId: string, manifest: Manifest): Promise<ManifestPart[]> {
    const hash = createHash('sha256');
    const parts: ManifestPart[] = [];
    for (let page = 0; page < manifest.pages; page++) {
      const some = await this.page(objectId, page);
      hash.update(JSON.stringify(some));
      parts.push(...some);
    }
    if (!new Mac(hash.digest()).equals(Buffer.from(manifest.digest, 'base64'))) {
      throw new StoreDamaged(`the manifest of object ${objectId} does not match its record`);
    }
    return parts;
  }
}

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
