import type { ObjectOwnership } from '../../store/records.js';
import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

const NAME = 'x-amz-object-ownership';

export const isOwnership = (text: string): text is ObjectOwnership =>
  text === 'BucketOwnerEnforced' || text === 'BucketOwnerPreferred' || text === 'ObjectWriter';

/** `x-amz-object-ownership` of CreateBucket. */
export const objectOwnership: Field<ObjectOwnership | undefined> = {
  read: ({ headers }) => {
    const sent = headers[NAME];
    if (sent === undefined || isOwnership(sent)) return sent;
    throw new S3Error('InvalidArgument', {
      message: `Invalid ${NAME} header: ${sent}`,
      extra: { ArgumentName: NAME },
    });
  },
};
