import { readUnset } from '../unset.js';

/** Bucket tags always count in conditions. */
export const getBucketAbac = readUnset(
  { name: 'GetBucketAbac', by: 'abac', action: 's3:GetBucketAbac' },
  'AbacStatus',
  [['Status', 'Enabled']],
);
