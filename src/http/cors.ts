import { CORS, corsHeaders, preflightHeaders } from '../s3/cors.js';
import type { Reply, RequestFields } from '../s3/operation.js';
import type { Services } from '../s3/services.js';
import type { BucketRecord } from '../store/records.js';
import type { Stored } from '../store/table.js';
import type { Address } from './addressing.js';

type Bucket = Stored<BucketRecord> | undefined;
type Headers = RequestFields['headers'];

/** An OPTIONS request, which nobody signs. @throws S3Error AccessForbidden, BadRequest */
export async function preflight(
  { configs }: Services,
  bucket: Bucket,
  headers: Headers,
  { key }: Address,
): Promise<Reply> {
  const request = {
    origin: headers.origin,
    method: headers['access-control-request-method'],
    requestHeaders: headers['access-control-request-headers'],
  };
  const rules = bucket && (await configs.read(bucket.record, CORS));
  return { headers: preflightHeaders(rules, request, { bucketExists: bucket !== undefined, key }) };
}

/** What the answer to a request across origins carries, an error's as well. */
export async function headersAcrossOrigins(
  { configs }: Services,
  bucket: Bucket,
  method: string,
  headers: Headers,
): Promise<Record<string, string> | undefined> {
  const rules = bucket && (await configs.read(bucket.record, CORS));
  if (!rules) return undefined;
  return corsHeaders(rules, {
    origin: headers.origin!,
    method: headers['access-control-request-method'] ?? method,
    requestHeaders: headers['access-control-request-headers'],
  });
}
