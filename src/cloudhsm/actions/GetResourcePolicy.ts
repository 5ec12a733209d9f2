import { hsmAction } from '../action.js';
import { policyRow } from '../records.js';
import { ownBackup, RESOURCE_ARN } from '../resource.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_GetResourcePolicy.html */
export const getResourcePolicy = hsmAction({
  name: 'GetResourcePolicy',
  input: (fields) => ({ arn: fields.requiredText('ResourceArn', { pattern: RESOURCE_ARN }) }),
  async run({ arn }, call) {
    const { accountId, backupId } = await ownBackup(call, arn);
    const stored = await call.parts.book.policies.get(policyRow(accountId, backupId));
    return stored ? { Policy: stored.record } : {};
  },
});
