import { setImmediate as yieldToRequests } from 'node:timers/promises';
import type { Clock } from '../base/clock.js';
import type { DeadRows } from '../store/dead.js';
import { deadAfter, deadBefore, inlineBodyKey, manifestPageKey, partKey, TAG, under } from '../store/keys.js';
import type { Manifests } from '../store/manifest.js';
import type { BlobStore, MetaStore, Range, Run } from '../store/ports.js';
import type { BodyPart, DeadRecord } from '../store/records.js';
import { CommitBuilder, type Stored } from '../store/table.js';
import { requireUploadId, type Uploads } from '../store/uploads.js';

/** Row deletions of one commit; a page of part rows at most. */
const ROWS_PER_COMMIT = 400;
/** Clocks of gateways differ by less: a row from further ahead has no time in its key (`deadAfter`). */
const CLOCKS_APART_MS = 86_400_000;

interface SweeperParts {
  clock: Clock;
  meta: MetaStore;
  blobs: BlobStore;
  manifests: Manifests;
  uploads: Uploads;
  dead: DeadRows;
}

/**
 * Frees what nothing refers to: the work that `d` rows name, once nobody reads it any more. Every step may be repeated: blobs go first, then the rows that name them, the `d` row last. Stops at the first read error and leaves the rest
 * as it is: what can't be read must not be taken for dead.
 */
export class Sweeper {
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(private readonly parts: SweeperParts) {}

  /** Starts a pass, or has the running one followed by another. Failures reject the returned promise. */
  kick(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (this.#running) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#loop().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** A pass of whoever takes the work up, also after `stop`. */
  run(): Promise<void> {
    this.#stopped = false;
    return this.kick();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => {});
  }

  async #loop(): Promise<void> {
    do {
      this.#again = false;
      for (const range of this.#due()) {
        for await (const stored of this.parts.dead.table.scan(range, 100)) {
          if (this.#stopped) return;
          await this.#bury(stored);
          await yieldToRequests();
        }
      }
    } while (this.#again && !this.#stopped);
  }

  /** What died long enough ago for those who were reading it. */
  #due(): Range[] {
    const { blobs, clock } = this.parts;
    if (blobs.graceMs === 0) return [under(TAG.dead)];
    const nowMs = clock.now();
    return [deadBefore(nowMs - blobs.graceMs), deadAfter(nowMs + CLOCKS_APART_MS)];
  }

  async #bury({ key, record }: Stored<DeadRecord>): Promise<void> {
    const { meta } = this.parts;
    if (record.bodies) await this.#buryBodies(record.bodies.objectId, record.bodies.parts);
    if (record.manifest) await this.#buryManifest(record.manifest.objectId, record.manifest.pages);
    if (record.partRows) await this.#buryPartRows(record.partRows);
    await meta.commit(new CommitBuilder().del(key).build());
  }

  async #buryBodies(objectId: string, parts: BodyPart[]): Promise<void> {
    const rows: Uint8Array[] = [];
    for (const part of parts) {
      const partId = Buffer.from(part.partId, 'hex');
      if (part.runs) await this.parts.blobs.delete(partId, part.runs as Run[]);
      if (part.inline) rows.push(inlineBodyKey(Buffer.from(objectId, 'hex'), partId));
    }
    await this.#deleteRows(this.parts.meta, rows);
  }

  async #buryManifest(objectId: string, pages: number): Promise<void> {
    const id = Buffer.from(objectId, 'hex');
    // From the last page to the first: a pass that was cut short finds the earlier pages again.
    for (let page = pages - 1; page >= 0; page--) {
      const rowKey = manifestPageKey(id, page);
      if (!(await this.parts.meta.get(rowKey))) continue;
      await this.#buryBodies(objectId, await this.parts.manifests.page(objectId, page));
      await this.#deleteRows(this.parts.meta, [rowKey]);
    }
  }

  async #buryPartRows(rows: NonNullable<DeadRecord['partRows']>): Promise<void> {
    const uploadId = requireUploadId(rows.uploadId);
    const range = { gte: partKey(uploadId, 0), lt: partKey(uploadId, 0xffff) };
    for (;;) {
      const some = await this.parts.uploads.parts.range({ ...range, limit: ROWS_PER_COMMIT });
      if (rows.withBodies) {
        await this.#buryBodies(
          rows.objectId,
          some.map((stored) => stored.record),
        );
      }
      await this.#deleteRows(
        this.parts.meta,
        some.map((stored) => stored.key),
      );
      if (some.length < ROWS_PER_COMMIT) break;
    }
    if (!rows.withBodies) return;
    // Pages of a completion that didn't come to its end.
    const pages = await this.parts.meta.range({
      ...under(Buffer.concat([TAG.manifestPage, Buffer.from(rows.objectId, 'hex')])),
      limit: 100,
      keysOnly: true,
    });
    await this.#deleteRows(
      this.parts.meta,
      pages.map((row) => row.key),
    );
  }

  async #deleteRows(meta: MetaStore, keys: Uint8Array[]): Promise<void> {
    for (let i = 0; i < keys.length; i += ROWS_PER_COMMIT) {
      const commit = new CommitBuilder();
      for (const key of keys.slice(i, i + ROWS_PER_COMMIT)) commit.del(key);
      await meta.commit(commit.build());
    }
  }
}
