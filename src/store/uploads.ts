import { KeyedTurns } from '../base/keyed-turns.js';
import type { RecordSealer } from '../seal/ports.js';
import { untilCommitted } from './conflict.js';
import type { DeadRows } from './dead.js';
import { bucketKey, partKey, partsGenerationKey, TAG, under, uploadKey } from './keys.js';
import type { MetaStore } from './ports.js';
import { type BucketRecord, PART, type PartRecord, UPLOAD, type UploadRecord } from './records.js';
import { CommitBuilder, marker, type Stored, Table } from './table.js';

/** The upload was completed or aborted while the request ran. */
export class UploadGone extends Error {
  override name = 'UploadGone';
}

/** A part was put, perhaps in place of another, since the parts were read. */
export class PartsChanged extends Error {
  override name = 'PartsChanged';
}

/** The parts of an upload as they were read; where others than this process put some too, with what says whether they still are. */
export interface UploadParts {
  parts: PartRecord[];
  /** Absent where nobody else does, and where there was no part. */
  generation?: { revision: Buffer };
}

/**
 * Multipart uploads under way and their parts. Every write of a part checks the upload's row: none lands behind the end. A completion
 * checks that the parts are those that it read.
 */
export class Uploads {
  readonly table: Table<UploadRecord>;
  readonly parts: Table<PartRecord>;
  readonly #turns = new KeyedTurns();

  constructor(
    private readonly meta: MetaStore,
    sealer: RecordSealer,
    private readonly dead: DeadRows,
  ) {
    this.table = new Table(meta, sealer, UPLOAD);
    this.parts = new Table(meta, sealer, PART);
  }

  rowKey(bucketId: string, key: string, uploadId: string): Buffer | undefined {
    const id = decodeUploadId(uploadId);
    return id && uploadKey(Buffer.from(bucketId, 'hex'), key, id);
  }

  async find(bucketId: string, key: string, uploadId: string): Promise<Stored<UploadRecord> | undefined> {
    const rowKey = this.rowKey(bucketId, key, uploadId);
    return rowKey && this.table.get(rowKey);
  }

  /** `false`: the bucket changed meanwhile; read it again. */
  async create(bucket: Stored<BucketRecord>, record: UploadRecord): Promise<boolean> {
    const rowKey = this.rowKey(bucket.record.bucketId, record.key, record.uploadId);
    if (!rowKey) throw new Error('not an upload id');
    return this.meta.commit(
      new CommitBuilder()
        .expect(bucketKey(bucket.record.name), bucket)
        .expect(rowKey, undefined)
        .put(this.table.put(rowKey, record))
        .build(),
    );
  }

  /**
   * In this process, what must see the parts as they stay until its commit. A completion writes pages under the object's id before it
   * commits: two at once would write over each other's, and a part that is replaced meanwhile would be swept away under it. Where other
   * processes write too, pages have names of their own and the commit checks the parts: the turns only save it from being tried again.
   */
  alone<T>(uploadId: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(uploadId, work);
  }

