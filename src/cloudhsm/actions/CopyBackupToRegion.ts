import { hsmAction } from '../action.js';
import { invalid } from '../errors.js';
import { idPattern } from '../ids.js';
import { readTags } from '../tags.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_CopyBackupToRegion.html */
export const copyBackupToRegion = hsmAction({
  name: 'CopyBackupToRegion',
  input: (fields) => ({
    backupId: fields.requiredText('BackupId', { pattern: idPattern('backup') }),
    region: fields.requiredText('DestinationRegion', {
      pattern: /[a-z]{2}(-(gov))?-(east|west|north|south|central){1,2}-\d/,
    }),
    tags: readTags(fields.list('TagList', 1, 50)),
  }),
  async run({ backupId, region, tags }, call) {
    await call.backup(backupId, { tags });
    throw invalid(`Clusters of this Coffer are in ${call.parts.region} alone: nothing is copied to ${region}.`);
  },
});
