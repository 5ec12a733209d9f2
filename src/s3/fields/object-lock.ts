import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

/** No bucket has Object Lock yet, and AWS refuses its headers on such a bucket. */
export const refuseObjectLock: Field<undefined> = {
  read: ({ headers }) => {
    for (const name of [
      'x-amz-object-lock-mode',
      'x-amz-object-lock-retain-until-date',
      'x-amz-object-lock-legal-hold',
    ]) {
      if (headers[name] === undefined) continue;
      throw new S3Error('InvalidRequest', { message: 'Bucket is missing Object Lock Configuration' });
    }
    return undefined;
  },
};
