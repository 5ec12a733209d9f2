import { AuthError } from '../error.js';

/** One condition of a form's policy, as it stands there; `{"acl": "private"}` is `["eq", "$acl", "private"]`. */
export type PolicyCondition = readonly unknown[];

export interface PolicyDocument {
  expiresMs: number;
  conditions: readonly PolicyCondition[];
}

const DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;

/**
 * Reads a form's policy: base64 of JSON with `expiration` and `conditions`.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
 * @throws AuthError InvalidPolicyDocument
 */
export function parsePolicyDocument(base64: string): PolicyDocument {
  const json = parse(base64);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid('Invalid JSON.');
  const { expiration, conditions, ...others } = json as Record<string, unknown>;
  if (expiration === undefined) throw invalid('Policy missing expiration.');
  if (conditions === undefined) throw invalid('Policy missing conditions.');
  for (const name in others) throw invalid(`Unexpected: '${name}'.`);
  const expiresMs = typeof expiration === 'string' && DATE.test(expiration) ? Date.parse(expiration) : Number.NaN;
  if (Number.isNaN(expiresMs)) throw invalid(`Invalid 'expiration' value: '${String(expiration)}'`);
  if (!Array.isArray(conditions)) throw invalid("Invalid 'conditions' value: must be a List.");
  return { expiresMs, conditions: conditions.map(condition) };
}

function parse(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
  } catch {
    throw invalid('Invalid JSON.');
  }
}

function condition(json: unknown): PolicyCondition {
  if (Array.isArray(json)) return json;
  if (typeof json !== 'object' || json === null) throw invalid('Conditions must be a List or an Object.');
  const properties = Object.entries(json);
  if (properties.length !== 1) {
    throw invalid('Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.');
  }
  const [name, value] = properties[0]!;
  if (typeof value !== 'string') throw invalid('Invalid Simple-Condition: value must be a string.');
  return ['eq', `$${name}`, value];
}

const invalid = (why: string): AuthError => new AuthError('InvalidPolicyDocument', 400, `Invalid Policy: ${why}`);
