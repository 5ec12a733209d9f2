import { readUnset } from '../unset.js';

export const listBucketAnalyticsConfigurations = readUnset(
  { name: 'ListBucketAnalyticsConfigurations', by: 'analytics', action: 's3:GetAnalyticsConfiguration' },
  'ListBucketAnalyticsConfigurationResult',
  [['IsTruncated', false]],
);
