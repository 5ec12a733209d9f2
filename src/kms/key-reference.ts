import { AWS, partitionOf } from '../base/partition.js';
import { KmsError } from '../encryption/ports.js';
import { noSuchKey, notFound } from './errors.js';
import { isOver, type KeyRecord } from './key-record.js';
import type { KeyRing } from './key-ring.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|^mrk-[0-9a-f]{32}$/;
const ARN = /^arn:([a-z-]+):kms:([^:]*):(\d*):(.*)$/;
const MANAGED = 'alias/aws/';

/** `resource`: `key/…` or `alias/…`. */
export const kmsArn = (region: string, accountId: string, resource: string): string =>
  `arn:${partitionOf(region)}:kms:${region}:${accountId}:${resource}`;

export const keyArn = (region: string, { accountId, keyId }: Pick<KeyRecord, 'accountId' | 'keyId'>): string =>
  kmsArn(region, accountId, `key/${keyId}`);

/** What a KeyId member says. */
export interface KeyReference {
  accountId: string;
  /** One of these two. */
  keyId?: string;
  alias?: string;
}

/** @throws NotFoundException, InvalidArnException, in AWS's words */
export function readReference(region: string, callerAccountId: string, text: string): KeyReference {
  let accountId = callerAccountId;
  let name = text;
  if (text.startsWith('arn:')) {
    const match = ARN.exec(text);
    if (!match) throw new KmsError('InvalidArnException', `Invalid arn ${text}`);
    const [, partition, arnRegion, arnAccount, resource] = match as unknown as [string, string, string, string, string];
    // `aws`: as Coffer wrote the ARNs of keys before it knew partitions; they lie with the objects.
    if (partition !== AWS && partition !== partitionOf(region)) {
      throw new KmsError('InvalidArnException', `Invalid arn ${text}`);
    }
    if (arnRegion !== region) throw notFound(`Invalid arn ${arnRegion}`);
    accountId = arnAccount;
    name = resource.startsWith('key/') ? resource.slice('key/'.length) : resource;
  }
  if (name.startsWith('alias/')) return { accountId, alias: name };
  if (!UUID.test(name)) throw notFound(`Invalid keyId '${name}'`);
  return { accountId, keyId: name };
}

/**
 * The CMK that a key id, key ARN, alias name or alias ARN names. An AWS-managed key comes into being when its alias is first named
 * (`makeManaged`). @throws NotFoundException, in AWS's words
 */
export async function resolveKey(
  ring: KeyRing,
  region: string,
  { accountId, keyId, alias }: KeyReference,
  nowMs: number,
  makeManaged?: (accountId: string, alias: string) => Promise<KeyRecord | undefined>,
): Promise<KeyRecord> {
  if (alias === undefined) return existing(await ring.find(accountId, keyId!), region, accountId, keyId!, nowMs);
  const found = await ring.aliases.find(accountId, alias);
  if (found) {
    const { targetKeyId } = found;
    return existing(await ring.find(accountId, targetKeyId), region, accountId, targetKeyId, nowMs);
  }
  const made = accountId !== '' && alias.startsWith(MANAGED) ? await makeManaged?.(accountId, alias) : undefined;
  if (!made) throw notFound(`Alias ${kmsArn(region, accountId, alias)} is not found.`);
  return made;
}

function existing(
  record: KeyRecord | undefined,
  region: string,
  accountId: string,
  keyId: string,
  nowMs: number,
): KeyRecord {
  if (record && !isOver(record, nowMs)) return record;
  throw noSuchKey(keyArn(region, { accountId, keyId }));
}
