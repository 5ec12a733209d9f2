import { partitionOf } from '../../base/partition.js';
import { PolicyError } from '../../policy/error.js';
import { CommitBuilder } from '../../store/table.js';
import { hsmAction } from '../action.js';
import { noBackup } from '../call.js';
import { invalid } from '../errors.js';
import { backupRow, policyRow } from '../records.js';
import { ownBackup, RESOURCE_ARN } from '../resource.js';
import { parseResourcePolicy } from '../resource-policy.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_PutResourcePolicy.html */
export const putResourcePolicy = hsmAction({
  name: 'PutResourcePolicy',
  input: (fields) => ({
    arn: fields.requiredText('ResourceArn', { pattern: RESOURCE_ARN }),
    policy: fields.requiredText('Policy', { min: 1, max: 20_000 }),
  }),
  async run({ arn, policy }, call) {
    const { book, region } = call.parts;
    const { accountId, backupId, state } = await ownBackup(call, arn);
    if (state !== 'READY') throw invalid(`Backup ${backupId} is ${state}.`);
    try {
      parseResourcePolicy(policy, partitionOf(region));
    } catch (error) {
      throw error instanceof PolicyError ? invalid(`The policy is not valid: ${error.message}.`) : error;
    }
    const row = backupRow(accountId, backupId);
    const stored = await book.backups.get(row);
    if (!stored) throw noBackup(backupId);
    const put = book.policies.put(policyRow(accountId, backupId), policy);
    if (!(await call.committing(new CommitBuilder().expect(row, stored).put(put)))) throw noBackup(backupId);
    return { ResourceArn: call.arn(backupId), Policy: policy };
  },
});
