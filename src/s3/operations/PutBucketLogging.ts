import { putUnset } from '../unset.js';

export const putBucketLogging = putUnset(
  { name: 'PutBucketLogging', by: 'logging', action: 's3:PutBucketLogging' },
  'BucketLoggingStatus',
);
