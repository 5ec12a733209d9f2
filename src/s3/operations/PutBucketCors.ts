import { CORS_MAX_BYTES, CORS_RULES_MAX } from '../../base/limits.js';
import type { XmlTree } from '../../base/xml/ports.js';
import { putBucketConfig } from '../bucket-config.js';
import { CORS, type CorsRule, METHODS } from '../cors.js';
import { S3Error } from '../error.js';
import { children, malformed, only, text, xmlBody } from '../fields/xml.js';
import { bucketArn, operation } from '../operation.js';

export const putBucketCors = operation({
  name: 'PutBucketCors',
  route: { method: 'PUT', on: 'bucket', query: ['cors'] },
  input: { rules: xmlBody(decode) },
  body: { kind: 'xml', root: 'CORSConfiguration', required: true, maxBytes: CORS_MAX_BYTES, integrity: 'required' },
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:PutBucketCORS', resource: bucketArn(bucket) }],
  errors: ['InvalidRequest', 'MalformedXML', 'MaxMessageLengthExceeded'],
  async handle({ rules }, context) {
    await putBucketConfig(context, CORS, rules);
  },
  reply: () => ({}),
});

const ELEMENTS = ['ID', 'AllowedHeader', 'AllowedMethod', 'AllowedOrigin', 'ExposeHeader', 'MaxAgeSeconds'];

function decode(tree: XmlTree | undefined): CorsRule[] {
  if (!tree) throw malformed();
  only(tree, ['CORSRule']);
  const rules = children(tree, 'CORSRule').map(decodeRule);
  if (rules.length === 0) throw malformed();
  if (rules.length > CORS_RULES_MAX) {
    throw invalid(`The number of CORS rules should not exceed allowed limit of ${CORS_RULES_MAX} rules.`);
  }
  return rules;
}

function decodeRule(element: XmlTree): CorsRule {
  only(element, ELEMENTS);
  const texts = (name: string): string[] => children(element, name).map((one) => one.text);
  const [allowedMethods, allowedOrigins] = [texts('AllowedMethod'), texts('AllowedOrigin')];
  if (allowedMethods.length === 0 || allowedOrigins.length === 0) throw malformed();
  for (const method of allowedMethods) {
    if (!METHODS.has(method)) {
      throw invalid(`Found unsupported HTTP method in CORS config. Unsupported method is ${method}`);
    }
  }
  const rule: CorsRule = { allowedMethods, allowedOrigins };
  for (const origin of allowedOrigins) requireOneWildcard('AllowedOrigin', origin);
  const allowedHeaders = texts('AllowedHeader');
  for (const name of allowedHeaders) requireOneWildcard('AllowedHeader', name);
  if (allowedHeaders.length > 0) rule.allowedHeaders = allowedHeaders;
  const exposeHeaders = texts('ExposeHeader');
  for (const name of exposeHeaders) requireHeaderName(name);
  if (exposeHeaders.length > 0) rule.exposeHeaders = exposeHeaders;
  const id = text(element, 'ID');
  if (id !== undefined) {
    if (id.length > 255) throw invalid('The ID of a CORS rule should not exceed allowed limit of 255 characters.');
    rule.id = id;
  }
  const maxAge = text(element, 'MaxAgeSeconds')?.trim();
  if (maxAge !== undefined) {
    // Any whole number of 32 bits: a browser takes a negative one for none.
    if (!/^[+-]?\d{1,10}$/.test(maxAge) || Math.abs(Number(maxAge)) > 2_147_483_647) throw malformed();
    rule.maxAgeSeconds = Number(maxAge);
  }
  return rule;
}

function requireOneWildcard(element: string, value: string): void {
  if (value.indexOf('*') !== value.lastIndexOf('*')) {
    throw invalid(`${element} "${value}" can not have more than one wildcard.`);
  }
}

function requireHeaderName(name: string): void {
  if (name.includes('*')) {
    throw invalid(`ExposeHeader "${name}" contains wildcard. We currently do not support wildcard for ExposeHeader.`);
  }
  if (!/^[A-Za-z0-9-]*$/.test(name)) throw invalid(`ExposeHeader "${name}" contains invalid character.`);
}

const invalid = (message: string): S3Error => new S3Error('InvalidRequest', { message });
