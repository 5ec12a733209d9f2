import { partitionOf } from '../base/partition.js';
import type { KmsCallerContext } from '../encryption/ports.js';
import type { Committing } from '../kms/committing.js';
import { decide } from '../policy/decide.js';
import type { PolicyDocument } from '../policy/ports.js';
import { HsmConditions } from './conditions.js';
import { denied, notFound } from './errors.js';
import { HsmEvent } from './event.js';
import { hsmArn, readBackupId } from './ids.js';
import type { HsmParts } from './ports.js';
import { type BackupRecord, backupRow, type ClusterRecord, policyRow, type TagPair } from './records.js';
import { parseResourcePolicy } from './resource-policy.js';
import type { Steward } from './steward.js';

export interface CallParts extends HsmParts {
  steward: Steward;
  /** Why a member doesn't serve. */
  troubleOf(clusterId: string, hsmId: string): string | undefined;
}

interface About {
  tags?: readonly TagPair[];
  tagKeys?: readonly string[];
}

/** One request under way: who asks, what of it is allowed, and its record of the audit. */
export class HsmCall {
  readonly event: HsmEvent;

  constructor(
    readonly name: string,
    readonly who: KmsCallerContext,
    readonly parts: CallParts,
  ) {
    this.event = new HsmEvent(name, who, parts);
  }

  get accountId(): string {
    return this.who.caller.accountId;
  }

  /** Commits what the request changes together with its record. */
  get committing(): Committing {
    return this.event.committing();
  }

  /** On nothing that exists. @throws CloudHsmAccessDeniedException */
  authorize(about: About = {}, action = this.name): void {
    this.#require(action, '*', this.accountId, [], about);
  }

  /** Found and authorized; only the caller's own. @throws CloudHsmAccessDeniedException, CloudHsmResourceNotFoundException */
  async cluster(clusterId: string, about: About = {}): Promise<ClusterRecord> {
    this.event.note({ resourceArn: this.arn(clusterId) });
    const tags = await this.parts.book.tagsOf(this.accountId, clusterId);
    this.#require(this.name, this.arn(clusterId), this.accountId, tags, about);
    const found = await this.parts.book.cluster(this.accountId, clusterId);
    if (!found) throw noCluster(clusterId);
    return found;
  }

  /** Another account's where its policy allows it. @throws as `cluster` */
  async backup(idOrArn: string, about: About = {}, action = this.name): Promise<BackupRecord> {
    const { accountId, backupId } = readBackupId(idOrArn, this.accountId);
    const { book } = this.parts;
    const tags = await book.tagsOf(accountId, backupId);
    const arn = hsmArn(this.parts.region, accountId, backupId);
    this.event.note({ resourceArn: arn });
    this.#require(action, arn, accountId, tags, about, await this.policyOf(accountId, backupId));
    const found = (await book.backups.get(backupRow(accountId, backupId)))?.record;
    if (!found) throw noBackup(backupId);
    return found;
  }

  /** Whether the caller may see another account's backup. */
  async maySee(backup: BackupRecord): Promise<boolean> {
    const { accountId, backupId } = backup;
    const policy = await this.policyOf(accountId, backupId);
    if (!policy) return false;
    const tags = await this.parts.book.tagsOf(accountId, backupId);
    return this.#ask(this.name, hsmArn(this.parts.region, accountId, backupId), accountId, tags, {}, policy).allowed;
  }

  async policyOf(accountId: string, backupId: string): Promise<PolicyDocument | undefined> {
    const text = (await this.parts.book.policies.get(policyRow(accountId, backupId)))?.record;
    return text === undefined ? undefined : parseResourcePolicy(text, partitionOf(this.parts.region));
  }

  /** Of one of the caller's own. */
  arn(id: string): string {
    return hsmArn(this.parts.region, this.accountId, id);
  }

  #require(
    action: string,
    resource: string,
    accountId: string,
    tags: readonly TagPair[],
    about: About,
    policy?: PolicyDocument,
  ): void {
    const decision = this.#ask(action, resource, accountId, tags, about, policy);
    if (decision.allowed) return;
    const why = decision.explicit
      ? `with an explicit deny in ${decision.by === 'identity policy' ? 'an identity' : 'a resource'}-based policy`
      : `because no ${decision.by === 'no identity policy' ? 'identity' : 'resource'}-based policy allows the cloudhsm:${action} action`;
    throw denied(
      `User: ${this.who.caller.arn} is not authorized to perform: cloudhsm:${action} on resource: ${resource} ${why}`,
    );
  }

  #ask(
    action: string,
    resource: string,
    accountId: string,
    resourceTags: readonly TagPair[],
    about: About,
    policy: PolicyDocument | undefined,
  ) {
    const { caller, requestContext } = this.who;
    const context = new HsmConditions({
      nowMs: this.parts.clock.now(),
      region: this.parts.region,
      resourceAccountId: accountId,
      resourceTags,
      requestTags: about.tags,
      tagKeys: about.tagKeys,
      request: requestContext,
    });
    return decide(
      { principal: caller, action: `cloudhsm:${action}`, resource, resourceAccountId: accountId, context },
      { identity: caller.policies, ...(policy && { resource: policy }), accountTrusted: true },
    );
  }
}

export const noCluster = (clusterId: string) => notFound(`Cluster ${clusterId} does not exist.`);
export const noBackup = (backupId: string) => notFound(`Backup ${backupId} does not exist.`);
