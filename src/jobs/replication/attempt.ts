import type { Caller } from '../../auth/ports.js';
import { actingRole } from '../../s3/replication/pass-role.js';
import { REPLICATION } from '../../s3/replication/rules.js';
import { ReplicaSource, type RoleAccess } from '../../s3/replication/source.js';
import type { Services } from '../../s3/services.js';
import type { BucketRecord, ObjectRecord, ReplicationTask } from '../../store/records.js';
import type { Stored } from '../../store/table.js';
import type { Destinations } from './destinations.js';
import { ReplicationFault } from './fault.js';
import { replicaVersionId } from './headers.js';
import { type Sending, sendChanges, sendMarker, sendVersion } from './send.js';
import { TargetRefused } from './target.js';

export interface AttemptParts {
  services: Services;
  destinations: Destinations;
  access(role: Caller): RoleAccess;
  /** The process ends: bodies on their way are cut off. */
  stopping(): boolean;
}

type Todo = ReplicationTask['todo'][number];

/** Brings one version, or what changed of it, to one destination. */
export class Attempt {
  constructor(
    private readonly parts: AttemptParts,
    private readonly bucket: Stored<BucketRecord>,
    private readonly key: string,
    private readonly record: ObjectRecord,
  ) {}

  /**
   * @returns the version's id there, where it is another one than here
   * @throws ReplicationFault, TargetRefused, TargetUnreachable, and what reading throws
   */
  async run(todo: Todo, knownId: string | undefined): Promise<string | undefined> {
    const sending = await this.#prepare(todo);
    const id = await this.#send(sending, todo, knownId);
    return id === undefined || id === replicaVersionId(this.record) ? undefined : id;
  }

  async #send(sending: Sending, { what }: Todo, knownId: string | undefined): Promise<string | undefined> {
    const { record, key } = this;
    if (!record.content) return sendMarker(sending, this.bucket.record, key, record);
    if (what === 'changes') {
      try {
        await sendChanges(sending, this.bucket.record, key, record, knownId);
        return knownId;
      } catch (error) {
        // Somebody deleted the replica: on AWS too a change of its source doesn't bring it back.
        if (error instanceof TargetRefused && error.code.startsWith('NoSuch') && error.code !== 'NoSuchBucket')
          return knownId;
        throw error;
      }
    }
    return this.#sendContent(sending, record as ObjectRecord & { content: NonNullable<ObjectRecord['content']> });
  }

  async #sendContent(
    sending: Sending,
    record: ObjectRecord & { content: NonNullable<ObjectRecord['content']> },
  ): Promise<string | undefined> {
    const { services } = this.parts;
    const snapshot = services.blobs.snapshot();
    let source: ReplicaSource;
    try {
      const who = { access: sending.access, role: sending.role };
      source = await ReplicaSource.open(services, who, this.bucket, this.key, record, snapshot);
    } catch (error) {
      await snapshot.close();
      throw error;
    }
    try {
      return await sendVersion(sending, source);
    } finally {
      await source.close();
    }
  }

  /** The rule as it is now: where it is gone, or off, nothing is sent any more. */
  async #prepare({ ruleId, bucketArn }: Todo): Promise<Sending> {
    const { services, destinations } = this.parts;
    const replication = await services.configs.read(this.bucket.record, REPLICATION);
    const rule = replication?.rules.find((one) => one.id === ruleId && one.destination.bucketArn === bucketArn);
    if (!replication || !rule?.enabled) {
      throw new ReplicationFault('RuleRemoved', `rule ${JSON.stringify(ruleId)} is gone or disabled`);
    }
    const role = actingRole(services, replication.role, this.bucket.record);
    if (!role) {
      const why = 'does not exist, or its trust policy does not let s3.amazonaws.com assume it';
      throw new ReplicationFault('AssumeRoleNotPermitted', `${replication.role} ${why}`);
    }
    const access = this.parts.access(role);
    if (!(await access.enter(this.bucket.record.name)))
      throw new ReplicationFault('SrcBucketNotFound', 'it was deleted');
    const target = await destinations.find(bucketArn, role);
    if (!target) throw new ReplicationFault('DstBucketNotFound', `${bucketArn} is nowhere`);
    return { target, rule, access, role, nowMs: services.clock.now(), stopping: this.parts.stopping };
  }
}
