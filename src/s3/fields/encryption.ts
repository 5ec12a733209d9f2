import { isContext } from '../../encryption/context.js';
import { S3Error } from '../error.js';
import type { Field, RequestFields } from '../operation.js';
import { type CustomerKey, customerKey } from './customer-key.js';

/** What a write asks for in its encryption headers. Undefined where none was sent: the bucket's default decides. */
export type EncryptionRequest =
  | { mode: 'SSE-C'; customer: CustomerKey }
  | { mode: 'SSE-S3' }
  | {
      mode: 'SSE-KMS' | 'DSSE-KMS';
      /** Absent: the bucket's default key, else `alias/aws/s3`. */
      keyId?: string;
      context: Record<string, string>;
      /** Absent: the bucket's setting. */
      bucketKeyEnabled?: boolean;
    };

const HEADER = 'x-amz-server-side-encryption';
const KEY_ID = `${HEADER}-aws-kms-key-id`;
const CONTEXT = `${HEADER}-context`;
const BUCKET_KEY = `${HEADER}-bucket-key-enabled`;

/**
 * `x-amz-server-side-encryption*` of PutObject, CopyObject and CreateMultipartUpload as one field.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
 */
export const encryption: Field<EncryptionRequest | undefined> = {
  late: true,
  read: (from) => {
    const algorithm = from.headers[HEADER];
    if (from.sseCustomer) {
      if (algorithm !== undefined) {
        throw new S3Error('InvalidArgument', {
          message:
            'Server Side Encryption with Customer provided key is incompatible with the encryption method specified',
          extra: { ArgumentName: HEADER, ArgumentValue: algorithm },
        });
      }
      const customer = customerKey.read(from);
      if (customer) return { mode: 'SSE-C', customer };
    }
    if (algorithm === undefined) return withoutAlgorithm(from);
    if (algorithm === 'AES256') {
      refuseKmsHeaders(from, algorithm);
      return { mode: 'SSE-S3' };
    }
    if (algorithm !== 'aws:kms' && algorithm !== 'aws:kms:dsse') {
      throw new S3Error('InvalidArgument', {
        message: 'The encryption method specified is not supported',
        extra: { ArgumentName: HEADER, ArgumentValue: algorithm },
      });
    }
    return kmsRequest(from, algorithm === 'aws:kms' ? 'SSE-KMS' : 'DSSE-KMS');
  },
};

function kmsRequest(from: RequestFields, mode: 'SSE-KMS' | 'DSSE-KMS'): EncryptionRequest {
  const request: EncryptionRequest = { mode, context: parseContext(from.headers[CONTEXT]) };
  const keyId = from.headers[KEY_ID];
  if (keyId) request.keyId = keyId;
  const bucketKeyEnabled = parseBoolean(from.headers[BUCKET_KEY]);
  if (bucketKeyEnabled !== undefined) request.bucketKeyEnabled = bucketKeyEnabled;
  return request;
}

/** Without the algorithm, only the bucket key's header may stand: it changes what the bucket's default would do. */
function withoutAlgorithm(from: RequestFields): undefined {
  parseBoolean(from.headers[BUCKET_KEY]);
  refuseKmsHeaders(from, undefined);
  return undefined;
}

function refuseKmsHeaders(from: RequestFields, algorithm: string | undefined): void {
  for (const name of [KEY_ID, CONTEXT]) {
    if (from.headers[name] === undefined) continue;
    throw new S3Error('InvalidArgument', {
      message: `Server Side Encryption with AWS KMS managed key requires HTTP header ${HEADER} : aws:kms`,
      extra: { ArgumentName: HEADER, ...(algorithm === undefined ? {} : { ArgumentValue: algorithm }) },
    });
  }
}

/** `x-amz-server-side-encryption-bucket-key-enabled` where the algorithm is the bucket's default. */
export const bucketKeyEnabled: Field<boolean | undefined> = {
  late: true,
  read: (from) => parseBoolean(from.headers[BUCKET_KEY]),
};

function parseBoolean(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  throw new S3Error('InvalidArgument', {
    message: 'Value of x-amz-server-side-encryption-bucket-key-enabled must be true or false',
    extra: { ArgumentName: BUCKET_KEY, ArgumentValue: text },
  });
}

/** Base64 of a JSON object whose values are strings. */
function parseContext(base64: string | undefined): Record<string, string> {
  if (base64 === undefined) return {};
  const text = Buffer.from(base64, 'base64').toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  if (!isContext(json)) throw invalidContext();
  return json;
}

function invalidContext(): S3Error {
  return new S3Error('InvalidArgument', {
    message:
      'The header x-amz-server-side-encryption-context shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map',
    extra: { ArgumentName: CONTEXT },
  });
}
