import { randomUUID } from 'node:crypto';
import { LIFECYCLE_RULES_MAX } from '../../base/limits.js';
import type { XmlTree } from '../../base/xml/ports.js';
import { S3Error } from '../error.js';
import { boolean, child, children, malformed, only, requiredText, text } from '../fields/xml.js';
import { checkRule, checkTogether } from './check.js';
import { decodeFilter } from './filter.js';
import type { LifecycleRule, When, WhenNoncurrent } from './rules.js';
import { TRANSITION_CLASSES } from './storage-classes.js';

/** AWS keeps no more newer versions by a rule. */
const NEWER_VERSIONS_MAX = 100;

const ELEMENTS = [
  'ID',
  'Prefix',
  'Filter',
  'Status',
  'Expiration',
  'Transition',
  'NoncurrentVersionTransition',
  'NoncurrentVersionExpiration',
  'AbortIncompleteMultipartUpload',
];

/**
 * The body of PutBucketLifecycleConfiguration.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
 */
export function decodeLifecycle(tree: XmlTree | undefined): LifecycleRule[] {
  if (!tree) throw malformed();
  only(tree, ['Rule']);
  const elements = children(tree, 'Rule');
  if (elements.length === 0) throw malformed();
  if (elements.length > LIFECYCLE_RULES_MAX) {
    throw new S3Error('InvalidRequest', {
      message: `The number of lifecycle rules must not exceed the allowed limit of ${LIFECYCLE_RULES_MAX} rules.`,
    });
  }
  const rules = elements.map(decodeRule);
  checkTogether(rules);
  return rules;
}

function decodeRule(element: XmlTree): LifecycleRule {
  only(element, ELEMENTS);
  const status = requiredText(element, 'Status');
  if (status !== 'Enabled' && status !== 'Disabled') throw malformed();
  const rule: LifecycleRule = { id: text(element, 'ID') || newRuleId(), enabled: status === 'Enabled' };
  const prefix = text(element, 'Prefix');
  const filter = child(element, 'Filter');
  if ((prefix === undefined) === (filter === undefined)) throw malformed();
  if (prefix !== undefined) rule.prefix = prefix;
  if (filter) rule.filter = decodeFilter(filter);
  const expiration = child(element, 'Expiration');
  if (expiration) rule.expiration = decodeExpiration(expiration);
  const transitions = children(element, 'Transition').map(decodeTransition);
  if (transitions.length > 0) rule.transitions = transitions;
  const noncurrent = children(element, 'NoncurrentVersionTransition').map(decodeNoncurrentTransition);
  if (noncurrent.length > 0) rule.noncurrentTransitions = noncurrent;
  const noncurrentExpiration = child(element, 'NoncurrentVersionExpiration');
  if (noncurrentExpiration) rule.noncurrentExpiration = decodeNoncurrentExpiration(noncurrentExpiration);
  const abort = child(element, 'AbortIncompleteMultipartUpload');
  if (abort) rule.abortDays = decodeAbort(abort);
  checkRule(rule);
  return rule;
}

/** 48 characters that hold a UUID: what AWS makes for a rule without an id. */
const newRuleId = (): string => Buffer.from(randomUUID()).toString('base64');

function decodeExpiration(element: XmlTree): NonNullable<LifecycleRule['expiration']> {
  only(element, ['Days', 'Date', 'ExpiredObjectDeleteMarker']);
  if (element.children.length !== 1) throw malformed();
  const expiredDeleteMarker = boolean(element, 'ExpiredObjectDeleteMarker');
  if (expiredDeleteMarker !== undefined) return { expiredDeleteMarker };
  const when = decodeWhen(element);
  if ('days' in when) requirePositive('Days', when.days, 'Expiration');
  return when;
}

function decodeTransition(element: XmlTree): When & { storageClass: string } {
  only(element, ['Days', 'Date', 'StorageClass']);
  const transition = { ...decodeWhen(element), storageClass: decodeClass(element) };
  if ('days' in transition) requireTransitionDays('Days', transition.days, 'Transition', transition.storageClass);
  return transition;
}

