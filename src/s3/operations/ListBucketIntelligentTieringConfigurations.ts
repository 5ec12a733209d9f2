import { readUnset } from '../unset.js';

export const listBucketIntelligentTieringConfigurations = readUnset(
  {
    name: 'ListBucketIntelligentTieringConfigurations',
    by: 'intelligent-tiering',
    action: 's3:GetIntelligentTieringConfiguration',
  },
  'ListBucketIntelligentTieringConfigurationsResult',
  [['IsTruncated', false]],
);
