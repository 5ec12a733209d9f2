import type { DsseKmsWrap } from './dsse-kms.js';
import type { SseCWrap } from './sse-c.js';
import type { SseKmsWrap } from './sse-kms.js';
import type { SseS3Wrap } from './sse-s3.js';

/** How the data key of one object version is kept in its record. Binary members are base64. */
export type WrappedDataKey = SseS3Wrap | SseKmsWrap | DsseKmsWrap | SseCWrap;