  /** Stores a part; an earlier one with its number goes to the sweeper. @throws UploadGone */
  async putPart(
    upload: Stored<UploadRecord>,
    part: PartRecord,
    alongside: (commit: CommitBuilder) => void,
  ): Promise<void> {
    await this.alone(upload.record.uploadId, () => this.#putPart(upload, part, alongside));
  }

  async #putPart(
    upload: Stored<UploadRecord>,
    part: PartRecord,
    alongside: (commit: CommitBuilder) => void,
  ): Promise<void> {
    const key = partKey(requireUploadId(upload.record.uploadId), part.partNumber);
    await untilCommitted(async () => {
      const old = await this.parts.get(key);
      const commit = new CommitBuilder().expect(upload.key, upload).expect(key, old).put(this.parts.put(key, part));
      if (old) for (const row of this.dead.ofParts(upload.record.objectId, [old.record])) commit.put(row);
      if (this.meta.shared) commit.put(marker(this.#generationKey(upload)));
      alongside(commit);
      if (await this.meta.commit(commit.build())) return true;
      const fresh = await this.table.get(upload.key);
      if (!fresh?.revision.equals(upload.revision)) throw new UploadGone(upload.record.uploadId);
      return undefined;
    });
  }

  /** Uploads under way of one key, in the order they began. */
  ofKey(bucketId: string, key: string): AsyncGenerator<Stored<UploadRecord>> {
    return this.table.scan(under(uploadKey(Buffer.from(bucketId, 'hex'), key, Buffer.alloc(0))));
  }

  /** Parts in ascending order after number `after`. */
  async listParts(uploadId: string, after: number, limit: number): Promise<Stored<PartRecord>[]> {
    const id = requireUploadId(uploadId);
    return this.parts.range({ gte: partKey(id, after + 1), lt: partKey(id, 0xffff), limit });
  }

  async allParts(upload: Stored<UploadRecord>): Promise<UploadParts> {
    const id = requireUploadId(upload.record.uploadId);
    // Before the parts: what is put meanwhile may be among them, and is found to be new all the same.
    const generation = this.meta.shared ? await this.meta.get(this.#generationKey(upload)) : undefined;
    const parts: PartRecord[] = [];
    for await (const stored of this.parts.scan({ gte: partKey(id, 0), lt: partKey(id, 0xffff) }))
      parts.push(stored.record);
    return { parts, ...(generation && { generation }) };
  }

  /** Before a commit with `complete`. @throws UploadGone, PartsChanged */
  async requireUnchanged(upload: Stored<UploadRecord>, { generation }: UploadParts): Promise<void> {
    const keys = this.meta.shared ? [upload.key, this.#generationKey(upload)] : [upload.key];
    const [now, parts] = await this.meta.getMany(keys);
    if (!now?.revision.equals(upload.revision)) throw new UploadGone(upload.record.uploadId);
    if (parts ? !generation?.revision.equals(parts.revision) : generation)
      throw new PartsChanged(upload.record.uploadId);
  }

  #generationKey(upload: Stored<UploadRecord>): Buffer {
    return partsGenerationKey(requireUploadId(upload.record.uploadId));
  }

  /** Ends an upload; its parts go to the sweeper. @throws UploadGone */
  async abort(upload: Stored<UploadRecord>): Promise<void> {
    const { uploadId, objectId } = upload.record;
    const commit = new CommitBuilder()
      .expect(upload.key, upload)
      .del(upload.key)
      .put(this.dead.row({ partRows: { uploadId, objectId, withBodies: true } }))
      .frees();
    if (this.meta.shared) commit.del(this.#generationKey(upload));
    if (!(await this.meta.commit(commit.build()))) throw new UploadGone(uploadId);
  }

  /** Ends all uploads of a bucket that is gone. */
  async abandonAll(bucketId: string): Promise<void> {
    const range = under(Buffer.concat([TAG.upload, Buffer.from(bucketId, 'hex')]));
    for await (const upload of this.table.scan(range)) await this.abort(upload).catch(ignoreGone);
  }

  /**
   * Adds to the commit of the completed version: the upload ends, parts that weren't listed and all part rows are dead. It holds only
   * while the parts are those of `read`.
   */
  complete(
    commit: CommitBuilder,
    upload: Stored<UploadRecord>,
    { generation }: UploadParts,
    unlisted: PartRecord[],
  ): void {
    const { uploadId, objectId } = upload.record;
    commit.expect(upload.key, upload).del(upload.key);
    if (this.meta.shared) commit.expect(this.#generationKey(upload), generation).del(this.#generationKey(upload));
    commit.put(this.dead.row({ partRows: { uploadId, objectId, withBodies: false } }));
    for (const row of this.dead.ofParts(objectId, unlisted)) commit.put(row);
  }
}

/** 8 bytes time (ms) ‖ 16 random bytes as base64url-like text with `.` for `-`. Undefined: can't be one of ours. */
export function decodeUploadId(uploadId: string): Buffer | undefined {
  if (!/^[A-Za-z0-9._]{32}$/.test(uploadId)) return undefined;
  return Buffer.from(uploadId.replaceAll('.', '-'), 'base64url');
}

export function encodeUploadId(bytes: Buffer): string {
  return bytes.toString('base64url').replaceAll('-', '.');
}

/** The bytes of an id that Coffer made. */
export function requireUploadId(uploadId: string): Buffer {
  const bytes = decodeUploadId(uploadId);
  if (!bytes) throw new Error('not an upload id');
  return bytes;
}

function ignoreGone(error: unknown): void {
  if (!(error instanceof UploadGone)) throw error;
}
