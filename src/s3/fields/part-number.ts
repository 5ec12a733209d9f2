import { PART_NUMBER_MAX } from '../../base/limits.js';
import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

/** `partNumber` of GetObject, HeadObject and UploadPart. */
export const partNumber: Field<number | undefined> = {
  read: ({ query }) => {
    const text = query.get('partNumber');
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d{1,10}$/.test(text) || value < 1 || value > PART_NUMBER_MAX) {
      throw new S3Error('InvalidArgument', {
        message: `Part number must be an integer between 1 and ${PART_NUMBER_MAX}, inclusive`,
        extra: { ArgumentName: 'partNumber', ArgumentValue: text },
      });
    }
    return value;
  },
};
