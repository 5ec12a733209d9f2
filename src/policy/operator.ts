import { parseRange } from './address.js';
import { parseDate } from './date.js';
import { PolicyError } from './error.js';
import { compileArn, compileWildcard, type Matcher, type Pattern } from './match.js';
import { inEither } from './partition.js';
import type { PolicyVersion } from './ports.js';
import { compileTemplate, isTemplate, type RequestMatcher, textOf } from './template.js';

/** Makes the test of one value of a policy. @throws PolicyError for a value that the operator can't compare */
type Compile = (value: string, version: PolicyVersion) => RequestMatcher;

export interface Operator {
  /** Over the values of the request: each of them, or at least one. Undefined: the key is expected to have one value. */
  set: 'ForAllValues' | 'ForAnyValue' | undefined;
  /** The operator says what the request's value must not be. */
  negated: boolean;
  ifExists: boolean;
  /** Undefined for `Null`, which asks for the key alone. */
  compile: Compile | undefined;
}

const withVariables =
  (compile: (pattern: Pattern) => Matcher): Compile =>
  (value, version) =>
    compileTemplate(value, version, compile);

const exact = withVariables((pattern) => {
  const wanted = textOf(pattern);
  return (asked) => asked === wanted;
});
const exactIgnoringCase = withVariables((pattern) => {
  const wanted = textOf(pattern).toLowerCase();
  return (asked) => asked.toLowerCase() === wanted;
});
const like = withVariables(compileWildcard);

const arn: Compile = (value, version) => {
  if (!isTemplate(value, version) && value !== '*' && value.split(':').length < 6)
    throw new PolicyError(`not an ARN: ${value}`);
  return inEither(compileTemplate(value, version, compileArn));
};

const bool: Compile = (value) => {
  const wanted = value.toLowerCase();
  if (wanted !== 'true' && wanted !== 'false') throw new PolicyError(`neither true nor false: ${value}`);
  return (asked) => asked.toLowerCase() === wanted;
};

const binary: Compile = (value) => {
  const wanted = decode(value);
  if (wanted === undefined) throw new PolicyError(`not base64: ${value}`);
  return (asked) => decode(asked)?.equals(wanted) === true;
};

const address: Compile = (value) => {
  const range = parseRange(value);
  if (range === undefined) throw new PolicyError(`neither an IP address nor a CIDR: ${value}`);
  return range.contains;
};

const ordered =
  (parse: (text: string) => number | undefined, what: string) =>
  (compare: (asked: number, wanted: number) => boolean): Compile =>
  (value) => {
    const wanted = parse(value);
    if (wanted === undefined) throw new PolicyError(`not a ${what}: ${value}`);
    return (text) => {
      const asked = parse(text);
      return asked !== undefined && compare(asked, wanted);
    };
  };

const number = ordered((text) => (/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined), 'number');
const date = ordered(parseDate, 'date');
const comparisons = (family: string, of: typeof number): [string, Compile][] => [
  [`${family}Equals`, of((asked, wanted) => asked === wanted)],
  [`${family}LessThan`, of((asked, wanted) => asked < wanted)],
  [`${family}LessThanEquals`, of((asked, wanted) => asked <= wanted)],
  [`${family}GreaterThan`, of((asked, wanted) => asked > wanted)],
  [`${family}GreaterThanEquals`, of((asked, wanted) => asked >= wanted)],
];

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const POSITIVE = new Map<string, Compile>([
  ['StringEquals', exact],
  ['StringEqualsIgnoreCase', exactIgnoringCase],
  ['StringLike', like],
  ...comparisons('Numeric', number),
  ...comparisons('Date', date),
  ['Bool', bool],
  ['BinaryEquals', binary],
  ['IpAddress', address],
  ['ArnEquals', arn],
  ['ArnLike', arn],
]);
const NEGATED = new Map<string, string>([
  ['StringNotEquals', 'StringEquals'],
  ['StringNotEqualsIgnoreCase', 'StringEqualsIgnoreCase'],
  ['StringNotLike', 'StringLike'],
  ['NumericNotEquals', 'NumericEquals'],
  ['DateNotEquals', 'DateEquals'],
  ['NotIpAddress', 'IpAddress'],
  ['ArnNotEquals', 'ArnEquals'],
  ['ArnNotLike', 'ArnLike'],
]);

/** An operator by its name in a policy, with its set operator and `IfExists`. @returns undefined if there is none of this name */
export function operatorOf(name: string): Operator | undefined {
  if (name === 'Null') return { set: undefined, negated: false, ifExists: false, compile: undefined };
  const set = name.startsWith('ForAllValues:')
    ? 'ForAllValues'
    : name.startsWith('ForAnyValue:')
      ? 'ForAnyValue'
      : undefined;
  const bare = set === undefined ? name : name.slice(set.length + 1);
  const ifExists = bare.endsWith('IfExists');
  const base = ifExists ? bare.slice(0, -'IfExists'.length) : bare;
  const negated = NEGATED.has(base);
  const compile = POSITIVE.get(NEGATED.get(base) ?? base);
  return compile && { set, negated, ifExists, compile };
}

function decode(base64: string): Buffer | undefined {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.toString('base64') === base64 ? bytes : undefined;
}
