import { CommitBuilder } from '../../store/table.js';
import { hsmAction } from '../action.js';
import { notFound } from '../errors.js';
import { policyRow } from '../records.js';
import { ownBackup, RESOURCE_ARN } from '../resource.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DeleteResourcePolicy.html */
export const deleteResourcePolicy = hsmAction({
  name: 'DeleteResourcePolicy',
  input: (fields) => ({ arn: fields.requiredText('ResourceArn', { pattern: RESOURCE_ARN }) }),
  async run({ arn }, call) {
    const { book } = call.parts;
    const { accountId, backupId } = await ownBackup(call, arn);
    const row = policyRow(accountId, backupId);
    const stored = await book.policies.get(row);
    if (!stored) throw notFound(`Backup ${backupId} has no resource policy.`);
    await call.committing(new CommitBuilder().del(row).frees());
    return { ResourceArn: call.arn(backupId), Policy: stored.record };
  },
});
