import { findUnset } from '../unset.js';

export const deleteBucketInventoryConfiguration = findUnset(
  { name: 'DeleteBucketInventoryConfiguration', by: 'inventory', action: 's3:PutInventoryConfiguration' },
  'DELETE',
);
