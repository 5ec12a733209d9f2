import { readUnset } from '../unset.js';

export const listBucketMetricsConfigurations = readUnset(
  { name: 'ListBucketMetricsConfigurations', by: 'metrics', action: 's3:GetMetricsConfiguration' },
  'ListMetricsConfigurationsResult',
  [['IsTruncated', false]],
);
