import { ERRORS } from './errors.js';

export type S3ErrorCode = keyof typeof ERRORS;

/**
 * An answer by AWS's code. Status and public message come from the catalogue; `extra` are the code's own XML elements.
 * The private cause is for the log alone.
 */
export class S3Error extends Error {
  override name = 'S3Error';
  readonly status: number;
  readonly extra: Readonly<Record<string, string>>;
  /** Headers that go with the answer, such as `x-amz-delete-marker` on a 404. */
  readonly headers: Readonly<Record<string, string>>;
  /** AWS's front door answers some requests with a status and nothing else. */
  readonly bare: boolean;

  constructor(
    readonly code: S3ErrorCode,
    details: {
      message?: string;
      status?: number;
      extra?: Record<string, string>;
      headers?: Record<string, string>;
      bare?: boolean;
      cause?: unknown;
    } = {},
  ) {
    super(details.message ?? ERRORS[code].message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = details.status ?? ERRORS[code].status;
    this.extra = details.extra ?? {};
    this.headers = details.headers ?? {};
    this.bare = details.bare ?? false;
  }
}
