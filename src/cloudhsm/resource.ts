import { CommitBuilder } from '../store/table.js';
import type { HsmCall } from './call.js';
import { invalid } from './errors.js';
import { type BackupRecord, backupRow, clusterRow, type TagPair, tagsRow } from './records.js';

/** CloudHsmArn of the API model, of any partition. */
export const RESOURCE_ARN =
  /arn:aws(?:-[a-z]+)*:cloudhsm:[a-z0-9-]+:\d{12}:(?:backup\/backup|cluster\/cluster|hsm\/hsm)-[2-7a-zA-Z]{11,16}/;

const ATTEMPTS = 10;

/** A cluster or a backup of the caller's account. @throws CloudHsmAccessDeniedException, CloudHsmResourceNotFoundException */
export async function requireResource(
  call: HsmCall,
  id: string,
  about: { tags?: readonly TagPair[]; tagKeys?: readonly string[] } = {},
): Promise<void> {
  if (id.startsWith('cluster-')) await call.cluster(id, about);
  else await call.backup(id, about);
}

/** What resource policies are for. @throws as `requireResource` */
export async function ownBackup(call: HsmCall, arn: string): Promise<BackupRecord> {
  if (!arn.includes(':backup/')) throw invalid('Only backups have resource policies.');
  const [, , , region, accountId] = arn.split(':');
  if (region !== call.parts.region) throw invalid(`The backup is not in ${call.parts.region}.`);
  if (accountId !== call.accountId) throw invalid('The backup is not of this account.');
  return call.backup(arn);
}

/** Together with the check that what is tagged is still there. */
export async function changeTags(
  call: HsmCall,
  id: string,
  change: (old: readonly TagPair[]) => TagPair[],
): Promise<void> {
  const { book } = call.parts;
  const row = tagsRow(call.accountId, id);
  const owner = (id.startsWith('cluster-') ? clusterRow : backupRow)(call.accountId, id);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [stored, its] = [await book.tags.get(row), await book.meta.get(owner)];
    if (!its) break;
    const tags = change(stored?.record ?? []);
    const commit = new CommitBuilder().expect(row, stored).expect(owner, its);
    if (await call.committing(tags.length === 0 ? commit.del(row) : commit.put(book.tags.put(row, tags)))) {
      return;
    }
  }
  throw invalid('Others changed it at the same time, again and again. Try again.');
}
