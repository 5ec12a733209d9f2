import type { ConfigKind } from '../store/bucket-configs.js';
import { S3Error } from './error.js';

export interface CorsRule {
  id?: string;
  allowedHeaders?: string[];
  allowedMethods: string[];
  allowedOrigins: string[];
  exposeHeaders?: string[];
  maxAgeSeconds?: number;
}

export const CORS: ConfigKind<CorsRule[]> = { name: 'cors' };

/** What a browser says of a request across origins, or of one it is about to send. */
export interface CorsRequest {
  origin: string;
  /** Of the request itself; of a preflight, what Access-Control-Request-Method names. */
  method: string;
  /** Access-Control-Request-Headers. */
  requestHeaders: string | undefined;
}

/**
 * The headers of the first rule that allows the request; undefined where none does.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
 */
export function corsHeaders(rules: readonly CorsRule[], request: CorsRequest): Record<string, string> | undefined {
  const wanted = (request.requestHeaders ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  for (const rule of rules) {
    const origin = rule.allowedOrigins.find((pattern) => matches(pattern, request.origin));
    if (origin === undefined || !rule.allowedMethods.includes(request.method)) continue;
    const allowed = rule.allowedHeaders ?? [];
    if (!wanted.every((name) => allowed.some((pattern) => matches(pattern.toLowerCase(), name)))) continue;
    return describe(rule, origin, request.origin, wanted);
  }
  return undefined;
}

function describe(rule: CorsRule, matched: string, origin: string, wanted: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {
    'access-control-allow-methods': rule.allowedMethods.join(', '),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  };
  if (matched === '*') headers['access-control-allow-origin'] = '*';
  else {
    headers['access-control-allow-origin'] = origin;
    headers['access-control-allow-credentials'] = 'true';
  }
  if (wanted.length > 0) headers['access-control-allow-headers'] = wanted.join(', ');
  if (rule.exposeHeaders) headers['access-control-expose-headers'] = rule.exposeHeaders.join(', ');
  if (rule.maxAgeSeconds !== undefined) headers['access-control-max-age'] = String(rule.maxAgeSeconds);
  return headers;
}

/** `*` stands for any text, once. */
function matches(pattern: string, text: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === text;
  const after = pattern.length - star - 1;
  return (
    text.length >= pattern.length - 1 &&
    text.startsWith(pattern.slice(0, star)) &&
    text.endsWith(pattern.slice(pattern.length - after))
  );
}

/** What a preflight is refused with. @throws AccessForbidden, BadRequest */
export function preflightHeaders(
  rules: readonly CorsRule[] | undefined,
  request: { origin: string | undefined; method: string | undefined; requestHeaders: string | undefined },
  target: { bucketExists: boolean; key: string },
): Record<string, string> {
  const { origin, method, requestHeaders } = request;
  if (!origin) {
    throw new S3Error('BadRequest', { message: 'Insufficient information. Origin request header needed.' });
  }
  const refused = (message: string, resourceType: 'BUCKET' | 'OBJECT'): S3Error =>
    new S3Error('AccessForbidden', {
      message: `CORSResponse: ${message}`,
      extra: { Method: method ?? 'OPTIONS', ResourceType: resourceType },
    });
  if (!target.bucketExists) throw refused('Bucket not found', 'BUCKET');
  if (!rules) throw refused('CORS is not enabled for this bucket.', 'BUCKET');
  if (method === undefined || !METHODS.has(method)) {
    throw new S3Error('BadRequest', { message: `Invalid Access-Control-Request-Method: ${method ?? 'null'}` });
  }
  const headers = corsHeaders(rules, { origin, method, requestHeaders });
  if (headers) return headers;
  throw refused(
    // The spelling is AWS's.
    "This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
    target.key === '' ? 'BUCKET' : 'OBJECT',
  );
}

export const METHODS: ReadonlySet<string> = new Set(['GET', 'PUT', 'HEAD', 'POST', 'DELETE']);
