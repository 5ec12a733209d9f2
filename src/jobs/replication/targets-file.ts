import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../../base/config-error.js';
import { Secret } from '../../base/secret.js';

/** One entry of `COFFER_REPLICATION_TARGETS_FILE`: another S3 endpoint. */
export interface TargetConfig {
  /** `arn:aws:s3:::bucket`: the one bucket it is for. Absent: any bucket that the endpoint has, in `region`. */
  bucketArn?: string;
  /** `https://host:port`. */
  endpoint: string;
  /** Of the signature. */
  region: string;
  accessKeyId: string;
  secretAccessKey: Secret;
  /** `bucket.host` instead of `host/bucket`. */
  virtualHost: boolean;
  /** Trusted certificates, PEM; absent: Node's own. */
  ca?: string;
}

const MEMBERS = [
  'bucket',
  'region',
  'endpoint',
  'accessKeyId',
  'secretAccessKey',
  'caFile',
  'virtualHost',
  'allowPlainHttp',
];

/**
 * `{"targets": [{"bucket": "arn:aws:s3:::b", "region": "eu-west-1", "endpoint": "https://…", "accessKeyId": "…", "secretAccessKey": "…"}]}`.
 * An entry is for one bucket, or, without `bucket`, for every bucket that its endpoint has.
 * @throws ConfigError that names the place, never a secret
 */
export function readTargetsFile(path: string): TargetConfig[] {
  const at = `COFFER_REPLICATION_TARGETS_FILE ${path}`;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // Never the parser's own message: it quotes the file, and secrets stand there.
    const why =
      error instanceof SyntaxError ? 'is not JSON' : `can't be read (${(error as NodeJS.ErrnoException).code})`;
    throw new ConfigError(`${at} ${why}`);
  }
  const file = members(json, at, ['targets']);
  if (!Array.isArray(file.targets)) throw new ConfigError(`${at}: targets is not a JSON array`);
  const targets = file.targets.map((one, i) => target(one, `${at}: targets[${i}]`, dirname(path)));
  const names = targets.map((one) => one.bucketArn ?? one.region);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ConfigError(`${at}: ${twice} is named twice`);
  return targets;
}

function target(json: unknown, at: string, folder: string): TargetConfig {
  const fields = members(json, at, MEMBERS);
  const endpoint = url(fields, at);
  const bucketArn = fields.bucket === undefined ? undefined : text(fields, 'bucket', at);
  if (bucketArn !== undefined && !/^arn:aws(-[a-z]+)*:s3:::[^/:]+$/.test(bucketArn)) {
    throw new ConfigError(`${at}: bucket is not an ARN such as arn:aws:s3:::name`);
  }
  return {
    ...(bucketArn !== undefined && { bucketArn }),
    endpoint: endpoint.origin,
    region: text(fields, 'region', at),
    accessKeyId: text(fields, 'accessKeyId', at),
    secretAccessKey: new Secret(Buffer.from(text(fields, 'secretAccessKey', at), 'utf8')),
    virtualHost: flag(fields, 'virtualHost', at),
    ...(fields.caFile !== undefined && { ca: certificates(resolve(folder, text(fields, 'caFile', at)), at) }),
  };
}

function url(fields: Record<string, unknown>, at: string): URL {
  const value = text(fields, 'endpoint', at);
  const endpoint = URL.canParse(value) ? new URL(value) : undefined;
  if (!endpoint || !/^https?:$/.test(endpoint.protocol)) throw new ConfigError(`${at}: endpoint is not an http(s) URL`);
  if (endpoint.username || endpoint.password) throw new ConfigError(`${at}: endpoint must not hold credentials`);
  if (endpoint.pathname !== '/' || endpoint.search || endpoint.hash) {
    throw new ConfigError(`${at}: endpoint must not have a path, a query or a fragment`);
  }
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(endpoint.hostname);
  if (endpoint.protocol === 'http:' && !isLoopback && !flag(fields, 'allowPlainHttp', at)) {
    // What is sent there is decrypted.
    throw new ConfigError(
      `${at}: endpoint is not https, so objects would cross the network in clear; "allowPlainHttp": true allows it`,
    );
  }
  return endpoint;
}

function certificates(path: string, at: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${at}: caFile ${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function members(json: unknown, at: string, allowed: readonly string[]): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ConfigError(`${at} is not a JSON object`);
  for (const name of Object.keys(json)) {
    if (!allowed.includes(name)) throw new ConfigError(`${at} has the unknown member ${JSON.stringify(name)}`);
  }
  return json as Record<string, unknown>;
}

function text(fields: Record<string, unknown>, name: string, at: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') throw new ConfigError(`${at} has no text ${name}`);
  return value;
}

function flag(fields: Record<string, unknown>, name: string, at: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== 'boolean') throw new ConfigError(`${at}: ${name} is neither true nor false`);
  return value;
}
