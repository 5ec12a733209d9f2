import type { Clock } from '../../base/clock.js';
import { actionsFor, type KeyVersions, type LifecycleAction } from '../../s3/lifecycle/actions.js';
import { abortMs } from '../../s3/lifecycle/headers.js';
import { LIFECYCLE } from '../../s3/lifecycle/rules.js';
import type { BucketConfigs } from '../../store/bucket-configs.js';
import type { Buckets } from '../../store/buckets.js';
import { OutcomeUnknown, StoreUnavailable } from '../../store/errors.js';
import { objectKeyOf, TAG, under, versionsPrefix } from '../../store/keys.js';
import { BucketGone, type Objects } from '../../store/objects.js';
import type { Range } from '../../store/ports.js';
import type { BucketRecord, LifecyclePosition, ObjectRecord, UploadRecord } from '../../store/records.js';
import type { Stored, Table } from '../../store/table.js';
import { UploadGone, type Uploads } from '../../store/uploads.js';
import { type BucketRules, LifecycleActor } from './act.js';
import { type LifecycleCounts, noCounts } from './counts.js';
import { isUploadRow, rangesOf } from './rows.js';

/** Rows that are read, opened and decided on in one go, while requests wait. */
const PAGE_ROWS = 100;
/** Keys that are worked on at once: their commits share a synced write. */
const KEYS_AT_ONCE = 8;

export interface RunParts {
  clock: Clock;
  dayMs: number;
  buckets: Buckets;
  configs: BucketConfigs;
  objects: Objects;
  uploads: Uploads;
  /** Called behind every page: paces the run, and ends it with `false`. `at`: where it stands, unless within a key. */
  proceed(at?: LifecyclePosition): Promise<boolean>;
  /** A bucket couldn't be read to its end. */
  trouble(bucket: string, error: unknown): void;
}

/** The run is to end early. */
class Stopped extends Error {
  override name = 'Stopped';
}

/**
 * One pass over all buckets with rules, in order of their names, from a position on. Everything it does may be done twice or cut
 * off anywhere: each action is one commit, and what is done is not due again.
 */
export class LifecycleRun {
  readonly counts: LifecycleCounts = noCounts();
  readonly #actor: LifecycleActor;

  constructor(private readonly parts: RunParts) {
    this.#actor = new LifecycleActor(parts.objects, parts.clock, parts.dayMs);
  }

  /** `false`: it was ended early. @throws StoreUnavailable, OutcomeUnknown */
  async run(from: LifecyclePosition | undefined): Promise<boolean> {
    for await (const bucket of this.parts.buckets.all(from?.bucket)) {
      const row = from?.bucketId === bucket.record.bucketId ? Buffer.from(from.row, 'base64') : undefined;
      try {
        await this.#bucket(bucket, row);
      } catch (error) {
        if (error instanceof Stopped) return false;
        if (error instanceof StoreUnavailable || error instanceof OutcomeUnknown) throw error;
        // What can't be read is left as it is; the other buckets don't wait for it.
        if (!(error instanceof BucketGone)) {
          this.counts.failedBuckets++;
          this.parts.trouble(bucket.record.name, error);
        }
      }
    }
    return true;
  }

