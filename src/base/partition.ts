/**
 * AWS's partitions: regions whose ARNs begin differently. One Coffer lies in one of them, that of its region.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
 */
const PARTITIONS: readonly (readonly [regions: string, partition: string, dnsSuffix: string])[] = [
  ['cn-', 'aws-cn', 'amazonaws.com.cn'],
  ['us-gov-', 'aws-us-gov', 'amazonaws.com'],
  ['us-iso-', 'aws-iso', 'c2s.ic.gov'],
  ['us-isob-', 'aws-iso-b', 'sc2s.sgov.gov'],
  ['eu-isoe-', 'aws-iso-e', 'cloud.adc-e.uk'],
  ['us-isof-', 'aws-iso-f', 'csp.hci.ic.gov'],
  ['eusc-', 'aws-eusc', 'amazonaws.eu'],
];

/** The one that stands in an ARN where none of the others does. */
export const AWS = 'aws';

type Entry = (typeof PARTITIONS)[number] | undefined;

/** Asked at every request, of the few regions of the settings. */
const known = new Map<string, Entry>();

function ofRegion(region: string): Entry {
  if (!known.has(region))
    known.set(
      region,
      PARTITIONS.find(([regions]) => region.startsWith(regions)),
    );
  return known.get(region);
}

/** `aws`, `aws-cn`, `aws-us-gov` … */
export const partitionOf = (region: string): string => ofRegion(region)?.[1] ?? AWS;

/** How a service names itself in a request that it makes for somebody: `s3.us-east-1.amazonaws.com`. */
export const servicePrincipalOf = (service: string, region: string): string =>
  `${service}.${region}.${ofRegion(region)?.[2] ?? 'amazonaws.com'}`;

const PARTITION = /^arn:(aws(?:-[a-z]+)*):/;

/** Undefined where the text doesn't begin as an ARN does. */
export const partitionOfArn = (arn: string): string | undefined => PARTITION.exec(arn)?.[1];

/** The ARN in another partition. What is no ARN stays. */
export function inPartition(arn: string, partition: string): string {
  if (partition === AWS && arn.startsWith('arn:aws:')) return arn;
  return arn.replace(PARTITION, `arn:${partition}:`);
}

/**
 * One name for one thing, to compare by: ARNs of `aws` mean the partition that there is, whichever it is. Before Coffer knew
 * partitions policies and grants could be written in no other way.
 */
export const comparable = (arn: string): string => inPartition(arn, AWS);
