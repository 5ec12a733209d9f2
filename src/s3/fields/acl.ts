import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

/** ACLs aren't there yet: the one that every object has anyway may be named, any other is refused rather than ignored. */
export const refuseAcl: Field<undefined> = {
  read: ({ headers }) => {
    const canned = headers['x-amz-acl'];
    if (canned !== undefined && canned !== 'private' && canned !== 'bucket-owner-full-control') {
      throw new S3Error('NotImplemented', { extra: { Header: 'x-amz-acl' } });
    }
    for (const name of GRANTS) {
      if (headers[name] !== undefined) throw new S3Error('NotImplemented', { extra: { Header: name } });
    }
    return undefined;
  },
};

const GRANTS = [
  'x-amz-grant-full-control',
  'x-amz-grant-read',
  'x-amz-grant-read-acp',
  'x-amz-grant-write',
  'x-amz-grant-write-acp',
];