function decodeNoncurrentTransition(element: XmlTree): WhenNoncurrent & { storageClass: string } {
  only(element, ['NoncurrentDays', 'NewerNoncurrentVersions', 'StorageClass']);
  const transition = {
    ...decodeNoncurrent(element, 'NoncurrentVersionTransition'),
    storageClass: decodeClass(element),
  };
  requireTransitionDays('NoncurrentDays', transition.days, 'NoncurrentVersionTransition', transition.storageClass);
  return transition;
}

function decodeNoncurrentExpiration(element: XmlTree): WhenNoncurrent {
  only(element, ['NoncurrentDays', 'NewerNoncurrentVersions']);
  const when = decodeNoncurrent(element, 'NoncurrentVersionExpiration');
  requirePositive('NoncurrentDays', when.days, 'NoncurrentVersionExpiration');
  return when;
}

function decodeAbort(element: XmlTree): number {
  only(element, ['DaysAfterInitiation']);
  const days = integer(element, 'DaysAfterInitiation');
  if (days === undefined) throw malformed();
  requirePositive('DaysAfterInitiation', days, 'AbortIncompleteMultipartUpload');
  return days;
}

function decodeNoncurrent(element: XmlTree, action: string): WhenNoncurrent {
  const days = integer(element, 'NoncurrentDays');
  const newer = integer(element, 'NewerNoncurrentVersions');
  if (days === undefined) throw malformed();
  if (newer === undefined) return { days };
  requirePositive('NewerNoncurrentVersions', newer, action);
  if (newer > NEWER_VERSIONS_MAX) {
    const message = `'NewerNoncurrentVersions' for ${action} action must be an integer between 1 and ${NEWER_VERSIONS_MAX}`;
    throw invalid('NewerNoncurrentVersions', String(newer), message);
  }
  return { days, newer };
}

/** One of `Days` and `Date`. */
function decodeWhen(element: XmlTree): When {
  const days = integer(element, 'Days');
  const date = text(element, 'Date');
  if ((days === undefined) === (date === undefined)) throw malformed();
  return days === undefined ? { dateMs: midnight(date!.trim()) } : { days };
}

function decodeClass(element: XmlTree): string {
  const storageClass = requiredText(element, 'StorageClass');
  if (!TRANSITION_CLASSES.includes(storageClass)) throw malformed();
  return storageClass;
}

const ISO_DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)?)?$/;
const REAL_DAY_MS = 86_400_000;

/** ISO 8601, at midnight UTC, however long a day is otherwise. */
function midnight(date: string): number {
  const found = ISO_DATE.exec(date);
  const ms = Date.parse(date.includes('T') && found?.[1] === undefined ? `${date}Z` : date);
  if (!found || Number.isNaN(ms)) throw malformed();
  if (ms % REAL_DAY_MS !== 0) throw invalid('Date', date, "'Date' must be at midnight GMT");
  return ms;
}

/** Absent, or a whole number of 32 bits. */
function integer(element: XmlTree, name: string): number | undefined {
  const value = text(element, name)?.trim();
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^[+-]?\d{1,10}$/.test(value) || Math.abs(number) > 2_147_483_647) throw malformed();
  return number;
}

function requirePositive(name: string, value: number, action: string): void {
  if (value > 0) return;
  throw invalid(name, String(value), `'${name}' for ${action} action must be a positive integer`);
}

/** Infrequent access is for what is 30 days old; the other classes take versions at once. */
function requireTransitionDays(name: string, days: number, action: string, storageClass: string): void {
  if (days < 0) throw invalid(name, String(days), `'${name}' in ${action} action must be nonnegative`);
  if (days >= 30 || (storageClass !== 'STANDARD_IA' && storageClass !== 'ONEZONE_IA')) return;
  const message = `'${name}' in ${action} action must be greater than or equal to 30 for storageClass '${storageClass}'`;
  throw invalid(name, String(days), message);
}

const invalid = (name: string, value: string, message: string): S3Error =>
  new S3Error('InvalidArgument', { message, extra: { ArgumentName: name, ArgumentValue: value } });
