import { OBJECT_KEY_MAX_BYTES } from '../../base/limits.js';
import { S3Error } from '../error.js';
import { prefixOf } from './match.js';
import type { LifecycleRule, When } from './rules.js';
import { coldness } from './storage-classes.js';

const ID_MAX_CHARACTERS = 255;

/** What no single element shows: the parts of one rule against each other. */
export function checkRule(rule: LifecycleRule): void {
  const { expiration, transitions = [], noncurrentExpiration, noncurrentTransitions = [], abortDays } = rule;
  if (rule.id.length > ID_MAX_CHARACTERS) {
    throw argument('ID', rule.id, `ID length should not exceed allowed limit of ${ID_MAX_CHARACTERS}`);
  }
  if (Buffer.byteLength(prefixOf(rule)) > OBJECT_KEY_MAX_BYTES) {
    throw refused(`The maximum size of a prefix is ${OBJECT_KEY_MAX_BYTES}`);
  }
  const actions = [expiration, transitions[0], noncurrentExpiration, noncurrentTransitions[0], abortDays];
  if (actions.every((action) => action === undefined))
    throw refused('At least one action needs to be specified in a rule');
  if (expiration && 'expiredDeleteMarker' in expiration) refuseFilter(rule, 'ExpiredObjectDeleteMarker');
  if (abortDays !== undefined) refuseFilter(rule, 'AbortIncompleteMultipartUpload');
  checkTransitions(rule, 'Transition', transitions);
  checkTransitions(rule, 'NoncurrentVersionTransition', noncurrentTransitions);
  if (expiration && !('expiredDeleteMarker' in expiration)) checkExpiration(rule, expiration, transitions);
  const last = Math.max(...noncurrentTransitions.map(({ days }) => days));
  if (noncurrentExpiration && noncurrentExpiration.days <= last) {
    throw lessThanTransition(rule, 'NoncurrentDays', 'NoncurrentVersion', noncurrentExpiration.days);
  }
}

/** An upload and a delete marker have neither tags nor a size yet. */
function refuseFilter({ filter }: LifecycleRule, action: string): void {
  if (filter?.tags) throw refused(`${action} cannot be specified with Tags.`);
  if (filter?.sizeAbove !== undefined || filter?.sizeBelow !== undefined) {
    throw refused(`${action} cannot be specified with Object Size.`);
  }
}

type AnyWhen = (When | { days: number }) & { storageClass: string };

/** Every class once, one way of counting, and the colder the later. */
function checkTransitions(rule: LifecycleRule, action: string, transitions: readonly AnyWhen[]): void {
  if (new Set(transitions.map(({ storageClass }) => storageClass)).size < transitions.length) {
    const message = `'StorageClass' must be different for '${action}' actions in same 'Rule' with ${named(rule)}`;
    throw refused(message);
  }
  if (transitions.some((one) => 'days' in one) && transitions.some((one) => 'dateMs' in one)) {
    throw refused(`Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for ${named(rule)}`);
  }
  const sorted = [...transitions].sort((a, b) => coldness(a.storageClass) - coldness(b.storageClass));
  for (const [i, colder] of sorted.entries()) {
    const warmer = sorted[i - 1];
    if (!warmer || countOf(colder) > countOf(warmer)) continue;
    const unit = action === 'Transition' ? unitOf(colder) : 'NoncurrentDays';
    const each = ({ storageClass }: AnyWhen): string =>
      `'${unit}' in the ${action} action for StorageClass '${storageClass}' for ${named(rule)}`;
    throw argument(unit, written(colder), `${each(colder)} must be greater than ${each(warmer)}`);
  }
}

function checkExpiration(rule: LifecycleRule, expiration: When, transitions: readonly AnyWhen[]): void {
  for (const transition of transitions) {
    if (unitOf(expiration) !== unitOf(transition)) {
      const message = "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for";
      throw refused(`${message} ${named(rule)}`);
    }
    if (countOf(expiration) <= countOf(transition)) {
      throw lessThanTransition(rule, unitOf(expiration), '', written(expiration));
    }
  }
}

/** Rules against each other. */
export function checkTogether(rules: readonly LifecycleRule[]): void {
  const ids = new Set<string>();
  for (const { id } of rules) {
    if (ids.has(id)) throw argument('ID', id, 'Rule ID must be unique. Found same ID for more than one rule');
    ids.add(id);
  }
  const inV2 = rules[0]?.filter !== undefined;
  if (!inV2 && rules.some((rule) => rule.filter)) throw refused('Filter element can only be used in Lifecycle V2.');
  if (inV2) {
    if (rules.every((rule) => rule.filter)) return;
    throw refused('Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.');
  }
  const counted = rules.flatMap((one) => [one.noncurrentExpiration, ...(one.noncurrentTransitions ?? [])]);
  if (counted.some((when) => when?.newer !== undefined)) {
    throw refused('NewerNoncurrentVersions element can only be used in Lifecycle V2.');
  }
  refuseOverlaps(rules);
}

const ACTIONS: readonly (readonly [name: string, of: (rule: LifecycleRule) => unknown])[] = [
  ['Expiration', (rule) => rule.expiration],
  ['Transition', (rule) => rule.transitions],
  ['NoncurrentVersionExpiration', (rule) => rule.noncurrentExpiration],
  ['NoncurrentVersionTransition', (rule) => rule.noncurrentTransitions],
  ['AbortIncompleteMultipartUpload', (rule) => rule.abortDays],
];

/** In the older form no two rules with the same action may speak of the same keys. */
function refuseOverlaps(rules: readonly LifecycleRule[]): void {
  for (const [action, of] of ACTIONS) {
    // Sorted, a prefix stands before what it starts, with only such between them.
    const prefixes = rules
      .filter((rule) => of(rule) !== undefined)
      .map(prefixOf)
      .sort();
    for (const [i, prefix] of prefixes.entries()) {
      const before = prefixes[i - 1];
      if (before === undefined || !prefix.startsWith(before)) continue;
      throw refused(`Found overlapping prefixes '${before}' and '${prefix}' for same action type '${action}'`);
    }
  }
}

/** How AWS's messages name a rule. */
function named(rule: LifecycleRule): string {
  if (!rule.filter) return `prefix '${prefixOf(rule)}'`;
  const { tags = [], sizeAbove, sizeBelow } = rule.filter;
  const parts = [`prefix=${prefixOf(rule)}`, ...tags.map(([key, value]) => `tag={key=${key}, value=${value}}`)];
  if (sizeAbove !== undefined) parts.push(`objectsizegreaterthan=${sizeAbove}`);
  if (sizeBelow !== undefined) parts.push(`objectsizelessthan=${sizeBelow}`);
  return `filter '(${parts.join(' and ')})'`;
}

const unitOf = (when: AnyWhen | When): string => ('days' in when ? 'Days' : 'Date');
const countOf = (when: AnyWhen | When): number => ('days' in when ? when.days : when.dateMs);
const written = (when: AnyWhen | When): string =>
  'days' in when ? String(when.days) : new Date(when.dateMs).toISOString();

function lessThanTransition(rule: LifecycleRule, unit: string, of: string, value: string | number): S3Error {
  const message = `'${unit}' in the ${of}Expiration action for ${named(rule)} must be greater than '${unit}' in the ${of}Transition action`;
  return argument(unit, String(value), message);
}

const refused = (message: string): S3Error => new S3Error('InvalidRequest', { message });
const argument = (name: string, value: string, message: string): S3Error =>
  new S3Error('InvalidArgument', { message, extra: { ArgumentName: name, ArgumentValue: value } });
