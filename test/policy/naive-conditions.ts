import type { PolicyRequest, Statement } from '../../src/policy/ports.js';
import { arnLike, glob, literal, type Token, tokens } from './naive-glob.js';

/** What a key stands for: the context's values, else what the principal tells. */
export function valuesOf(request: PolicyRequest, key: string): readonly string[] {
  const given = request.context.get(key.toLowerCase());
  if (given) return given;
  const { kind, arn, accountId, userId, userName } = request.principal;
  const known: Record<string, string | undefined> = {
    'aws:principalarn': kind === 'anonymous' || kind === 'service' ? undefined : arn,
    'aws:principalaccount': {
      anonymous: 'anonymous',
      service: undefined,
      root: accountId,
      user: accountId,
      role: accountId,
    }[kind],
    'aws:principaltype': {
      anonymous: 'Anonymous',
      root: 'Account',
      user: 'User',
      role: 'AssumedRole',
      service: undefined,
    }[kind],
    'aws:userid': { anonymous: 'anonymous', root: userId, user: userId, role: userId, service: undefined }[kind],
    'aws:username': kind === 'user' ? userName : undefined,
    'aws:principalisawsservice': kind === 'anonymous' ? undefined : `${kind === 'service'}`,
    'aws:principalservicename': kind === 'service' ? arn : undefined,
  };
  const value = known[key.toLowerCase()];
  return value === undefined ? [] : [value];
}

/** The tokens of a text, variables replaced; undefined where one has no value, or several. */
export function expand(text: string, version: string, request: PolicyRequest): Token[] | undefined {
  if (version !== '2012-10-17') return tokens(text);
  const found: Token[] = [];
  for (const part of text.split(/(\$\{[^}]*\})/)) {
    const inner = /^\$\{(.*)\}$/s.exec(part)?.[1];
    if (inner === undefined) {
      found.push(...tokens(part));
    } else if (['*', '?', '$'].includes(inner)) {
      found.push(...literal(inner));
    } else {
      const [key, fallback] = inner.split(',').map((one) => one.trim());
      const values = valuesOf(request, key!);
      if (values.length !== 1 && fallback === undefined) return undefined;
      found.push(...literal(values.length === 1 ? values[0]! : fallback!.slice(1, -1)));
    }
  }
  return found;
}

const plain = (list: Token[]): string => list.map((one) => (typeof one === 'string' ? one : one.character)).join('');

/** IPv4 and IPv6 as 128 bits; undefined for anything else. */
function bits(address: string): { value: bigint; width: number } | undefined {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(address)) {
    return { value: address.split('.').reduce((sum, one) => sum * 256n + BigInt(one), 0n), width: 32 };
  }
  if (!/^[0-9a-f:]*:[0-9a-f:]*$/i.test(address)) return undefined;
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => text.split(':').filter((one) => one !== '');
  const [first, last] = [groups(head), tail === undefined ? [] : groups(tail)];
  const all = [...first, ...Array(8 - first.length - last.length).fill('0'), ...last];
  return { value: all.reduce((sum, one) => sum * 65536n + BigInt(`0x${one}`), 0n), width: 128 };
}

function inRange(asked: string, range: string): boolean {
  const [base, length] = range.split('/');
  const [a, b] = [bits(asked), bits(base!)];
  if (!a || !b || a.width !== b.width) return false;
  const rest = BigInt(b.width - Number(length ?? b.width));
  return a.value >> rest === b.value >> rest;
}

const time = (text: string): number => (/^\d{5,}$/.test(text) ? Number(text) * 1000 : Date.parse(text));

function compare(how: string, a: number, b: number): boolean {
  if (how === 'Equals') return a === b;
  if (how === 'LessThan') return a < b;
  if (how === 'LessThanEquals') return a <= b;
  if (how === 'GreaterThan') return a > b;
  return a >= b;
}

/** Whether one value of the request is as one value of the policy asks, by an operator that is not negated. */
function matches(operator: string, asked: string, value: string, version: string, request: PolicyRequest): boolean {
  const expanded = expand(value, version, request);
  switch (operator) {
    case 'StringEquals':
      return expanded !== undefined && plain(expanded) === asked;
    case 'StringEqualsIgnoreCase':
      return expanded !== undefined && plain(expanded).toLowerCase() === asked.toLowerCase();
    case 'StringLike':
      return expanded !== undefined && glob(expanded, asked);
    case 'ArnEquals':
    case 'ArnLike':
      return expanded !== undefined && arnLike(value === '*' ? '*' : expanded, asked);
    case 'Bool':
      return asked.toLowerCase() === value.toLowerCase();
    case 'BinaryEquals':
      return asked === value;
    case 'IpAddress':
      return inRange(asked, value);
    default: {
      const [, family, how] = /^(Numeric|Date)(.*)$/.exec(operator)!;
      const read = family === 'Date' ? time : (text: string) => (text.trim() === '' ? Number.NaN : Number(text));
      return compare(how!, read(asked), read(value));
    }
  }
}

/** Whether all conditions of a statement are met. */
export function met(conditions: Statement['conditions'], version: string, request: PolicyRequest): boolean {
  return Object.entries(conditions ?? {}).every(([name, keys]) =>
    Object.entries(keys).every(([key, values]) => {
      const asked = valuesOf(request, key);
      if (name === 'Null') return values.some((value) => (value.toLowerCase() === 'true') === (asked.length === 0));
      const [, set, rest] = /^(ForAllValues:|ForAnyValue:)?(.*)$/.exec(name)!;
      const ifExists = rest!.endsWith('IfExists');
      const operator = rest!.replace(/IfExists$/, '');
      const negated = operator.includes('Not');
      const positive = operator.replace('Not', '');
      const one = (text: string) =>
        values.some((value) => matches(positive, text, value, version, request)) ? !negated : negated;
      if (asked.length === 0) {
        if (ifExists) return true;
        return set === 'ForAllValues:' ? true : set === 'ForAnyValue:' ? false : negated;
      }
      if (set === 'ForAllValues:') return !asked.some((text) => !one(text));
      if (set === 'ForAnyValue:') return asked.some(one);
      return negated ? asked.filter(one).length === asked.length : asked.filter(one).length > 0;
    }),
  );
}
