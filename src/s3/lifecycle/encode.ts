import type { XmlNode } from '../../base/xml/ports.js';
import { isoInstant } from '../fields/http-date.js';
import type { Tag } from '../fields/tagging.js';
import type { LifecycleFilter, LifecycleRule, When, WhenNoncurrent } from './rules.js';

/** A rule as GetBucketLifecycleConfiguration gives it back: in the form it was sent. */
export function ruleNode(rule: LifecycleRule): XmlNode {
  const { expiration, abortDays } = rule;
  return [
    'Rule',
    [
      ['ID', rule.id],
      ['Prefix', rule.prefix],
      ['Filter', rule.filter && filterNodes(rule.filter)],
      ['Status', rule.enabled ? 'Enabled' : 'Disabled'],
      ['Expiration', expiration && expirationNodes(expiration)],
      ...(rule.transitions ?? []).map((one): XmlNode => ['Transition', [...whenNodes(one), classNode(one)]]),
      ...(rule.noncurrentTransitions ?? []).map(
        (one): XmlNode => ['NoncurrentVersionTransition', [...noncurrentNodes(one), classNode(one)]],
      ),
      ['NoncurrentVersionExpiration', rule.noncurrentExpiration && noncurrentNodes(rule.noncurrentExpiration)],
      [
        'AbortIncompleteMultipartUpload',
        abortDays === undefined ? undefined : [['DaysAfterInitiation', abortDays] as const],
      ],
    ],
  ];
}

function filterNodes(filter: LifecycleFilter): XmlNode[] {
  const nodes: XmlNode[] = [
    ['Prefix', filter.prefix],
    ...(filter.tags ?? []).map(tagNode),
    ['ObjectSizeGreaterThan', filter.sizeAbove],
    ['ObjectSizeLessThan', filter.sizeBelow],
  ];
  return filter.and ? [['And', nodes]] : nodes;
}

function tagNode([key, value]: Tag): XmlNode {
  const nodes: XmlNode[] = [
    ['Key', key],
    ['Value', value],
  ];
  return ['Tag', nodes];
}

function expirationNodes(expiration: NonNullable<LifecycleRule['expiration']>): XmlNode[] {
  if ('expiredDeleteMarker' in expiration) return [['ExpiredObjectDeleteMarker', expiration.expiredDeleteMarker]];
  return whenNodes(expiration);
}

const whenNodes = (when: When): XmlNode[] =>
  'days' in when ? [['Days', when.days]] : [['Date', isoInstant(when.dateMs)]];

const noncurrentNodes = (when: WhenNoncurrent): XmlNode[] => [
  ['NoncurrentDays', when.days],
  ['NewerNoncurrentVersions', when.newer],
];

const classNode = ({ storageClass }: { storageClass: string }): XmlNode => ['StorageClass', storageClass];
