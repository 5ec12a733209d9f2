import type { KmsCallerContext } from '../encryption/ports.js';
import { KmsError } from '../encryption/ports.js';
import { notFound } from './errors.js';
import type { KeyRing } from './key-ring.js';
import type { KeyRecord } from './rows.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|^mrk-[0-9a-f]{32}$/;
const ARN = /^arn:aws:kms:([^:]*):(\d*):(.*)$/;

export const keyArn = (region: string, record: Pick<KeyRecord, 'accountId' | 'keyId'>): string =>
  `arn:aws:kms:${region}:${record.accountId}:key/${record.keyId}`;

/**
 * The CMK that a key id, key ARN, alias name or alias ARN names. The AWS-managed key of S3 comes into being when it is first named.
 * @throws NotFoundException, in AWS's words
 */
export async function resolveKey(
  ring: KeyRing,
  region: string,
  who: KmsCallerContext,
  reference: string,
  nowMs: number,
  makeManaged: (accountId: string, alias: string) => Promise<KeyRecord>,
): Promise<KeyRecord> {
  let accountId = who.caller.accountId;
  let name = reference;
  if (reference.startsWith('arn:')) {
    const match = ARN.exec(reference);
    if (!match) throw new KmsError('InvalidArnException', `Invalid arn ${reference}`);
    const [, arnRegion, arnAccount, resource] = match as unknown as [string, string, string, string];
    if (arnRegion !== region) throw notFound(`Invalid arn ${arnRegion}`);
    accountId = arnAccount;
    name = resource.startsWith('key/') ? resource.slice('key/'.length) : resource;
  }
  if (name.startsWith('alias/')) {
    const alias = await ring.alias(accountId, name);
    if (alias)
      return existing(await ring.find(accountId, alias.targetKeyId), region, accountId, alias.targetKeyId, nowMs);
    // As on AWS: naming a predefined alias is enough to make its key.
    if (name === 'alias/aws/s3' && accountId !== '' && accountId === who.caller.accountId) {
      return makeManaged(accountId, name);
    }
    throw notFound(`Alias arn:aws:kms:${region}:${accountId}:${name} is not found.`);
  }
  if (!UUID.test(name)) throw notFound(`Invalid keyId '${name}'`);
  return existing(await ring.find(accountId, name), region, accountId, name, nowMs);
}

/** A key whose waiting period is over is gone, whether or not its row still lies there. */
function existing(
  record: KeyRecord | undefined,
  region: string,
  accountId: string,
  keyId: string,
  nowMs: number,
): KeyRecord {
  if (record && !(record.state === 'PendingDeletion' && record.deletionMs! <= nowMs)) return record;
  throw notFound(`Key '${keyArn(region, { accountId, keyId })}' does not exist`);
}
