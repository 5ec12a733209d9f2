import { hsmAction } from '../action.js';
import { noBackup } from '../call.js';
import { invalid } from '../errors.js';
import { idPattern } from '../ids.js';
import { BACKUP_GRACE_DAYS } from '../steward.js';
import { backupView } from '../views.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DeleteBackup.html */
export const deleteBackup = hsmAction({
  name: 'DeleteBackup',
  input: (fields) => ({ backupId: fields.requiredText('BackupId', { pattern: idPattern('backup') }) }),
  async run({ backupId }, call) {
    const { book, clock, dayMs, region } = call.parts;
    await call.backup(backupId);
    const changed = await book.changeBackup(
      call.accountId,
      backupId,
      (found) => {
        if (found.state !== 'READY') throw invalid(`Backup ${backupId} is ${found.state}.`);
        return { ...found, state: 'PENDING_DELETION', deleteMs: clock.now() + BACKUP_GRACE_DAYS * dayMs };
      },
      call.committing,
    );
    if (!changed) throw noBackup(backupId);
    return { Backup: backupView(changed, await book.tagsOf(call.accountId, backupId), region) };
  },
});
