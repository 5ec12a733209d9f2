import { PolicyError } from './error.js';
import { type Operator, operatorOf } from './operator.js';
import type { PolicyRequest, PolicyVersion, Statement } from './ports.js';
import { valuesOf } from './request-keys.js';
import type { RequestMatcher } from './template.js';

/** Whether the request meets a statement's conditions. */
export type Conditions = (request: PolicyRequest) => boolean;

/** All of them have to be met. @throws PolicyError for an operator that there isn't, or a value that it can't compare */
export function compileConditions(block: NonNullable<Statement['conditions']>, version: PolicyVersion): Conditions {
  const all: Conditions[] = [];
  for (const [name, keys] of Object.entries(block)) {
    const operator = operatorOf(name);
    if (!operator) throw new PolicyError(`invalid condition operator: ${name}`);
    for (const [key, values] of Object.entries(keys)) {
      all.push(compileCondition(operator, key.toLowerCase(), values, version));
    }
  }
  return (request) => all.every((met) => met(request));
}

/** @param key in lower case: AWS compares the names of keys without regard to case */
function compileCondition(
  operator: Operator,
  key: string,
  values: readonly string[],
  version: PolicyVersion,
): Conditions {
  if (!operator.compile) return compileNull(key, values);
  const tests = values.map((value) => operator.compile!(value, version));
  const { set, negated, ifExists } = operator;
  // Of a negated operator none of the policy's values may match.
  const meets = (asked: string, request: PolicyRequest) => matchesAny(tests, asked, request) !== negated;
  return (request) => {
    const asked = valuesOf(request, key);
    if (asked === undefined || asked.length === 0) return ifExists || set === 'ForAllValues' || (negated && !set);
    if (set === 'ForAnyValue') return asked.some((one) => meets(one, request));
    // Several values where one was expected: any may match, and if that is negated, none.
    if (set === undefined && !negated) return asked.some((one) => meets(one, request));
    return asked.every((one) => meets(one, request));
  };
}

/** Asks whether the key is absent. */
function compileNull(key: string, values: readonly string[]): Conditions {
  const wanted = values.map((value) => {
    const lower = value.toLowerCase();
    if (lower !== 'true' && lower !== 'false') throw new PolicyError(`neither true nor false: ${value}`);
    return lower === 'true';
  });
  return (request) => wanted.includes((valuesOf(request, key)?.length ?? 0) === 0);
}

function matchesAny(tests: readonly RequestMatcher[], asked: string, request: PolicyRequest): boolean {
  for (const test of tests) if (test(asked, request)) return true;
  return false;
}
