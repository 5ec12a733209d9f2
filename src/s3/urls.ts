import type { OperationContext } from './operation.js';

/** What a request says of the place it was sent to. */
export interface Endpoint {
  secure: boolean;
  /** The Host header. */
  host: string | undefined;
  /** The host names the bucket. */
  virtualHost: boolean;
}

export const endpointOf = ({ secure, fields }: Pick<OperationContext, 'secure' | 'fields'>): Endpoint => ({
  secure,
  host: fields.headers.host,
  virtualHost: fields.virtualHost === true,
});

/** Absolute, as AWS writes it: the key is one segment, its slashes escaped. */
export const objectUrl = (endpoint: Endpoint, bucket: string, key: string): string =>
  bucketUrl(endpoint, bucket) + encodeURIComponent(key);

/** Absolute; ends with a slash. */
export function bucketUrl({ secure, host, virtualHost }: Endpoint, bucket: string): string {
  const origin = `${secure ? 'https' : 'http'}://${host ?? ''}`;
  return virtualHost ? `${origin}/` : `${origin}/${bucket}/`;
}
