import { ConfigError } from '../../base/config-error.js';
import { parsePlace } from '../run-objects/place.js';

const FORM = 's3://<bucket>?endpoint=<url>&region=<region>&prefix=<prefix>&credentials=<file>&profile=<name>';

export interface S3Place {
  bucket: string;
  /** Without one: AWS's. */
  endpoint: string | undefined;
  region: string;
  /** Of all names: empty, or it ends with a slash. */
  prefix: string;
  /** A file in the form of AWS's, and a profile in it; without it: the SDK's default chain. */
  credentialsFile: string | undefined;
  profile: string | undefined;
}

/** @throws ConfigError */
export function parseS3Place(url: string): S3Place {
  const { name, params } = parsePlace(url, ['endpoint', 'region', 'prefix', 'credentials', 'profile'] as const, FORM);
  const { endpoint, region, prefix = '', credentials, profile } = params;
  if (endpoint !== undefined) requireEndpoint(endpoint);
  if (endpoint === undefined && region === undefined) {
    throw new ConfigError(`The place of blobs is ${FORM}: without an endpoint it needs a region.`);
  }
  return {
    bucket: name,
    endpoint,
    region: region ?? 'us-east-1',
    prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
    credentialsFile: credentials,
    profile,
  };
}

function requireEndpoint(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new ConfigError('The endpoint of the bucket of blobs is no http:// or https:// URL.');
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new ConfigError('The endpoint of the bucket of blobs has no user, password or parameters in it.');
  }
}

/** For people. */
export const nameOf = ({ bucket, endpoint, region, prefix }: S3Place): string =>
  `the bucket ${bucket}${prefix && ` (${prefix})`} at ${endpoint ?? `AWS in ${region}`}`;
