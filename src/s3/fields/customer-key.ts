import { createHash } from 'node:crypto';
import { Mac } from '../../base/mac.js';
import { Secret, secretBuffer } from '../../base/secret.js';
import { S3Error } from '../error.js';
import type { CustomerKeyHeaders, Field } from '../operation.js';

/** A customer's key that passed its checks in transit. */
export interface CustomerKey {
  /** 32 bytes; `dispose` after use. */
  key: Secret;
  /** Base64, as it was sent and as the answer repeats it. Never stored. */
  keyMd5: string;
}

const ARGUMENT = 'x-amz-server-side-encryption';

/**
 * The three headers of SSE-C are one field: they are valid only together.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
 */
export const customerKey: Field<CustomerKey | undefined> = {
  late: true,
  read: (from) => parseCustomerKey(from.sseCustomer),
};

export const copySourceCustomerKey: Field<CustomerKey | undefined> = {
  late: true,
  read: (from) => parseCustomerKey(from.copySourceSseCustomer),
};

/**
 * For reading requests, where AWS answers a missing MD5 as a wrong key.
 */
export const readCustomerKey: Field<CustomerKey | undefined> = {
  late: true,
  read: (from) => {
    const sent = from.sseCustomer;
    if (sent?.algorithm === 'AES256' && sent.key && sent.keyMd5 === undefined) throw wrongCustomerKey();
    return parseCustomerKey(sent);
  },
};

export function wrongCustomerKey(): S3Error {
  return new S3Error('AccessDenied', {
    message:
      'Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.',
  });
}

function parseCustomerKey(sent: CustomerKeyHeaders | undefined): CustomerKey | undefined {
  if (!sent) return undefined;
  if (sent.algorithm === undefined) {
    throw invalid(
      'Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.',
    );
  }
  if (sent.algorithm !== 'AES256') {
    throw new S3Error('InvalidEncryptionAlgorithmError', {
      message: 'The Encryption request you specified is not valid. Supported value: AES256.',
      extra: { ArgumentName: ARGUMENT, ArgumentValue: sent.algorithm },
    });
  }
  if (!sent.key) {
    throw invalid(
      'Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.',
    );
  }
  const key = decodeKey(sent.key.expose());
  if (!key || sent.keyMd5 === undefined) {
    key?.fill(0);
    throw invalid('The secret key was invalid for the specified algorithm.');
  }
  const md5 = createHash('md5').update(key).digest();
  if (!new Mac(md5).equals(Buffer.from(sent.keyMd5, 'base64'))) {
    key.fill(0);
    throw invalid('The calculated MD5 hash of the key did not match the hash that was provided.');
  }
  const opened = new Secret(key);
  // Whatever becomes of the request: who reads it here may not get as far as disposing of it.
  sent.opened ??= [];
  sent.opened.push(opened);
  return { key: opened, keyMd5: sent.keyMd5 };
}

/** 32 bytes from canonical base64, decoded without making a string of it. */
function decodeKey(base64: Buffer): Buffer | undefined {
  if (base64.length !== 44 || base64[43] !== 0x3d /* = */) return undefined;
  const key = secretBuffer(32);
  let bits = 0;
  let value = 0;
  let at = 0;
  for (let i = 0; i < 43; i++) {
    const digit = base64Digit(base64[i]!);
    if (digit < 0) {
      key.fill(0);
      return undefined;
    }
    value = ((value << 6) | digit) & 0xfffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      key[at++] = (value >> bits) & 0xff;
    }
  }
  return key;
}

function base64Digit(code: number): number {
  if (code >= 0x41 && code <= 0x5a) return code - 0x41;
  if (code >= 0x61 && code <= 0x7a) return code - 0x61 + 26;
  if (code >= 0x30 && code <= 0x39) return code - 0x30 + 52;
  if (code === 0x2b) return 62;
  return code === 0x2f ? 63 : -1;
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidArgument', { message, extra: { ArgumentName: ARGUMENT } });
}
