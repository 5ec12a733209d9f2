import { actionsFor, type Before, type LifecycleAction } from '../../s3/lifecycle/actions.js';
import { LIFECYCLE, type Lifecycle } from '../../s3/lifecycle/rules.js';
import { TooMuchContention } from '../../store/conflict.js';
import { StoreUnavailable } from '../../store/errors.js';
import { under, versionKey, versionsPrefix } from '../../store/keys.js';
import type { Objects, Surroundings } from '../../store/objects.js';
import type { BucketRecord, ObjectRecord } from '../../store/records.js';
import type { Stored } from '../../store/table.js';
import { VersionLocked } from '../../store/version-lock.js';

/** What was decided doesn't hold for what the commit found. */
class NotDue extends Error {
  override name = 'NotDue';
}

/** A bucket, and its rules as they were read with it. */
export interface BucketRules {
  bucket: Stored<BucketRecord>;
  lifecycle: Lifecycle;
}

/**
 * Does what the rules demand of one version. The decision is made again inside the commit, on the records that it finds: a
 * version that was replaced, tagged, locked or made current meanwhile, and one whose rules were changed, is left alone.
 */
export class LifecycleActor {
  constructor(
    private readonly objects: Objects,
    private readonly clock: { now(): number },
    private readonly dayMs: number,
  ) {}

  /** `kept`: it may not be done, or not any more. @throws BucketGone and what the store throws */
  async act(rules: BucketRules, key: string, seen: ObjectRecord, action: LifecycleAction): Promise<'done' | 'kept'> {
    try {
      await this.#act(rules, key, seen, action);
      return 'done';
    } catch (error) {
      if (error instanceof NotDue || error instanceof VersionLocked || error instanceof TooMuchContention)
        return 'kept';
      // On a full disk versions can't change their class, and those that may be deleted must not wait for it.
      if (error instanceof StoreUnavailable && action.kind === 'transition') return 'kept';
      throw error;
    }
  }

  async #act(rules: BucketRules, key: string, seen: ObjectRecord, action: LifecycleAction): Promise<void> {
    const { bucket } = rules;
    const neighbours = await this.#neighbours(rules, key, seen, action);
    const require = (found: ObjectRecord | undefined, around: Surroundings): void => {
      if (!found || !this.#isStillDue(rules, key, seen, action, { found, around, ...neighbours })) throw new NotDue();
    };
    if (action.kind === 'transition') {
      const { storageClass } = action;
      const done = await this.objects.replace(bucket, key, seen.versionId, (record, around) => {
        require(record, around);
        return { ...record, content: { ...record.content!, storageClass } };
      });
      if (!done) throw new NotDue();
      return;
    }
    const versionId = action.kind === 'expire' ? undefined : seen.versionId;
    await this.objects.remove(bucket, key, versionId, bucket.record.ownerAccountId, require, {
      byLifecycle: true,
    });
  }

  #isStillDue(
    { bucket, lifecycle }: BucketRules,
    key: string,
    seen: ObjectRecord,
    action: LifecycleAction,
    now: { found: ObjectRecord; around: Surroundings; before: Before | undefined; more: boolean },
  ): boolean {
    const { found, around, before, more } = now;
    const stamp = (record: BucketRecord): string | undefined => record.configs?.[LIFECYCLE.name];
    if (stamp(around.bucket) !== stamp(bucket.record)) return false;
    if (found.objectId !== seen.objectId || around.isCurrent !== (before === undefined)) return false;
    const versions = { key, versions: [found], more, ...(before ? { before } : {}) };
    const due = actionsFor(lifecycle, versions, this.clock.now(), this.dayMs);
    return due.some((one) => one.actions.some((demanded) => same(demanded, action)));
  }

  /** What lies around the version now: a newer version that goes makes it the current one, or noncurrent for a shorter time. */
  async #neighbours(
    { bucket, lifecycle }: BucketRules,
    key: string,
    seen: ObjectRecord,
    action: LifecycleAction,
  ): Promise<{ before: Before | undefined; more: boolean }> {
    const { bucketId } = bucket.record;
    const id = Buffer.from(bucketId, 'hex');
    const current = await this.objects.find(bucketId, key);
    if (!current) throw new NotDue();
    const older = under(versionsPrefix(id, key));
    if (current.record.objectId === seen.objectId) {
      const more =
        action.kind === 'deleteMarker' && (await this.objects.table.range({ ...older, limit: 1 })).length > 0;
      return { before: undefined, more };
    }
    const lt = versionKey(id, key, seen.sequence);
    const newer = await this.objects.table.range({
      gte: older.gte,
      lt,
      limit: countedVersions(lifecycle),
      reverse: true,
    });
    const successor = newer[0]?.record ?? current.record;
    return { before: { newer: newer.length, successorMs: successor.lastModifiedMs }, more: false };
  }
}

/** How many newer versions a rule counts at most; one, for the successor, where none does. */
function countedVersions({ rules }: Lifecycle): number {
  const counts = rules.flatMap((rule) => [rule.noncurrentExpiration, ...(rule.noncurrentTransitions ?? [])]);
  return Math.max(1, ...counts.map((one) => one?.newer ?? 0));
}

function same(a: LifecycleAction, b: LifecycleAction): boolean {
  if (a.kind !== b.kind) return false;
  return a.kind !== 'transition' || b.kind !== 'transition' || a.storageClass === b.storageClass;
}
