import { PolicyError } from './error.js';
import { object } from './json.js';
import { operatorOf } from './operator.js';

/** Operator → condition key → values, as text. Undefined where nothing is asked for. @throws PolicyError */
export function conditions(json: unknown): Record<string, Record<string, string[]>> | undefined {
  const parsed: Record<string, Record<string, string[]>> = {};
  for (const [operator, keys] of Object.entries(object(json, 'Condition'))) {
    if (!operatorOf(operator)) throw new PolicyError(`invalid condition operator: ${operator}`);
    for (const [key, value] of Object.entries(object(keys, `Condition ${operator}`))) {
      if (!/^[\w-]+:./.test(key)) throw new PolicyError(`invalid condition key: ${key}`);
      const values = Array.isArray(value) ? value : [value];
      if (values.length === 0) throw new PolicyError(`the condition key ${key} has no values`);
      parsed[operator] ??= {};
      parsed[operator][key] = values.map((one) => scalar(one, key));
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
