import { hsmAction } from '../action.js';
import { noBackup } from '../call.js';
import { invalid } from '../errors.js';
import { idPattern } from '../ids.js';
import { backupView } from '../views.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_RestoreBackup.html */
export const restoreBackup = hsmAction({
  name: 'RestoreBackup',
  input: (fields) => ({ backupId: fields.requiredText('BackupId', { pattern: idPattern('backup') }) }),
  async run({ backupId }, call) {
    const { book, region } = call.parts;
    await call.backup(backupId);
    const changed = await book.changeBackup(
      call.accountId,
      backupId,
      (found) => {
        if (found.state !== 'PENDING_DELETION') throw invalid(`Backup ${backupId} is ${found.state}.`);
        const { deleteMs: _, ...kept } = found;
        return { ...kept, state: 'READY' };
      },
      call.committing,
    );
    if (!changed) throw noBackup(backupId);
    return { Backup: backupView(changed, await book.tagsOf(call.accountId, backupId), region) };
  },
});
