import { AWS } from '../base/partition.js';
import { PolicyError } from './error.js';
import type { Json } from './json.js';
import { parseJson } from './json-text.js';
import { compileWildcard } from './match.js';
import { operatorOf } from './operator.js';
import { parseDocument } from './parse.js';
import type { PolicyDocument } from './ports.js';
import { principals } from './principal-block.js';
import { type S3Level, s3ActionsOf } from './s3-actions.js';
import { hasConditionKey, isS3ConditionKey } from './s3-condition-keys.js';

const NOT_JSON = "Policies must be valid JSON and the first byte must be '{'";
const MEMBERS = new Set(['Version', 'Id', 'Statement']);
const STATEMENT_MEMBERS = new Set(
  'Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition'.split(' '),
);
const VERSIONS: readonly unknown[] = [undefined, '2012-10-17', '2008-10-17'];

/**
 * A bucket's policy. It is refused with the words that S3 has for MalformedPolicy; what S3 has none for is
 * `Invalid policy syntax.`
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
 * @param json the text of the policy, or what JSON.parse made of it; only of a text members written twice are noticed
 * @throws PolicyError
 */
export function parseBucketPolicy(json: unknown, bucketName: string, partition = AWS): PolicyDocument {
  const document = objectOf(json);
  for (const member of Object.keys(document))
    if (!MEMBERS.has(member)) throw new PolicyError(`Unknown field ${member}`);
  if (!VERSIONS.includes(document.Version)) throw new PolicyError('The policy must contain a valid version string');
  if (document.Statement === undefined) throw new PolicyError('Missing required field Statement');
  const statements = listOf(document.Statement);
  if (statements.length === 0) throw new PolicyError('Could not parse the policy: Statement is empty!');
  for (const statement of statements) requireStatement(statement, bucketName, partition);
  try {
    return parseDocument(document, partition, () => {});
  } catch (error) {
    throw error instanceof PolicyError ? new PolicyError('Invalid policy syntax.') : error;
  }
}

function objectOf(json: unknown): Json {
  if (typeof json === 'string') {
    if (!json.startsWith('{')) throw new PolicyError(NOT_JSON);
    try {
      return parseJson(json) as Json;
    } catch (error) {
      throw error instanceof PolicyError ? new PolicyError(NOT_JSON) : error;
    }
  }
  if (!isObject(json)) throw new PolicyError(NOT_JSON);
  return json;
}

function requireStatement(statement: unknown, bucketName: string, partition: string): void {
  if (!isObject(statement)) throw new PolicyError('Invalid policy syntax.');
  for (const member of Object.keys(statement)) {
    if (!STATEMENT_MEMBERS.has(member)) throw new PolicyError(`Unknown field ${member}`);
  }
  if (statement.Effect === undefined) throw new PolicyError('Missing required field Effect');
  if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny') {
    throw new PolicyError(`Invalid effect: ${text(statement.Effect)}`);
  }
  requirePrincipal(statement, partition);
  const actions = requireOne(statement, 'Action');
  const resources = requireOne(statement, 'Resource');
  for (const action of actions) {
    if (action !== '*' && s3ActionsOf(action).length === 0) throw new PolicyError('Policy has invalid action');
  }
  const levels = new Set(resources.flatMap((resource) => levelsOf(resource, bucketName, partition)));
  const keys = statement.Condition === undefined ? [] : conditionKeys(statement.Condition);
  if (statement.Action !== undefined) requireApplicable(actions, levels, keys);
}

function requirePrincipal(statement: Json, partition: string): void {
  const { Principal, NotPrincipal } = statement;
  if (Principal === undefined && NotPrincipal === undefined) throw new PolicyError('Missing required field Principal');
  if (Principal !== undefined && NotPrincipal !== undefined) throw new PolicyError('Invalid policy syntax.');
  if (NotPrincipal !== undefined && statement.Effect === 'Allow') {
    throw new PolicyError('Allow with NotPrincipal is not allowed.');
  }
  try {
    principals(Principal ?? NotPrincipal, 'Principal', partition);
  } catch (error) {
    throw error instanceof PolicyError ? new PolicyError('Invalid principal in policy') : error;
  }
}

/** What an element or its negation lists. */
function requireOne(statement: Json, member: 'Action' | 'Resource'): string[] {
  const either = statement[member];
  const not = statement[`Not${member}`];
  if (either === undefined && not === undefined) throw new PolicyError(`Missing required field ${member}`);
  if (either !== undefined && not !== undefined) throw new PolicyError('Invalid policy syntax.');
  const listed = listOf(either ?? not);
  if (listed.length === 0) throw new PolicyError(`Missing required field ${member}`);
  if (!listed.every((one) => typeof one === 'string')) {
    throw new PolicyError(`Policy has invalid ${member.toLowerCase()}`);
  }
  return listed as string[];
}

/** The bucket, its objects, or both. @throws PolicyError if it is neither */
function levelsOf(resource: string, bucketName: string, partition: string): S3Level[] {
  const arns = [partition, AWS].map((one) => `arn:${one}:s3:::${bucketName}`);
  const arn = arns.find((one) => resource.startsWith(one));
  const rest = arn === undefined ? undefined : resource.slice(arn.length);
  if (rest === undefined || !/^(\/|[*?]|$)/.test(rest)) throw new PolicyError('Policy has invalid resource');
  const levels: S3Level[] = [];
  if (compileWildcard(rest)('')) levels.push('bucket');
  if (rest !== '') levels.push('object');
  return levels;
}

function conditionKeys(condition: unknown): string[] {
  if (!isObject(condition)) throw new PolicyError('Invalid policy syntax.');
  return Object.entries(condition).flatMap(([operator, block]) => {
    if (!operatorOf(operator)) throw new PolicyError(`Invalid Condition type : ${operator}`);
    if (!isObject(block)) throw new PolicyError('Invalid policy syntax.');
    const keys = Object.keys(block);
    if (!keys.every(isS3ConditionKey)) throw new PolicyError('Policy has an invalid condition key');
    return keys;
  });
}

/** Each action has to be one of the bucket or of its objects, as the resources are, and has to know the keys of the conditions. */
function requireApplicable(actions: readonly string[], levels: ReadonlySet<S3Level>, keys: readonly string[]): void {
  for (const pattern of actions) {
    const applicable = s3ActionsOf(pattern === '*' ? 's3:*' : pattern).filter(([, level]) => levels.has(level));
    if (applicable.length === 0) throw new PolicyError('Action does not apply to any resource(s) in statement');
    for (const key of keys) {
      if (!applicable.some(([action]) => hasConditionKey(action, key))) {
        throw new PolicyError('Conditions do not apply to combination of actions and resources in statement');
      }
    }
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);
const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
