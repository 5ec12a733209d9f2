import { randomInt } from 'node:crypto';
import { partitionOf } from '../base/partition.js';

/** Of the API model's `[2-7a-zA-Z]{11,16}`, what AWS draws from. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';

export type Kind = 'cluster' | 'hsm' | 'backup';

export const newId = (kind: Kind): string => {
  let id = `${kind}-`;
  for (let i = 0; i < 11; i++) id += LETTERS[randomInt(LETTERS.length)];
  return id;
};

/** As AWS's ids of networks look: there are none here. */
export const newNetworkId = (kind: 'eni' | 'vpc' | 'sg'): string =>
  `${kind}-${randomInt(2 ** 40)
    .toString(16)
    .padStart(17, '0')}`;

export const idPattern = (kind: Kind): RegExp => new RegExp(`${kind}-[2-7a-zA-Z]{11,16}`);
export const RESOURCE_ID = /(?:cluster|backup)-[2-7a-zA-Z]{11,16}/;
export const BACKUP_ARN = /(?:arn:aws(?:-[a-z]+)*:cloudhsm:[a-z0-9-]+:\d{12}:backup\/)?backup-[2-7a-zA-Z]{11,16}/;

/** `arn:aws:cloudhsm:us-east-1:000000000000:cluster/cluster-…` */
export const hsmArn = (region: string, accountId: string, id: string): string =>
  `arn:${partitionOf(region)}:cloudhsm:${region}:${accountId}:${id.slice(0, id.indexOf('-'))}/${id}`;

/** Whose backup a request names, and which. */
export function readBackupId(text: string, accountId: string): { accountId: string; backupId: string } {
  const parts = text.split(':');
  return parts.length === 1
    ? { accountId, backupId: text }
    : { accountId: parts[4]!, backupId: text.slice(text.lastIndexOf('/') + 1) };
}
