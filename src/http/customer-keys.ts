import type { IncomingMessage } from 'node:http';
import { Secret } from '../base/secret.js';
import type { CustomerKeyHeaders } from '../s3/operation.js';

const OWN = 'x-amz-server-side-encryption-customer-';
const COPY_SOURCE = 'x-amz-copy-source-server-side-encryption-customer-';

/**
 * Takes the headers of SSE-C out of `headers` and `rawHeaders`, so that nothing that looks at a request later can print them.
 * The strings themselves can't be overwritten in JavaScript; from here on only zeroable bytes go further.
 */
export function takeCustomerKeys(request: IncomingMessage): {
  own?: CustomerKeyHeaders;
  copySource?: CustomerKeyHeaders;
} {
  const taken: { own?: CustomerKeyHeaders; copySource?: CustomerKeyHeaders } = {};
  const own = take(request, OWN);
  if (own) taken.own = own;
  const copySource = take(request, COPY_SOURCE);
  if (copySource) taken.copySource = copySource;
  return taken;
}

function take(request: IncomingMessage, prefix: string): CustomerKeyHeaders | undefined {
  const { headers } = request;
  const algorithm = headers[`${prefix}algorithm`];
  const key = headers[`${prefix}key`];
  const keyMd5 = headers[`${prefix}key-md5`];
  if (algorithm === undefined && key === undefined && keyMd5 === undefined) return undefined;
  for (const name of ['algorithm', 'key', 'key-md5']) delete headers[`${prefix}${name}`];
  const raw = request.rawHeaders;
  for (let i = raw.length - 2; i >= 0; i -= 2) {
    if (raw[i]!.toLowerCase().startsWith(prefix)) raw.splice(i, 2);
  }
  const sent: CustomerKeyHeaders = {};
  if (algorithm !== undefined) sent.algorithm = String(algorithm);
  if (key !== undefined) sent.key = new Secret(Buffer.from(String(key), 'latin1'));
  if (keyMd5 !== undefined) sent.keyMd5 = String(keyMd5);
  return sent;
}
