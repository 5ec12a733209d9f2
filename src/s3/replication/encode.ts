import type { XmlNode } from '../../base/xml/ports.js';
import type { Replication, ReplicationDestination, ReplicationFilter, ReplicationRule } from './rules.js';

/** As GetBucketReplication gives it back: in the form it was sent. */
export const replicationNodes = ({ role, rules }: Replication): XmlNode[] => [['Role', role], ...rules.map(ruleNode)];

function ruleNode(rule: ReplicationRule): XmlNode {
  const criteria: XmlNode[] = [
    ['SseKmsEncryptedObjects', statusNodes(rule.sseKms)],
    ['ReplicaModifications', statusNodes(rule.replicaModifications)],
  ];
  const hasCriteria = rule.sseKms !== undefined || rule.replicaModifications !== undefined;
  return [
    'Rule',
    [
      ['ID', rule.id],
      ['Priority', rule.priority],
      ['Prefix', rule.prefix],
      ['Filter', rule.filter && filterNodes(rule.filter)],
      ['Status', statusText(rule.enabled)],
      ['SourceSelectionCriteria', hasCriteria ? criteria : undefined],
      ['ExistingObjectReplication', statusNodes(rule.existingObjects)],
      ['Destination', destinationNodes(rule.destination)],
      ['DeleteMarkerReplication', statusNodes(rule.deleteMarkers)],
    ],
  ];
}

function filterNodes(filter: ReplicationFilter): XmlNode[] {
  const nodes: XmlNode[] = [['Prefix', filter.prefix]];
  for (const [key, value] of filter.tags ?? []) {
    nodes.push([
      'Tag',
      [
        ['Key', key],
        ['Value', value],
      ],
    ]);
  }
  return filter.and ? [['And', nodes]] : nodes;
}

function destinationNodes(destination: ReplicationDestination): XmlNode[] {
  const { replicationTime, metrics } = destination;
  return [
    ['Bucket', destination.bucketArn],
    ['Account', destination.account],
    ['StorageClass', destination.storageClass],
    ['AccessControlTranslation', destination.ownerOverride && [['Owner', 'Destination']]],
    ['EncryptionConfiguration', encryptionNodes(destination)],
    ['ReplicationTime', replicationTime && timed(replicationTime.enabled, 'Time', replicationTime.minutes)],
    ['Metrics', metrics && timed(metrics.enabled, 'EventThreshold', metrics.minutes)],
  ];
}

function encryptionNodes({ replicaKmsKeyId, useSourceMultiRegionKey }: ReplicationDestination): XmlNode[] | undefined {
  if (replicaKmsKeyId === undefined && useSourceMultiRegionKey === undefined) return undefined;
  return [
    ['ReplicaKmsKeyID', replicaKmsKeyId],
    [
      'UseSourceMultiRegionKey',
      useSourceMultiRegionKey === undefined ? undefined : [['Status', statusText(useSourceMultiRegionKey)]],
    ],
  ];
}

const timed = (enabled: boolean, name: string, minutes: number | undefined): XmlNode[] => [
  ['Status', statusText(enabled)],
  [name, minutes === undefined ? undefined : [['Minutes', minutes]]],
];

const statusText = (enabled: boolean): string => (enabled ? 'Enabled' : 'Disabled');

const statusNodes = (enabled: boolean | undefined): XmlNode[] | undefined =>
  enabled === undefined ? undefined : [['Status', statusText(enabled)]];
