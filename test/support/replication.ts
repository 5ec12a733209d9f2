import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  type DeleteMarkerReplicationStatus,
  HeadObjectCommand,
  PutBucketReplicationCommand,
  PutBucketVersioningCommand,
  type ReplicationRule,
  type S3Client,
} from '@aws-sdk/client-s3';

/** The root of the default account, which has no roles. */
export const ROLE = 'arn:aws:iam::000000000000:root';

/** The trust policy of a role that S3 may act as. */
export const TRUSTS_S3 = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 's3.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

/** A bucket with versioning. */
export async function versionedBucket(s3: S3Client, Bucket: string): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
}

export const rule = (
  to: string,
  more: Partial<ReplicationRule> = {},
  markers: DeleteMarkerReplicationStatus = 'Enabled',
) => ({
  ID: `to-${to}`,
  Status: 'Enabled' as const,
  Priority: 1,
  Filter: {},
  DeleteMarkerReplication: { Status: markers },
  ...more,
  Destination: { Bucket: `arn:aws:s3:::${to}`, ...more.Destination },
});

export const replicate = (s3: S3Client, Bucket: string, Rules: ReplicationRule[], Role = ROLE) =>
  s3.send(new PutBucketReplicationCommand({ Bucket, ReplicationConfiguration: { Role, Rules } }));

/** Waits until the version has this status. */
export async function settled(
  s3: S3Client,
  where: { Bucket: string; Key: string; VersionId?: string | undefined },
  status = 'COMPLETED',
): Promise<void> {
  await until(
    async () => (await s3.send(new HeadObjectCommand(where))).ReplicationStatus === status,
    `${where.Key} ${status}`,
  );
}

/** `ms`: nothing is measured by it, it names what never came before the test is ended. */
export async function until(holds: () => Promise<boolean>, what: string, ms = 600_000): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
    if (await holds().catch(() => false)) return;
  }
  throw new Error(`it never came to be: ${what}`);
}
