import { S3ServiceException } from '@aws-sdk/client-s3';
import { StoreReadOnly, StoreUnavailable } from '../errors.js';
import { NoAnswer } from '../run-objects/driver.js';

const INSUFFICIENT_STORAGE = 507;
/** Servers that are full, and don't say 507. */
const FULL = /^(QuotaExceeded|XMinioStorageFull|InsufficientStorage|EntityTooLargeForQuota|BucketQuotaExceeded)$/;
const NOT_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;

/** What stops a request, as the engine's error; `place` is for people. Nothing of a request is repeated but its name. */
export function failureOf(error: unknown, what: string, place: string): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error;
  const say = (said: string) => `${what}: ${place} ${said}`;
  if (error instanceof S3ServiceException) {
    const { httpStatusCode: status = 0, attempts = 1 } = error.$metadata;
    const said = say(`answered ${status} ${error.name}`);
    if (status === INSUFFICIENT_STORAGE || FULL.test(error.name)) {
      return new StoreReadOnly(say(`is full (${status} ${error.name})`), { cause: error });
    }
    // An earlier attempt, whose end nobody saw, may have been more lucky.
    if (status >= 400 && status < 500 && attempts === 1) return new StoreUnavailable(said, { cause: error });
    return new NoAnswer(said, { cause: error });
  }
  const { code, name, message } = error as NodeJS.ErrnoException;
  const reason = code ?? (name === 'Error' ? message : name);
  // Whoever can't be reached at the end may have been at first.
  const attempts = (error as { $metadata?: { attempts?: number } }).$metadata?.attempts ?? 1;
  const type = code !== undefined && NOT_SENT.test(code) && attempts === 1 ? StoreUnavailable : NoAnswer;
  return new type(say(`doesn't answer (${reason})`), { cause: error });
}

export const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
