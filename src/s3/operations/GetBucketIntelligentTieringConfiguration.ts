import { findUnset } from '../unset.js';

export const getBucketIntelligentTieringConfiguration = findUnset(
  {
    name: 'GetBucketIntelligentTieringConfiguration',
    by: 'intelligent-tiering',
    action: 's3:GetIntelligentTieringConfiguration',
  },
  'GET',
);
