import { hsmAction } from '../action.js';
import { noBackup } from '../call.js';
import { idPattern } from '../ids.js';
import { backupView } from '../views.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_ModifyBackupAttributes.html */
export const modifyBackupAttributes = hsmAction({
  name: 'ModifyBackupAttributes',
  input: (fields) => ({
    backupId: fields.requiredText('BackupId', { pattern: idPattern('backup') }),
    neverExpires: fields.requiredBoolean('NeverExpires'),
  }),
  async run({ backupId, neverExpires }, call) {
    const { book, region } = call.parts;
    await call.backup(backupId);
    call.event.note({ details: { NeverExpires: neverExpires } });
    const changed = await book.changeBackup(
      call.accountId,
      backupId,
      (found) => ({ ...found, neverExpires }),
      call.committing,
    );
    if (!changed) throw noBackup(backupId);
    return { Backup: backupView(changed, await book.tagsOf(call.accountId, backupId), region) };
  },
});