  async #bucket(bucket: Stored<BucketRecord>, after: Buffer | undefined): Promise<void> {
    const lifecycle = await this.parts.configs.read(bucket.record, LIFECYCLE);
    if (!lifecycle?.rules.some((rule) => rule.enabled)) return;
    this.counts.buckets++;
    const rules = { bucket, lifecycle };
    if (!after || !isUploadRow(after)) {
      await this.#pages(this.parts.objects.table, TAG.current, rules, after, (row) => this.#key(rules, row));
    }
    if (!lifecycle.rules.some((rule) => rule.enabled && rule.abortDays !== undefined)) return;
    const upload = after && isUploadRow(after) ? after : undefined;
    await this.#pages(this.parts.uploads.table, TAG.upload, rules, upload, (row) => this.#upload(rules, row));
  }

  async #pages<T>(
    table: Table<T>,
    tag: Buffer,
    { bucket, lifecycle }: BucketRules,
    after: Buffer | undefined,
    each: (row: Stored<T>) => Promise<void>,
  ): Promise<void> {
    const { name, bucketId } = bucket.record;
    for (const range of rangesOf(tag, Buffer.from(bucketId, 'hex'), lifecycle.rules, after)) {
      for await (const page of pagesOf(table, range)) {
        for (let i = 0; i < page.length; i += KEYS_AT_ONCE) await all(page.slice(i, i + KEYS_AT_ONCE).map(each));
        const row = page.at(-1)!.key.toString('base64');
        if (!(await this.parts.proceed({ bucket: name, bucketId, row }))) throw new Stopped();
      }
    }
  }

  /** The current version of a key, and behind it the others where rules could want something of them. */
  async #key(rules: BucketRules, row: Stored<ObjectRecord>): Promise<void> {
    const key = objectKeyOf(row.key);
    const current = row.record;
    const id = Buffer.from(rules.bucket.record.bucketId, 'hex');
    const older = under(versionsPrefix(id, key));
    // The first version of a key has none behind it.
    const mayHaveOlder = current.sequence > 1;
    const wantsOlder = rules.lifecycle.rules.some((rule) => rule.noncurrentExpiration ?? rule.noncurrentTransitions);
    let first: Stored<ObjectRecord>[] = [];
    if (mayHaveOlder && (wantsOlder || current.deleteMarker)) {
      first = await this.parts.objects.table.range({ ...older, limit: wantsOlder ? PAGE_ROWS : 1 });
    }
    await this.#act(rules, { key, versions: [current], more: first.length > 0 });
    if (!wantsOlder) return;
    let before = { newer: 0, successorMs: current.lastModifiedMs };
    for (let page = first; page.length > 0; ) {
      const versions = page.map((one) => one.record);
      await this.#act(rules, { key, versions, before, more: false });
      if (page.length < PAGE_ROWS) return;
      if (!(await this.parts.proceed())) throw new Stopped();
      const last = page.at(-1)!;
      before = { newer: before.newer + page.length, successorMs: last.record.lastModifiedMs };
      const gte = Buffer.concat([last.key, Buffer.of(0)]);
      page = await this.parts.objects.table.range({ gte, lt: older.lt, limit: PAGE_ROWS });
    }
  }

  async #act(rules: BucketRules, versions: KeyVersions): Promise<void> {
    const { clock, dayMs } = this.parts;
    this.counts.versions += versions.versions.length;
    for (const { version, actions } of actionsFor(rules.lifecycle, versions, clock.now(), dayMs)) {
      for (const action of actions) {
        const outcome = await this.#actor.act(rules, versions.key, version, action);
        this.counts[outcome === 'done' ? COUNTED[action.kind] : 'kept']++;
      }
    }
  }

  async #upload({ bucket, lifecycle }: BucketRules, row: Stored<UploadRecord>): Promise<void> {
    const { buckets, clock, dayMs, uploads } = this.parts;
    const { key, initiatedMs } = row.record;
    const isDue = lifecycle.rules.some((rule) => {
      return rule.enabled && (abortMs(rule, key, initiatedMs, dayMs) ?? Infinity) <= clock.now();
    });
    if (!isDue) return;
    const { name, configs } = bucket.record;
    const fresh = await buckets.get(name);
    try {
      if (fresh?.record.configs?.[LIFECYCLE.name] !== configs?.[LIFECYCLE.name]) throw new UploadGone(name);
      await uploads.abort(row);
      this.counts.abortedUploads++;
    } catch (error) {
      if (!(error instanceof UploadGone)) throw error;
      this.counts.kept++;
    }
  }
}

const COUNTED = {
  expire: 'expired',
  deleteVersion: 'deletedVersions',
  deleteMarker: 'deletedMarkers',
  transition: 'transitioned',
} as const satisfies Record<LifecycleAction['kind'], keyof LifecycleCounts>;

async function* pagesOf<T>(table: Table<T>, { gte, lt }: Range): AsyncGenerator<Stored<T>[]> {
  for (let from = gte; ; ) {
    const page = await table.range({ gte: from, lt, limit: PAGE_ROWS });
    const last = page.at(-1);
    if (!last) return;
    yield page;
    if (page.length < PAGE_ROWS) return;
    from = Buffer.concat([last.key, Buffer.of(0)]);
  }
}

/** Waits for all before it fails: nothing goes on behind a run that has ended. */
async function all(work: Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}
