import { readUnset } from '../unset.js';

export const listBucketInventoryConfigurations = readUnset(
  { name: 'ListBucketInventoryConfigurations', by: 'inventory', action: 's3:GetInventoryConfiguration' },
  'ListInventoryConfigurationsResult',
  [['IsTruncated', false]],
);
