import type { ObjectRecord } from '../../store/records.js';
import { daysAfter } from '../days.js';
import { matches, type Subject } from './match.js';
import type { Lifecycle, LifecycleRule, When, WhenNoncurrent } from './rules.js';
import { coldness, isLargeEnough, mayTransition } from './storage-classes.js';

/**
 * `expire`: what DeleteObject does without a version id. `deleteVersion`: a noncurrent version goes for good. `deleteMarker`:
 * a delete marker goes that is all its key has left. `transition`: the version gets another storage class.
 */
export type LifecycleAction =
  | { kind: 'expire' | 'deleteVersion' | 'deleteMarker' }
  | { kind: 'transition'; storageClass: string };

/** What stands in front of the first noncurrent version of a list. */
export interface Before {
  /** How many noncurrent versions are newer. */
  newer: number;
  /** When the next newer version was made: since then this one is noncurrent. */
  successorMs: number;
}

/** Some or all versions of one key, newest first. */
export interface KeyVersions {
  key: string;
  versions: readonly ObjectRecord[];
  /** Absent where the first version is the current one. */
  before?: Before;
  /** Are there older versions than these? */
  more: boolean;
}

export interface Due {
  version: ObjectRecord;
  /** In the order in which they are to be done. */
  actions: LifecycleAction[];
}

/** What the rules demand of these versions at this moment. Pure; says nothing of Object Lock, which the store knows to keep. */
export function actionsFor(lifecycle: Lifecycle, versions: KeyVersions, nowMs: number, dayMs: number): Due[] {
  const due: Due[] = [];
  let before = versions.before;
  for (const version of versions.versions) {
    const alone = !before && versions.versions.length === 1 && !versions.more;
    const place = { key: versions.key, before, alone };
    const actions = new Decision(lifecycle, version, place, nowMs, dayMs).actions();
    if (actions.length > 0) due.push({ version, actions });
    before = { newer: before ? before.newer + 1 : 0, successorMs: version.lastModifiedMs };
  }
  return due;
}

/** One version under all rules. */
class Decision {
  readonly #rules: LifecycleRule[];
  readonly #subject: Subject;

  constructor(
    private readonly lifecycle: Lifecycle,
    private readonly version: ObjectRecord,
    private readonly place: { key: string; before: Before | undefined; alone: boolean },
    private readonly nowMs: number,
    private readonly dayMs: number,
  ) {
    const { content } = version;
    this.#subject = { key: place.key, size: content?.size ?? 0, tags: content?.tags ?? [] };
    this.#rules = lifecycle.rules.filter((rule) => rule.enabled && matches(rule, this.#subject));
  }

  /**
   * To be deleted for good comes before a transition, and that before a delete marker.
   * https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
   */
  actions(): LifecycleAction[] {
    if (this.place.before) {
      if (this.#rules.some((rule) => this.#noncurrentIsDue(rule.noncurrentExpiration)))
        return [{ kind: 'deleteVersion' }];
      return this.#transition();
    }
    if (this.version.deleteMarker) {
      const expired = this.place.alone && this.#rules.some((rule) => this.#markerIsDue(rule));
      return expired ? [{ kind: 'deleteMarker' }] : [];
    }
    const expires = this.#rules.some(({ expiration }) => {
      return expiration && !('expiredDeleteMarker' in expiration) && this.#isDue(expiration);
    });
    return expires ? [...this.#transition(), { kind: 'expire' }] : this.#transition();
  }

  /** The coldest class that a rule demands by now. */
  #transition(): LifecycleAction[] {
    const { content } = this.version;
    if (!content) return [];
    let best = content.storageClass;
    for (const rule of this.#rules) {
      const demanded = this.place.before
        ? (rule.noncurrentTransitions ?? []).filter((one) => this.#noncurrentIsDue(one))
        : (rule.transitions ?? []).filter((one) => this.#isDue(one));
      for (const { storageClass } of demanded) {
        if (coldness(storageClass) <= coldness(best) || !mayTransition(content.storageClass, storageClass)) continue;
        if (isLargeEnough(rule, content.size, storageClass, this.lifecycle.minimumSize)) best = storageClass;
      }
    }
    return best === content.storageClass ? [] : [{ kind: 'transition', storageClass: best }];
  }

  #markerIsDue({ expiration }: LifecycleRule): boolean {
    if (!expiration) return false;
    return 'expiredDeleteMarker' in expiration ? expiration.expiredDeleteMarker : this.#isDue(expiration);
  }

  #isDue(when: When): boolean {
    return dueMs(when, this.version.lastModifiedMs, this.dayMs) <= this.nowMs;
  }

  #noncurrentIsDue(when: WhenNoncurrent | undefined): boolean {
    const { before } = this.place;
    if (!when || !before || before.newer < (when.newer ?? 0)) return false;
    return daysAfter(before.successorMs, when.days, this.dayMs) <= this.nowMs;
  }
}

/** The moment of an action that counts from `fromMs`. */
export function dueMs(when: When, fromMs: number, dayMs: number): number {
  return 'days' in when ? daysAfter(fromMs, when.days, dayMs) : when.dateMs;
}
