import { readUnset } from '../unset.js';

export const getBucketLogging = readUnset(
  { name: 'GetBucketLogging', by: 'logging', action: 's3:GetBucketLogging' },
  'BucketLoggingStatus',
);
