import { findUnset } from '../unset.js';

export const getBucketInventoryConfiguration = findUnset(
  { name: 'GetBucketInventoryConfiguration', by: 'inventory', action: 's3:GetInventoryConfiguration' },
  'GET',
);
