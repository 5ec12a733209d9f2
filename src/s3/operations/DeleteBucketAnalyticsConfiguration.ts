import { findUnset } from '../unset.js';

export const deleteBucketAnalyticsConfiguration = findUnset(
  { name: 'DeleteBucketAnalyticsConfiguration', by: 'analytics', action: 's3:PutAnalyticsConfiguration' },
  'DELETE',
);
