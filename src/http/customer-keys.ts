import type { IncomingMessage } from 'node:http';
import { Secret } from '../base/secret.js';
import type { CustomerKeyHeaders } from '../s3/operation.js';

interface Names {
  prefix: string;
  algorithm: string;
  key: string;
  keyMd5: string;
}

const namesOf = (prefix: string): Names => ({
  prefix,
  algorithm: `${prefix}algorithm`,
  key: `${prefix}key`,
  keyMd5: `${prefix}key-md5`,
});

const OWN = namesOf('x-amz-server-side-encryption-customer-');
const COPY_SOURCE = namesOf('x-amz-copy-source-server-side-encryption-customer-');

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

function take(request: IncomingMessage, names: Names): CustomerKeyHeaders | undefined {
  const { headers } = request;
  const algorithm = headers[names.algorithm];
  const key = headers[names.key];
  const keyMd5 = headers[names.keyMd5];
  if (algorithm === undefined && key === undefined && keyMd5 === undefined) return undefined;
  for (const name of [names.algorithm, names.key, names.keyMd5]) delete headers[name];
  const raw = request.rawHeaders;
  for (let i = raw.length - 2; i >= 0; i -= 2) {
    if (raw[i]!.toLowerCase().startsWith(names.prefix)) raw.splice(i, 2);
  }
  const sent: CustomerKeyHeaders = {};
  if (algorithm !== undefined) sent.algorithm = String(algorithm);
  if (key !== undefined) sent.key = new Secret(Buffer.from(String(key), 'latin1'));
  if (keyMd5 !== undefined) sent.keyMd5 = String(keyMd5);
  return sent;
}
