import { findUnset } from '../unset.js';

export const deleteBucketIntelligentTieringConfiguration = findUnset(
  {
    name: 'DeleteBucketIntelligentTieringConfiguration',
    by: 'intelligent-tiering',
    action: 's3:PutIntelligentTieringConfiguration',
  },
  'DELETE',
);
