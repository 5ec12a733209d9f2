import { readUnset } from '../unset.js';

export const getBucketNotificationConfiguration = readUnset(
  { name: 'GetBucketNotificationConfiguration', by: 'notification', action: 's3:GetBucketNotification' },
  'NotificationConfiguration',
);
