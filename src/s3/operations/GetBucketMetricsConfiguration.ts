import { findUnset } from '../unset.js';

export const getBucketMetricsConfiguration = findUnset(
  { name: 'GetBucketMetricsConfiguration', by: 'metrics', action: 's3:GetMetricsConfiguration' },
  'GET',
);
