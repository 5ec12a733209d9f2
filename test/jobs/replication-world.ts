import { randomBytes } from 'node:crypto';
import type { Caller } from '../../src/auth/ports.js';
import type { ManualClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';
import { DataKeys } from '../../src/encryption/data-keys.js';
import type { KeyService } from '../../src/encryption/ports.js';
import type { Destinations } from '../../src/jobs/replication/destinations.js';
import { ReplicationJob } from '../../src/jobs/replication/job.js';
import type { Target, TargetRequest } from '../../src/jobs/replication/target.js';
import { ReplicationWorker } from '../../src/jobs/replication/worker.js';
import { ReplicationCounts } from '../../src/s3/replication/counts.js';
import { ReplicationPlanner } from '../../src/s3/replication/planner.js';
import { REPLICA_HEADER, type ReplicaHeader } from '../../src/s3/replication/replica-header.js';
import { REPLICATION, type ReplicationRule } from '../../src/s3/replication/rules.js';
import type { Services } from '../../src/s3/services.js';
import { BucketConfigs } from '../../src/store/bucket-configs.js';
import { Buckets } from '../../src/store/buckets.js';
import { inlineBodyKey } from '../../src/store/keys.js';
import { Manifests } from '../../src/store/manifest.js';
import { MemoryBlobStore } from '../../src/store/memory/blob-store.js';
import { Objects } from '../../src/store/objects.js';
import type { MetaStore } from '../../src/store/ports.js';
import type { ObjectContent, ObjectRecord } from '../../src/store/records.js';
import { ReplicationQueue } from '../../src/store/replication-queue.js';
import { bucketRecord, newVersion, plain } from '../versions/engines.js';

export const DAY = 86_400_000;
export const START = Date.UTC(2026, 0, 15);
const STORE_KEY = randomBytes(32);
const ROLE = { kind: 'role', accountId: '111111111111', arn: 'role', policies: [] } as unknown as Caller;

/** A destination that takes versions as a Coffer does: each once. It outlives the worlds. */
export class FakeTarget implements Target {
  /** `key id body`, in the order they came. */
  readonly taken: string[] = [];
  readonly requests: string[] = [];
  readonly region = 'us-east-1';
  before: (replica: ReplicaHeader, key: string) => Promise<void> = async () => {};
  after: (replica: ReplicaHeader, key: string) => Promise<void> = async () => {};

  async send({ key, headers, body, method }: TargetRequest) {
    const sent = Buffer.from(headers![REPLICA_HEADER]!, 'base64url').toString();
    const replica = JSON.parse(sent) as ReplicaHeader;
    this.requests.push(
      `${key} ${replica.versionId}${replica.changes ? ` changes ${headers!['x-amz-tagging'] ?? ''}` : ''}`,
    );
    await this.before(replica, key);
    let text = method === 'DELETE' ? 'marker' : '';
    if (body && typeof body !== 'string') {
      await body.pump((chunk) => {
        text += chunk.toString();
      });
    }
    const line = `${key} ${replica.versionId} ${text}`;
    if (!replica.changes && !this.taken.includes(line)) this.taken.push(line);
    await this.after(replica, key);
    return { headers: { 'x-amz-version-id': replica.versionId }, element: () => undefined };
  }
}

/** What a process holds over a store: made again, it is the process after a crash. */
export class World {
  readonly buckets: Buckets;
  readonly objects: Objects;
  readonly configs: BucketConfigs;
  readonly queue: ReplicationQueue;
  readonly counts = new ReplicationCounts();
  readonly job: ReplicationJob;
  readonly failures: unknown[] = [];
  /** Whom S3 may act as. */
  role: Caller | undefined = ROLE;
  readonly #dataKeys: DataKeys;

  constructor(
    readonly meta: MetaStore,
    readonly clock: ManualClock,
    readonly targets: Record<string, Target>,
    keysAtOnce = 8,
  ) {
    this.buckets = new Buckets(meta, plain);
    this.configs = new BucketConfigs(meta, plain, this.buckets);
    this.queue = new ReplicationQueue(meta, plain);
    const planner = new ReplicationPlanner(this.queue, this.configs, clock, this.counts, (row) => this.job.told(row));
    this.objects = new Objects(meta, plain, this.buckets, clock, undefined, planner);
    this.#dataKeys = new DataKeys({} as KeyService, new Secret(Buffer.from(STORE_KEY)), clock);
    const services = {
      ...{ meta, clock, buckets: this.buckets, objects: this.objects, configs: this.configs, dataKeys: this.#dataKeys },
      ...{ blobs: new MemoryBlobStore(), manifests: new Manifests(meta, plain), region: 'us-east-1' },
      accounts: { acting: () => this.role },
    } as unknown as Services;
    const worker = new ReplicationWorker({
      services,
      destinations: { find: async (arn: string) => this.targets[arn] } as unknown as Destinations,
      access: () => ({
        ...{ enter: (name) => this.buckets.get(name), require: () => {}, allowed: () => true },
        requestContext: { get: () => undefined },
      }),
      ...{ queue: this.queue, counts: this.counts, dayMs: DAY, trouble: () => {}, stopping: () => this.job.stopping },
    });
    this.job = new ReplicationJob({
      ...{ queue: this.queue, clock, counts: this.counts, keysAtOnce },
      work: (task) => worker.work(task),
      failed: (error) => void this.failures.push(error),
    });
  }

  async create(name: string, destinations: string[], more: Partial<ReplicationRule> = {}): Promise<void> {
    await this.buckets.create(bucketRecord(name, { versioning: 'Enabled' }));
    const rules = destinations.map((bucketArn, i): ReplicationRule => {
      return {
        id: `r${i}`,
        enabled: true,
        priority: i,
        filter: {},
        deleteMarkers: true,
        destination: { bucketArn },
        ...more,
      };
    });
    await this.configs.write(name, REPLICATION, { role: 'arn:aws:iam::111111111111:role/r', rules });
  }

  async put(key: string, body: string, extra: Partial<ObjectContent> = {}, bucket = 'b'): Promise<ObjectRecord> {
    const stored = (await this.buckets.get(bucket))!;
    const version = newVersion(extra);
    const [bucketId, objectId] = [stored.record.bucketId, version.objectId].map((id) => Buffer.from(id, 'hex'));
    const target = {
      who: {} as never,
      arns: { bucketArn: '', objectArn: '' },
      ids: { bucketId: bucketId!, objectId: objectId! },
    };
    const keys = await this.#dataKeys.create(target, { mode: 'SSE-S3' });
    const partId = randomBytes(16);
    const sealer = keys.seal(partId);
    const value = Buffer.concat(
      [...sealer.update(Buffer.from(body)), ...sealer.final()].map((one) => Buffer.from(one)),
    );
    version.content.encryption = extra.encryption ?? keys.wrapped;
    version.content.size = body.length;
    version.content.body = {
      partId: partId.toString('hex'),
      size: body.length,
      inline: true,
      chunkBytes: sealer.chunkBytes,
    };
    return this.objects.put(stored, key, version, {
      alongside: (commit) => void commit.put({ key: inlineBodyKey(objectId!, partId), value }),
    });
  }

  async remove(key: string, versionId?: string): Promise<void> {
    await this.objects.remove((await this.buckets.get('b'))!, key, versionId, '1');
  }

  async tag(key: string, value: string): Promise<void> {
    await this.objects.replace((await this.buckets.get('b'))!, key, undefined, (record) => {
      return { ...record, content: { ...record.content!, tags: [['t', value]] } };
    });
  }

  async status(key: string, versionId?: string): Promise<string | undefined> {
    const { bucketId } = (await this.buckets.get('b'))!.record;
    return (await this.objects.find(bucketId, key, versionId))?.record.replication?.status;
  }

  async failed(): Promise<string[]> {
    const lines: string[] = [];
    for await (const { key, failure } of this.queue.failed()) {
      lines.push(`${key} ${failure.failures.map((one) => `${one.bucketArn} ${one.reason}`).join(', ')}`);
    }
    return lines;
  }

  /** Everything that is due now. */
  async run(): Promise<void> {
    this.job.start();
    await this.job.idle();
  }
}
