import { OBJECT_KEY_MAX_BYTES, REPLICATION_RULES_MAX } from '../../base/limits.js';
import { S3Error } from '../error.js';
import { isBucketName } from '../fields/bucket-name.js';
import { isStorageClass } from '../fields/storage-class.js';
import { malformed } from '../fields/xml.js';
import { bucketOfArn, type ReplicationRule } from './rules.js';

const ID_MAX_CHARACTERS = 255;
const RTC_MINUTES = 15;
const BUCKET_ARN = /^arn:aws(-[a-z]+)*:s3:::[^/:]+$/;
const SCHEMA =
  'for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.';

/** What no single element shows: the parts of one rule against each other. */
export function checkRule(rule: ReplicationRule): void {
  const { destination, filter } = rule;
  if (rule.id.length > ID_MAX_CHARACTERS) {
    throw argument('ID', rule.id, `ID length should not exceed allowed limit of ${ID_MAX_CHARACTERS}`);
  }
  if (Buffer.byteLength(rule.prefix ?? filter?.prefix ?? '') > OBJECT_KEY_MAX_BYTES) {
    throw refused(`The maximum size of a prefix is ${OBJECT_KEY_MAX_BYTES}`);
  }
  const isNewer = filter !== undefined;
  if (isNewer && rule.priority === undefined) throw refused(`Priority must be specified ${SCHEMA}`);
  if (isNewer && rule.deleteMarkers === undefined) throw refused(`DeleteMarkerReplication must be specified ${SCHEMA}`);
  if (!isNewer && rule.priority !== undefined) throw refused(`Priority cannot be used ${SCHEMA}`);
  if (!isNewer && rule.deleteMarkers !== undefined) throw refused(`DeleteMarkerReplication cannot be used ${SCHEMA}`);
  if (!isNewer && rule.prefix === undefined) throw malformed();
  if (filter?.tags && rule.deleteMarkers) {
    throw refused(
      'Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer Guide for more information.',
    );
  }
  const tagNames = (filter?.tags ?? []).map(([name]) => name);
  if (new Set(tagNames).size < tagNames.length) throw refused('Duplicate Tag Keys are not allowed.');
  if (!BUCKET_ARN.test(destination.bucketArn) || !isBucketName(bucketOfArn(destination.bucketArn))) {
    throw invalidBucketArn(destination.bucketArn);
  }
  checkDestination(rule);
}

function checkDestination({ destination, sseKms }: ReplicationRule): void {
  const { account, ownerOverride, replicaKmsKeyId, useSourceMultiRegionKey, replicationTime, metrics, storageClass } =
    destination;
  if (storageClass !== undefined && !isStorageClass(storageClass)) throw malformed();
  if (account !== undefined && !/^\d{12}$/.test(account)) {
    throw argument('Account', account, 'Invalid account ID specified');
  }
  if (ownerOverride && account === undefined) {
    throw refused('Account must be specified when AccessControlTranslation is specified.');
  }
  if (replicaKmsKeyId !== undefined && useSourceMultiRegionKey) {
    throw refused('ReplicaKmsKeyID must not be specified if UseSourceMultiRegionKey is enabled.');
  }
  if (sseKms && replicaKmsKeyId === undefined && !useSourceMultiRegionKey) {
    throw refused('ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.');
  }
  if ((replicaKmsKeyId !== undefined || useSourceMultiRegionKey) && !sseKms) {
    throw refused('SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.');
  }
  if (replicationTime && replicationTime.minutes !== RTC_MINUTES) {
    throw refused(`ReplicationTime must be set to ${RTC_MINUTES} minutes.`);
  }
  if (metrics?.minutes !== undefined && metrics.minutes !== RTC_MINUTES) {
    throw refused(`EventThreshold must be set to ${RTC_MINUTES} minutes.`);
  }
  if (replicationTime?.enabled && !metrics?.enabled) {
    throw refused('Metrics must be enabled when ReplicationTime is enabled.');
  }
}

/** Rules against each other. */
export function checkTogether(rules: readonly ReplicationRule[]): void {
  if (rules.length > REPLICATION_RULES_MAX) {
    throw refused(
      `The number of replication rules must not exceed the allowed limit of ${REPLICATION_RULES_MAX} rules.`,
    );
  }
  const ids = new Set<string>();
  const priorities = new Set<number>();
  for (const { id, priority } of rules) {
    if (ids.has(id)) throw argument('ID', id, 'Rule ID must be unique. Found same ID for more than one rule');
    ids.add(id);
    if (priority === undefined) continue;
    if (priorities.has(priority)) throw refused(`Found duplicate priority ${priority}. Priority must be unique.`);
    priorities.add(priority);
  }
  const newer = rules.filter((rule) => rule.filter).length;
  if (newer > 0 && newer < rules.length) {
    throw refused('Rules with a Filter element and rules with a Prefix of their own cannot be used together.');
  }
  if (newer > 0) return;
  if (new Set(rules.map((rule) => rule.destination.bucketArn)).size > 1) {
    throw refused('Number of distinct destination bucket ARNs cannot exceed 1');
  }
  // Sorted, a prefix stands before what it starts, with only such between them.
  const prefixes = rules.map((rule) => rule.prefix!).sort();
  for (const [i, prefix] of prefixes.entries()) {
    const before = prefixes[i - 1];
    if (before === undefined || !prefix.startsWith(before)) continue;
    throw refused(`Found overlapping prefixes '${before}' and '${prefix}'`);
  }
}

export const invalidBucketArn = (arn: string): S3Error => argument('Bucket', arn, 'Invalid bucket ARN.');

const refused = (message: string): S3Error => new S3Error('InvalidRequest', { message });
const argument = (name: string, value: string, message: string): S3Error =>
  new S3Error('InvalidArgument', { message, extra: { ArgumentName: name, ArgumentValue: value } });
