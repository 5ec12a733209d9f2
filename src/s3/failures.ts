import { BudgetExhausted, Displaced } from '../base/client-budget.js';
import { ReaderStalled } from '../bodies/open-stream.js';
import { KmsError } from '../encryption/ports.js';
import { TooMuchContention } from '../store/conflict.js';
import { OutcomeUnknown, StoreUnavailable } from '../store/errors.js';
import { BucketGone, NotVersioned } from '../store/objects.js';
import { UploadGone } from '../store/uploads.js';
import { VersionLocked } from '../store/version-lock.js';
import { VersionReplaced } from './body/reader.js';
import { S3Error, type S3ErrorCode } from './error.js';
import { ERRORS } from './errors.js';
import type { RequestFields } from './operation.js';

/** What the layers below throw, as S3 answers it. Anything unknown, damaged records among it, is an InternalError. */
export function asS3Error(error: unknown, fields: Pick<RequestFields, 'bucket' | 'key'>): S3Error {
  if (error instanceof S3Error) return error;
  if (error instanceof KmsError) return fromKms(error);
  if (error instanceof BucketGone) {
    return new S3Error('NoSuchBucket', { extra: { BucketName: error.message }, cause: error });
  }
  if (error instanceof NotVersioned) return new S3Error('InvalidRequest', { message: NOT_VERSIONED, cause: error });
  if (error instanceof UploadGone)
    return new S3Error('NoSuchUpload', { extra: { UploadId: error.message }, cause: error });
  if (error instanceof VersionLocked) {
    return new S3Error('AccessDenied', {
      message: 'Access Denied because object protected by object lock.',
      cause: error,
    });
  }
  if (error instanceof TooMuchContention) {
    return new S3Error('ConditionalRequestConflict', { extra: { Key: fields.key }, cause: error });
  }
  // The source of a copy was overwritten while it was opened: the client tries again, as SDKs do by themselves.
  if (error instanceof VersionReplaced) return new S3Error('SlowDown', { cause: error });
  // The other: a copy whose other side had no room for it.
  if (error instanceof BudgetExhausted || error instanceof Displaced || error instanceof ReaderStalled)
    return new S3Error('SlowDown', { cause: error });
  if (error instanceof StoreUnavailable && error.retryAfterSeconds !== undefined) {
    return new S3Error('SlowDown', { headers: { 'Retry-After': String(error.retryAfterSeconds) }, cause: error });
  }
  if (error instanceof StoreUnavailable) return new S3Error('ServiceUnavailable', { cause: error });
  if (error instanceof OutcomeUnknown) return new S3Error('InternalError', { cause: error });
  return new S3Error('InternalError', { cause: error });
}

/** What AWS says of a destination without versioning. */
export const NOT_VERSIONED = 'Destination bucket must have versioning enabled.';

/** `KMS.NotFoundException` and the like; what KMS refuses is S3's own AccessDenied. */
function fromKms(error: KmsError): S3Error {
  if (error.code === 'AccessDeniedException') {
    return new S3Error('AccessDenied', { message: error.message, cause: error });
  }
  const code = `KMS.${error.code}`;
  if (code in ERRORS) return new S3Error(code as S3ErrorCode, { message: error.message, cause: error });
  if (error.statusCode >= 500) return new S3Error('ServiceUnavailable', { cause: error });
  return new S3Error('InvalidArgument', { message: error.message, cause: error });
}
