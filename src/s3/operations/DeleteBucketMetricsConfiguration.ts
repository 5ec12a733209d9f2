import { findUnset } from '../unset.js';

export const deleteBucketMetricsConfiguration = findUnset(
  { name: 'DeleteBucketMetricsConfiguration', by: 'metrics', action: 's3:PutMetricsConfiguration' },
  'DELETE',
);
