import type { Caller } from '../../auth/ports.js';
import type { XmlNode } from '../../base/xml/ports.js';
import type { BucketRecord, ObjectOwnership } from '../../store/records.js';
import type { Accounts } from '../accounts.js';

/** AWS's canonical id of whoever uploads without a signature. */
const ANONYMOUS_ID = '65a011a29cdf8ec533ec3d1ccaae921c';

/** What to call an account in an answer; one that the accounts file no longer has keeps its id. */
export function ownerNodes(accountId: string, accounts: Accounts): XmlNode[] {
  const owner = accounts.owner(accountId);
  return [
    ['ID', owner?.id ?? (accountId === '' ? ANONYMOUS_ID : accountId)],
    ['DisplayName', owner?.displayName],
  ];
}

/** `Owner` of each object or upload of a bucket. */
export function ownersIn(
  bucket: BucketRecord,
  accounts: Accounts,
): (owned: { ownerAccountId: string }) => readonly XmlNode[] {
  const known = new Map<string, readonly XmlNode[]>();
  return (owned) => {
    const accountId = ownerOf(owned, bucket);
    let nodes = known.get(accountId);
    if (!nodes) {
      nodes = ownerNodes(accountId, accounts);
      known.set(accountId, nodes);
    }
    return nodes;
  };
}

/** The same for listings of objects, where whoever doesn't sign is told no owners. */
export const ownersTold = (bucket: BucketRecord, accounts: Accounts, caller: Pick<Caller, 'kind'>) =>
  caller.kind === 'anonymous' ? undefined : ownersIn(bucket, accounts);

export const ownershipOf = (bucket: BucketRecord): ObjectOwnership => bucket.ownership ?? 'ObjectWriter';

export const aclsDisabled = (bucket: BucketRecord): boolean => bucket.ownership === 'BucketOwnerEnforced';

/** Whose an object or upload is: its writer's, or, where the bucket enforces that, the bucket owner's. */
export function ownerOf({ ownerAccountId }: { ownerAccountId: string }, bucket: BucketRecord): string {
  return aclsDisabled(bucket) ? bucket.ownerAccountId : ownerAccountId;
}

/** Whose an object will be. `cannedAcl`: as the header says. */
export function ownerOfNew(bucket: BucketRecord, writer: { accountId: string }, cannedAcl: string | undefined): string {
  const ownership = ownershipOf(bucket);
  const handedOver = ownership === 'BucketOwnerPreferred' && cannedAcl === 'bucket-owner-full-control';
  return ownership === 'BucketOwnerEnforced' || handedOver ? bucket.ownerAccountId : writer.accountId;
}
