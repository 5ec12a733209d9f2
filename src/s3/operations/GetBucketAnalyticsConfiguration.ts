import { findUnset } from '../unset.js';

export const getBucketAnalyticsConfiguration = findUnset(
  { name: 'GetBucketAnalyticsConfiguration', by: 'analytics', action: 's3:GetAnalyticsConfiguration' },
  'GET',
);
