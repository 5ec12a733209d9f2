import type { Grant } from '../../store/records.js';
import { privateAcl } from './grants.js';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl */
export const CANNED = {
  private: () => [],
  'public-read': () => [{ group: 'AllUsers', permission: 'READ' }],
  'public-read-write': () => [
    { group: 'AllUsers', permission: 'READ' },
    { group: 'AllUsers', permission: 'WRITE' },
  ],
  'authenticated-read': () => [{ group: 'AuthenticatedUsers', permission: 'READ' }],
  'log-delivery-write': () => [
    { group: 'LogDelivery', permission: 'WRITE' },
    { group: 'LogDelivery', permission: 'READ_ACP' },
  ],
  // EC2 would read here. It is no account of Coffer's.
  'aws-exec-read': () => [],
  'bucket-owner-read': (bucketOwner) => [{ account: bucketOwner, permission: 'READ' }],
  'bucket-owner-full-control': (bucketOwner) => [{ account: bucketOwner, permission: 'FULL_CONTROL' }],
} satisfies Record<string, (bucketOwner: string) => Grant[]>;

export type CannedAcl = keyof typeof CANNED;

export const isCanned = (name: string): name is CannedAcl => Object.hasOwn(CANNED, name);

/** What a canned ACL stands for. A bucket is its own bucket's owner's: `bucket-owner-…` adds nothing there. */
export function cannedGrants(name: CannedAcl, owner: string, bucketOwner: string): Grant[] {
  const others = CANNED[name](bucketOwner).filter((grant: Grant) => !('account' in grant) || grant.account !== owner);
  return [...others, ...privateAcl(owner)];
}
