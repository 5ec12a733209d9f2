import { putUnset } from '../unset.js';

export const putBucketNotificationConfiguration = putUnset(
  { name: 'PutBucketNotificationConfiguration', by: 'notification', action: 's3:PutBucketNotification' },
  'NotificationConfiguration',
);
