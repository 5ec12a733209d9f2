import { randomUUID } from 'node:crypto';
import type { XmlTree } from '../../base/xml/ports.js';
import { type Tag, validateTag } from '../fields/tagging.js';
import { child, children, malformed, only, requiredText, text } from '../fields/xml.js';
import { checkRule, checkTogether } from './check.js';
import type { Replication, ReplicationDestination, ReplicationFilter, ReplicationRule } from './rules.js';

const ELEMENTS = [
  'ID',
  'Priority',
  'Prefix',
  'Filter',
  'Status',
  'SourceSelectionCriteria',
  'ExistingObjectReplication',
  'Destination',
  'DeleteMarkerReplication',
];

/** The body of PutBucketReplication. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketReplication.html */
export function decodeReplication(tree: XmlTree | undefined): Replication {
  if (!tree) throw malformed();
  only(tree, ['Role', 'Rule']);
  const role = requiredText(tree, 'Role').trim();
  const elements = children(tree, 'Rule');
  if (role === '' || elements.length === 0) throw malformed();
  const rules = elements.map(decodeRule);
  checkTogether(rules);
  return { role, rules };
}

function decodeRule(element: XmlTree): ReplicationRule {
  only(element, ELEMENTS);
  const destination = child(element, 'Destination');
  if (!destination) throw malformed();
  const rule: ReplicationRule = {
    id: text(element, 'ID') || Buffer.from(randomUUID()).toString('base64'),
    enabled: status(requiredText(element, 'Status')),
    destination: decodeDestination(destination),
  };
  const priority = integer(element, 'Priority');
  if (priority !== undefined) rule.priority = priority;
  const prefix = text(element, 'Prefix');
  if (prefix !== undefined) rule.prefix = prefix;
  const filter = child(element, 'Filter');
  if (filter) rule.filter = decodeFilter(filter);
  if (filter && prefix !== undefined) throw malformed();
  const deleteMarkers = optionalStatus(element, 'DeleteMarkerReplication');
  if (deleteMarkers !== undefined) rule.deleteMarkers = deleteMarkers;
  const existing = optionalStatus(element, 'ExistingObjectReplication');
  if (existing !== undefined) rule.existingObjects = existing;
  const criteria = child(element, 'SourceSelectionCriteria');
  if (criteria) Object.assign(rule, decodeCriteria(criteria));
  checkRule(rule);
  return rule;
}

function decodeCriteria(element: XmlTree): Pick<ReplicationRule, 'sseKms' | 'replicaModifications'> {
  only(element, ['SseKmsEncryptedObjects', 'ReplicaModifications']);
  const sseKms = optionalStatus(element, 'SseKmsEncryptedObjects');
  const replicaModifications = optionalStatus(element, 'ReplicaModifications');
  return {
    ...(sseKms !== undefined && { sseKms }),
    ...(replicaModifications !== undefined && { replicaModifications }),
  };
}

function decodeFilter(element: XmlTree): ReplicationFilter {
  only(element, ['Prefix', 'Tag', 'And']);
  if (element.children.length > 1) throw malformed();
  const and = child(element, 'And');
  if (and) only(and, ['Prefix', 'Tag']);
  const from = and ?? element;
  const filter: ReplicationFilter = and ? { and: true } : {};
  const prefix = text(from, 'Prefix');
  if (prefix !== undefined) filter.prefix = prefix;
  const tags = children(from, 'Tag').map(decodeTag);
  if (tags.length > 0) filter.tags = tags;
  return filter;
}

function decodeTag(element: XmlTree): Tag {
  only(element, ['Key', 'Value']);
  const tag: Tag = [requiredText(element, 'Key'), requiredText(element, 'Value')];
  validateTag(tag, 'System tags cannot be added/updated by requester');
  return tag;
}

function decodeDestination(element: XmlTree): ReplicationDestination {
  only(element, [
    'Bucket',
    'Account',
    'StorageClass',
    'AccessControlTranslation',
    'EncryptionConfiguration',
    'ReplicationTime',
    'Metrics',
  ]);
  const destination: ReplicationDestination = { bucketArn: requiredText(element, 'Bucket').trim() };
  const account = text(element, 'Account')?.trim();
  if (account) destination.account = account;
  const storageClass = text(element, 'StorageClass')?.trim();
  if (storageClass) destination.storageClass = storageClass;
  const translation = child(element, 'AccessControlTranslation');
  if (translation) {
    only(translation, ['Owner']);
    if (requiredText(translation, 'Owner').trim() !== 'Destination') throw malformed();
    destination.ownerOverride = true;
  }
  const encryption = child(element, 'EncryptionConfiguration');
  if (encryption) {
    only(encryption, ['ReplicaKmsKeyID', 'UseSourceMultiRegionKey']);
    const related = child(encryption, 'UseSourceMultiRegionKey');
    if (related) {
      only(related, ['Status']);
      destination.useSourceMultiRegionKey = status(requiredText(related, 'Status'));
    }
    const keyId = text(encryption, 'ReplicaKmsKeyID')?.trim();
    if (keyId) destination.replicaKmsKeyId = keyId;
  }
  const time = child(element, 'ReplicationTime');
  if (time) {
    const minutes = minutesIn(time, 'Time');
    if (minutes === undefined) throw malformed();
    destination.replicationTime = { enabled: status(requiredText(time, 'Status')), minutes };
  }
  const metrics = child(element, 'Metrics');
  if (metrics) {
    const minutes = minutesIn(metrics, 'EventThreshold');
    destination.metrics = {
      enabled: status(requiredText(metrics, 'Status')),
      ...(minutes !== undefined && { minutes }),
    };
  }
  return destination;
}

function minutesIn(element: XmlTree, name: string): number | undefined {
  only(element, ['Status', name]);
  const inner = child(element, name);
  if (!inner) return undefined;
  only(inner, ['Minutes']);
  const minutes = integer(inner, 'Minutes');
  if (minutes === undefined) throw malformed();
  return minutes;
}

function status(value: string): boolean {
  if (value !== 'Enabled' && value !== 'Disabled') throw malformed();
  return value === 'Enabled';
}

function optionalStatus(tree: XmlTree, name: string): boolean | undefined {
  const element = child(tree, name);
  if (!element) return undefined;
  only(element, ['Status']);
  const value = text(element, 'Status');
  return value === undefined ? undefined : status(value);
}

function integer(element: XmlTree, name: string): number | undefined {
  const value = text(element, name)?.trim();
  if (value === undefined) return undefined;
  if (!/^\d{1,10}$/.test(value) || Number(value) > 2_147_483_647) throw malformed();
  return Number(value);
}
