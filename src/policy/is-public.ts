import { parseRange } from './address.js';
import { operatorOf } from './operator.js';
import type { PolicyDocument, Statement } from './ports.js';

/** A fixed value of one of these says who is meant. In lower case. */
const FIXING_KEYS = new Set(
  `aws:SourceArn aws:SourceVpc aws:SourceVpce aws:SourceOwner aws:SourceAccount aws:userid aws:PrincipalOrgID
  s3:x-amz-server-side-encryption-aws-kms-key-id s3:DataAccessPointArn s3:DataAccessPointAccount`
    .toLowerCase()
    .split(/\s+/),
);
const FIXING_OPERATORS = new Set(['StringEquals', 'StringEqualsIgnoreCase', 'StringLike', 'ArnEquals', 'ArnLike']);

/**
 * Whether a bucket policy lets everybody in: an allowance for `*` that no condition on a fixed value restricts. Denials and
 * whatever else the policy has don't make it less public.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
 */
export function isPublic(document: PolicyDocument): boolean {
  return document.statements.some(
    (statement) => statement.effect === 'Allow' && statement.principals?.any === true && !isRestricted(statement),
  );
}

/** All conditions have to be met: one that fixes who is meant is enough. */
function isRestricted({ conditions = {} }: Statement): boolean {
  return Object.entries(conditions).some(([operator, keys]) =>
    Object.entries(keys).some(([key, values]) => fixes(operator, key.toLowerCase(), values)),
  );
}

/** Values are alternatives: all of them have to be fixed. */
function fixes(operator: string, key: string, values: readonly string[]): boolean {
  const { ifExists, negated, set } = operatorOf(operator) ?? {};
  // These are met by requests that don't have the key.
  if (ifExists || negated || set === 'ForAllValues') return false;
  const base = set === undefined ? operator : operator.slice(set.length + 1);
  if (base === 'IpAddress') return key === 'aws:sourceip' && values.every(isNarrow);
  if (!FIXING_OPERATORS.has(base) || !FIXING_KEYS.has(key)) return false;
  return values.every((value) => isFixed(key, value));
}

/** Without wildcards and variables. Of an access point only the account has to be. */
function isFixed(key: string, value: string): boolean {
  if (value.includes('${')) return false;
  if (key === 's3:dataaccesspointarn') return /^arn:aws(-[a-z]+)*:s3:[^:]*:\d{12}:/.test(value);
  return !/[*?]/.test(value);
}

/** S3 takes what is broader than /8 of IPv4 or /32 of IPv6 for everybody. */
function isNarrow(value: string): boolean {
  const range = parseRange(value);
  return range !== undefined && range.prefixBits >= (range.family === 'ipv4' ? 8 : 32);
}
