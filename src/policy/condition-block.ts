import { PolicyError } from './error.js';
import { object } from './json.js';

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const OPERATOR = new RegExp(
  '^(Null|(ForAllValues:|ForAnyValue:)?(' +
    'String(Not)?(Equals(IgnoreCase)?|Like)|Arn(Not)?(Equals|Like)|Numeric(Not)?Equals|Numeric(Less|Greater)Than(Equals)?|' +
    'Date(Not)?Equals|Date(Less|Greater)Than(Equals)?|Bool|BinaryEquals|(Not)?IpAddress)(IfExists)?)$',
);

/** Operator → condition key → values, as text. Undefined where nothing is asked for. @throws PolicyError */
export function conditions(json: unknown): Record<string, Record<string, string[]>> | undefined {
  const parsed: Record<string, Record<string, string[]>> = {};
  for (const [operator, keys] of Object.entries(object(json, 'Condition'))) {
    if (!OPERATOR.test(operator)) throw new PolicyError(`invalid condition operator: ${operator}`);
    const entries = Object.entries(object(keys, `Condition ${operator}`));
    for (const [key, value] of entries) {
      if (!/^[\w-]+:./.test(key)) throw new PolicyError(`invalid condition key: ${key}`);
      parsed[operator] ??= {};
      parsed[operator][key] = (Array.isArray(value) ? value : [value]).map((one) => scalar(one, key));
    }
  }
  return Object.keys(parsed).length === 0 ? undefined : parsed;
}

function scalar(value: unknown, key: string): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new PolicyError(`a value of the condition key ${key} is not a text`);
  }
  return String(value);
}
