import { ManualClock } from '../../src/base/clock.js';
import type { LifecycleCounts } from '../../src/jobs/lifecycle/counts.js';
import { LifecycleJob } from '../../src/jobs/lifecycle/job.js';
import { LIFECYCLE, type LifecycleRule } from '../../src/s3/lifecycle/rules.js';
import { newUploadId } from '../../src/s3/multipart/new-upload-id.js';
import { BucketConfigs } from '../../src/store/bucket-configs.js';
import { Buckets } from '../../src/store/buckets.js';
import { objectKeyOf, TAG, under } from '../../src/store/keys.js';
import { Objects } from '../../src/store/objects.js';
import type { Commit, MetaStore } from '../../src/store/ports.js';
import type { BucketRecord, ObjectContent } from '../../src/store/records.js';
import { Uploads } from '../../src/store/uploads.js';
import { bucketRecord, newVersion, plain } from '../versions/engines.js';

export const DAY = 86_400_000;
/** 2026-01-15 10:30 UTC. */
export const START = Date.UTC(2026, 0, 15, 10, 30);

/** What a process holds over a store: made again, it is the process after a crash. */
export class World {
  readonly buckets: Buckets;
  readonly objects: Objects;
  readonly configs: BucketConfigs;
  readonly uploads: Uploads;
  readonly job: LifecycleJob;
  readonly reports: LifecycleCounts[] = [];
  readonly troubles: string[] = [];
  readonly failures: unknown[] = [];

  constructor(
    readonly meta: MetaStore,
    readonly clock: ManualClock = new ManualClock(START),
    options: { pagesPerSave?: number; rest?: () => Promise<void> } = {},
  ) {
    this.buckets = new Buckets(meta, plain);
    this.objects = new Objects(meta, plain, this.buckets, clock);
    this.configs = new BucketConfigs(meta, plain, this.buckets);
    this.uploads = new Uploads(meta, plain, this.objects.dead);
    this.job = new LifecycleJob({
      ...{ meta, clock, sealer: plain, dayMs: DAY },
      ...{ buckets: this.buckets, configs: this.configs, objects: this.objects, uploads: this.uploads },
      sweep: () => {},
      report: (counts) => void this.reports.push(counts),
      trouble: (bucket) => void this.troubles.push(bucket),
      rest: options.rest ?? (async () => {}),
      pagesPerSave: options.pagesPerSave ?? 1,
    });
  }

  async create(name: string, rules: Partial<LifecycleRule>[], extra: Partial<BucketRecord> = {}): Promise<void> {
    await this.buckets.create(bucketRecord(name, extra));
    await this.rules(name, rules);
  }

  async rules(name: string, rules: Partial<LifecycleRule>[]): Promise<void> {
    const whole = rules.map((rule, i): LifecycleRule => ({ id: `r${i}`, enabled: true, filter: {}, ...rule }));
    await this.configs.write(name, LIFECYCLE, { rules: whole, minimumSize: 'all_storage_classes_128K' });
  }

  async put(bucket: string, key: string, extra: Partial<ObjectContent> = {}): Promise<string> {
    return (await this.objects.put((await this.buckets.get(bucket))!, key, newVersion(extra))).versionId;
  }

  async remove(bucket: string, key: string, versionId?: string): Promise<void> {
    await this.objects.remove((await this.buckets.get(bucket))!, key, versionId, '1');
  }

  async upload(bucket: string, key: string): Promise<string> {
    const nowMs = this.clock.now();
    const uploadId = newUploadId(nowMs, key);
    const { objectId, content } = newVersion();
    const { storageClass, system, metadata, encryption } = content;
    await this.uploads.create((await this.buckets.get(bucket))!, {
      ...{ uploadId, key, objectId, initiatedMs: nowMs, ownerAccountId: '1', initiatorArn: 'a', initiatorName: 'a' },
      ...{ storageClass, system, metadata, encryption, checksum: { algorithm: 'CRC64NVME', type: 'FULL_OBJECT' } },
    });
    return uploadId;
  }

  /** Every version: `key`, its class or `marker`, current ones with a `*`; by key, newest first. */
  async versions(bucket: string): Promise<string[]> {
    const id = Buffer.from((await this.buckets.get(bucket))!.record.bucketId, 'hex');
    const found: [key: string, sequence: number, text: string][] = [];
    for (const tag of [TAG.current, TAG.version]) {
      for await (const { key: row, record } of this.objects.table.scan(under(Buffer.concat([tag, id])))) {
        const what = record.deleteMarker ? 'marker' : record.content!.storageClass;
        const key = objectKeyOf(row);
        found.push([key, record.sequence, `${key} ${what}${tag === TAG.current ? '*' : ''}`]);
      }
    }
    return found
      .sort((a, b) => Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])) || b[1] - a[1])
      .map((one) => one[2]);
  }

  /** Whole days, and what is due then. */
  async pass(days: number): Promise<void> {
    this.clock.advance(days * DAY);
    await this.job.tick();
  }
}

/** A store in which something happens before, or instead of, or behind a commit. */
export function meddled(
  meta: MetaStore,
  meddle: (commit: () => Promise<boolean>, asked: Commit) => Promise<boolean>,
): MetaStore {
  return new Proxy(meta, {
    get(target, name) {
      if (name === 'commit') return (commit: Commit) => meddle(() => target.commit(commit), commit);
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
