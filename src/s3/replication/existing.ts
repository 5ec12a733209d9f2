import { objectKeyOf, TAG, under, versionsPrefix } from '../../store/keys.js';
import type { BucketRecord, ObjectRecord } from '../../store/records.js';
import type { Stored } from '../../store/table.js';
import type { Services } from '../services.js';
import { isRefused, rulesFor, subjectOf } from './match.js';
import { REPLICATION, type Replication } from './rules.js';

/** The versions that a bucket has: all of them are asked, key by key, the oldest first. */
export class ExistingVersions {
  readonly #id: Buffer;

  constructor(
    private readonly services: Services,
    private readonly bucket: Stored<BucketRecord>,
    private readonly options: { all: boolean },
  ) {
    this.#id = Buffer.from(bucket.record.bucketId, 'hex');
  }

  /** How many there are. */
  async count(): Promise<number> {
    let count = 0;
    for (const tag of [TAG.current, TAG.version]) {
      const range = under(Buffer.concat([tag, this.#id]));
      for (let gte = range.gte; ; ) {
        const rows = await this.services.meta.range({ gte, lt: range.lt, limit: 1000, keysOnly: true });
        count += rows.length;
        if (rows.length < 1000) break;
        gte = Buffer.concat([rows.at(-1)!.key, Buffer.of(0)]);
      }
    }
    return count;
  }

  /** Puts on the queue what the rules want and what isn't replicated yet. Tells of each version whether it was queued. */
  async *queue(): AsyncGenerator<boolean> {
    const { objects, configs } = this.services;
    const replication = await configs.read(this.bucket.record, REPLICATION);
    if (!replication) return;
    for await (const current of objects.table.scan(under(Buffer.concat([TAG.current, this.#id])))) {
      const key = objectKeyOf(current.key);
      const older = await this.#olderOf(key);
      for (const record of [...older, current.record]) yield await this.#queue(replication, key, record);
    }
  }

  /** Oldest first; what rows say of versions, without their bodies. */
  async #olderOf(key: string): Promise<ObjectRecord[]> {
    const found: ObjectRecord[] = [];
    for await (const { record } of this.services.objects.table.scan(under(versionsPrefix(this.#id, key)))) {
      found.push(record);
    }
    return found.reverse();
  }

  async #queue(replication: Replication, key: string, record: ObjectRecord): Promise<boolean> {
    const status = record.replication?.status;
    const wanted = status === undefined || status === 'FAILED' || (this.options.all && status === 'COMPLETED');
    const subject = subjectOf(key, record);
    if (!wanted || (rulesFor(replication, subject).length === 0 && !isRefused(replication, subject))) return false;
    // The planner sees the status and decides in the commit itself.
    const asked = await this.services.objects.replace(this.bucket, key, record.versionId, (found) =>
      found.objectId === record.objectId
        ? { ...found, replication: { ...found.replication, status: 'PENDING' } }
        : found,
    );
    return asked?.replication?.status === 'PENDING';
  }
}
