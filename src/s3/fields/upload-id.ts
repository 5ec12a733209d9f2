import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

/** `uploadId`: required wherever it stands. */
export const uploadId: Field<string> = {
  read: ({ query }) => {
    const value = query.get('uploadId');
    if (!value) throw noSuchUpload(value ?? '');
    return value;
  },
};

export function noSuchUpload(uploadId: string): S3Error {
  return new S3Error('NoSuchUpload', { extra: { UploadId: uploadId } });
}
