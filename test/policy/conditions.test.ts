// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policies have variables
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policy/decide.js';
import { parseIdentityPolicy } from '../../src/policy/parse.js';
import type { Principal } from '../../src/policy/ports.js';
import { A, anonymous, role, root, service, user } from './principals.js';

/** Whether conditions are met by a request whose key `x:k` has these values. */
function met(
  condition: object,
  values: readonly string[] | undefined,
  { principal = user(A, 'alice'), version = '2012-10-17', more = [] as [string, string[]][] } = {},
): boolean {
  const statement = { Effect: 'Deny', Action: '*', Resource: '*', Condition: condition };
  const policy = parseIdentityPolicy({ Version: version, Statement: [statement] });
  const context = new Map<string, readonly string[]>(more);
  if (values) context.set('x:k', values);
  const request = { principal, action: 's3:GetObject', resource: 'arn:aws:s3:::b/k', resourceAccountId: A, context };
  const decision = decide(request, { identity: [policy] });
  return !decision.allowed && decision.explicit;
}

type Row = [operator: string, policy: unknown, request: string[] | undefined, expected: boolean];

const CASES: Row[] = [
  ['StringEquals', 'a', ['a'], true],
  ['StringEquals', 'a', ['A'], false],
  ['StringEquals', ['b', 'a'], ['a'], true],
  ['StringEquals', 'a*', ['ab'], false],
  ['StringEquals', 'a*', ['a*'], true],
  ['StringEquals', 1, ['1'], true],
  ['StringNotEquals', 'a', ['b'], true],
  ['StringNotEquals', ['a', 'b'], ['b'], false],
  ['StringEqualsIgnoreCase', 'aB', ['Ab'], true],
  ['StringEqualsIgnoreCase', 'aB', ['Abc'], false],
  ['StringNotEqualsIgnoreCase', 'aB', ['Ab'], false],
  ['StringNotEqualsIgnoreCase', 'aB', ['b'], true],
  ['StringLike', 'a*', ['ab'], true],
  ['StringLike', 'a?', ['a'], false],
  ['StringLike', ['x', '*/:*'], ['b/:c'], true],
  ['StringNotLike', 'a*', ['ab'], false],
  ['StringNotLike', 'a*', ['b'], true],
  ['NumericEquals', '10', ['10.0'], true],
  ['NumericEquals', 10, ['11'], false],
  ['NumericEquals', '0', [''], false],
  ['NumericEquals', '16', ['0x10'], false],
  ['NumericNotEquals', '10', ['11'], true],
  ['NumericNotEquals', '10', ['x'], true],
  ['NumericNotEquals', ['10', '11'], ['11'], false],
  ['NumericLessThan', '10', ['9'], true],
  ['NumericLessThan', '10', ['10'], false],
  ['NumericLessThan', '10', ['x'], false],
  ['NumericLessThanEquals', '10', ['10'], true],
  ['NumericLessThanEquals', '10', ['10.1'], false],
  ['NumericGreaterThan', '-1', ['0'], true],
  ['NumericGreaterThan', '9', ['10'], true],
  ['NumericGreaterThan', '10', ['10'], false],
  ['NumericGreaterThanEquals', '10', ['10'], true],
  ['NumericGreaterThanEquals', '10', ['9'], false],
  ['DateEquals', '2026-01-01T00:00:00Z', ['1767225600'], true],
  ['DateEquals', '2026-01-01T00:00:00Z', ['2026-01-01T01:00:00+01:00'], true],
  ['DateEquals', '2026-01-01T00:00:00Z', ['2025-12-31T19:00:00-05:00'], true],
  ['DateEquals', '2026-01-01T00:00:00.25Z', ['2026-01-01T00:00:00.250Z'], true],
  ['DateEquals', '2026-01', ['2026-01-01T00:00Z'], true],
  ['DateEquals', '2026', ['2026-01-01'], true],
  ['DateEquals', '2026-01-01', ['today'], false],
  ['DateNotEquals', '2026-01-01', ['2026-01-02'], true],
  ['DateNotEquals', '2026-01-01', ['2026-01-01T00:00:00Z'], false],
  ['DateLessThan', '2026-01-01T00:00:00Z', ['2025-12-31T23:59:59Z'], true],
  ['DateLessThan', '2026-01-01T00:00:00Z', ['2026-01-01T00:00:00Z'], false],
  ['DateLessThan', '2026-01-01', ['never'], false],
  ['DateLessThanEquals', '2026-01-01T00:00:00Z', ['2026-01-01T00:00:00Z'], true],
  ['DateLessThanEquals', '2026-01-01T00:00:00Z', ['2026-01-01T00:00:01Z'], false],
  ['DateGreaterThan', 1767225600, ['2026-01-01T00:00:01Z'], true],
  ['DateGreaterThan', 1767225600, ['2026-01-01T00:00:00Z'], false],
  ['DateGreaterThanEquals', '2024-02-29', ['2024-02-29T00:00:00Z'], true],
  ['DateGreaterThanEquals', '2024-02-29', ['2024-02-28T23:59:59Z'], false],
  ['Bool', 'true', ['true'], true],
  ['Bool', true, ['True'], true],
  ['Bool', false, ['true'], false],
  ['Bool', 'false', ['no'], false],
  ['BinaryEquals', 'AAEC', ['AAEC'], true],
  ['BinaryEquals', 'AAEC', ['AAED'], false],
  ['BinaryEquals', 'YQ==', ['YQ'], false],
  ['IpAddress', '203.0.113.0/24', ['203.0.113.255'], true],
  ['IpAddress', '203.0.113.0/24', ['203.0.114.0'], false],
  // Bits after the prefix say nothing.
  ['IpAddress', '203.0.113.9/24', ['203.0.113.1'], true],
  ['IpAddress', '203.0.113.9', ['203.0.113.9'], true],
  ['IpAddress', '203.0.113.9', ['203.0.113.8'], false],
  ['IpAddress', '203.0.113.0/31', ['203.0.113.2'], false],
  ['IpAddress', '0.0.0.0/0', ['198.51.100.1'], true],
  ['IpAddress', '0.0.0.0/0', ['2001:db8::1'], false],
  ['IpAddress', '::/0', ['198.51.100.1'], false],
  ['IpAddress', '203.0.113.0/24', ['::ffff:203.0.113.7'], true],
  ['IpAddress', '2001:db8::/32', ['2001:0DB8:0:0::1'], true],
  ['IpAddress', '2001:db8::/33', ['2001:db8:8000::1'], false],
  ['IpAddress', 'fe80::/10', ['fe80::1%eth0'], true],
  ['IpAddress', '0.0.0.0/0', ['unknown'], false],
  ['NotIpAddress', '203.0.113.0/24', ['203.0.113.1'], false],
  ['NotIpAddress', '203.0.113.0/24', ['203.0.114.1'], true],
  ['NotIpAddress', ['203.0.113.0/24', '2001:db8::/32'], ['2001:db8::1'], false],
  ['ArnEquals', 'arn:aws:s3:::b', ['arn:aws:s3:::b'], true],
  ['ArnEquals', 'arn:aws:s3:::b*', ['arn:aws:s3:::bucket'], true],
  ['ArnEquals', 'arn:aws:s3:::B', ['arn:aws:s3:::b'], false],
  ['ArnLike', 'arn:aws:kms:*:111111111111:key/*', ['arn:aws:kms:us-east-1:111111111111:key/a:b'], true],
  // A wildcard never leaves its segment.
  ['ArnLike', 'arn:aws:*:111111111111:key/x:*', ['arn:aws:kms:us-east-1:111111111111:key/x:y'], false],
  ['ArnLike', 'arn:aws:*:*:*:key/*', ['arn:aws:kms:us-east-1:111111111111:key/a'], true],
  ['ArnLike', 'arn:aws:s3*:::b', ['arn:aws:s3:x:::b'], false],
  ['ArnLike', 'arn:aws:s3:::b', ['arn:aws:s3:::b:c'], false],
  ['ArnLike', '*', ['arn:aws:s3:::b'], true],
  ['ArnLike', '*', ['b'], false],
  ['ArnNotEquals', 'arn:aws:s3:::b', ['arn:aws:s3:::c'], true],
  ['ArnNotEquals', 'arn:aws:s3:::b*', ['arn:aws:s3:::bucket'], false],
  ['ArnNotLike', 'arn:aws:s3:::b*', ['arn:aws:s3:::bucket'], false],
  ['ArnNotLike', 'arn:aws:s3:::b*', ['bucket'], true],
];

const OPERATORS = [
  ...['Equals', 'NotEquals', 'EqualsIgnoreCase', 'NotEqualsIgnoreCase', 'Like', 'NotLike'].map((one) => `String${one}`),
  ...['Numeric', 'Date'].flatMap((family) =>
    ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'].map(
      (one) => family + one,
    ),
  ),
  ...['Bool', 'BinaryEquals', 'IpAddress', 'NotIpAddress', 'ArnEquals', 'ArnLike', 'ArnNotEquals', 'ArnNotLike'],
];
/** A value of its family: the first that the table has. */
const valueFor = (operator: string): unknown => CASES.find(([one]) => one === operator)![1];

describe('operators', () => {
  it.each(CASES)('%s %j, asked with %j: %j', (operator, policy, request, expected) => {
    expect(met({ [operator]: { 'x:k': policy } }, request)).toBe(expected);
    // With IfExists nothing changes where the key is there, nor does a set operator where it has one value.
    expect(met({ [`${operator}IfExists`]: { 'x:k': policy } }, request)).toBe(expected);
    expect(met({ [`ForAllValues:${operator}`]: { 'x:k': policy } }, request)).toBe(expected);
    expect(met({ [`ForAnyValue:${operator}`]: { 'x:k': policy } }, request)).toBe(expected);
  });

  it('are all in the table, met and not met', () => {
    expect(OPERATORS.length).toBe(26);
    for (const operator of OPERATORS) {
      const rows = CASES.filter(([one]) => one === operator);
      expect(new Set(rows.map((row) => row[3])), operator).toEqual(new Set([true, false]));
    }
  });

  it.each(OPERATORS)(
    '%s without the key, or with no value: only what is negated, may be absent, or asks all',
    (operator) => {
      const value = valueFor(operator);
      for (const values of [undefined, []]) {
        const asked = (name: string) => met({ [name]: { 'x:k': value } }, values);
        expect(asked(operator)).toBe(operator.includes('Not'));
        expect(asked(`${operator}IfExists`)).toBe(true);
        expect(asked(`ForAllValues:${operator}`)).toBe(true);
        expect(asked(`ForAnyValue:${operator}`)).toBe(false);
        expect(asked(`ForAnyValue:${operator}IfExists`)).toBe(true);
      }
    },
  );

  it('over sets ask each value of the request, or look for one', () => {
    const rows: Row[] = [
      ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'b', 'a'], true],
      ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
      ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'b'], true],
      ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'd'], false],
      ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'd'], true],
      ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'a'], false],
      ['ForAnyValue:StringNotEquals', ['a', 'b'], ['a', 'c'], true],
      ['ForAnyValue:StringNotEquals', ['a', 'b'], ['a', 'b'], false],
      // Without one: any value may match, or, negated, none.
      ['StringEquals', ['a'], ['b', 'a'], true],
      ['StringNotEquals', ['a'], ['b', 'a'], false],
    ];
    for (const [operator, policy, request, expected] of rows) {
      expect(met({ [operator]: { 'x:k': policy } }, request), operator).toBe(expected);
    }
  });

  it('Null asks for the key alone', () => {
    expect(met({ Null: { 'x:k': 'true' } }, undefined)).toBe(true);
    expect(met({ Null: { 'x:k': true } }, [])).toBe(true);
    expect(met({ Null: { 'x:k': 'True' } }, [''])).toBe(false);
    expect(met({ Null: { 'x:k': 'false' } }, [''])).toBe(true);
    expect(met({ Null: { 'x:k': ['true', 'false'] } }, ['a'])).toBe(true);
  });

  it('all have to be met, keys whatever their case', () => {
    const both = { StringLike: { 'X:K': 'a*' }, StringNotEquals: { 'x:K': 'ab' } };
    expect(met(both, ['ac'])).toBe(true);
    expect(met(both, ['ab'])).toBe(false);
    expect(met({ StringEquals: { 'x:k': 'a', 'x:other': 'b' } }, ['a'])).toBe(false);
    expect(met({ StringEquals: { 'x:k': 'a', 'x:other': 'b' } }, ['a'], { more: [['x:other', ['b']]] })).toBe(true);
  });

  it.each<[string, unknown, string]>([
    ['NumericEquals', 'ten', 'not a number: ten'],
    ['NumericEquals', '1e3', 'not a number: 1e3'],
    ['NumericEquals', '', 'not a number: '],
    ['NumericEquals', '${x:n}', 'not a number: ${x:n}'],
    ['DateEquals', '2026-02-29', 'not a date: 2026-02-29'],
    ['DateEquals', '2026-13', 'not a date: 2026-13'],
    ['DateEquals', '2026-01-01T24:00:00Z', 'not a date: 2026-01-01T24:00:00Z'],
    ['DateEquals', 'Thu, 01 Jan 2026', 'not a date: Thu, 01 Jan 2026'],
    ['Bool', 'yes', 'neither true nor false: yes'],
    ['Null', 'no', 'neither true nor false: no'],
    ['BinaryEquals', 'a', 'not base64: a'],
    ['IpAddress', '203.0.113.0/33', 'neither an IP address nor a CIDR: 203.0.113.0/33'],
    ['IpAddress', '203.0.113.0/', 'neither an IP address nor a CIDR: 203.0.113.0/'],
    ['IpAddress', '203.0.113.0/08', 'neither an IP address nor a CIDR: 203.0.113.0/08'],
    ['IpAddress', '203.0.113', 'neither an IP address nor a CIDR: 203.0.113'],
    ['IpAddress', '2001:db8::/129', 'neither an IP address nor a CIDR: 2001:db8::/129'],
    ['IpAddress', '*', 'neither an IP address nor a CIDR: *'],
    ['ArnLike', 'arn:aws:s3', 'not an ARN: arn:aws:s3'],
    ['StringEquals', '${aws:username', 'invalid policy variable: ${aws:username'],
    ['NullIfExists', 'true', 'invalid condition operator: NullIfExists'],
    ['ForAllValues:Null', 'true', 'invalid condition operator: ForAllValues:Null'],
    ['stringequals', 'a', 'invalid condition operator: stringequals'],
    ['ForAllValues:ForAnyValue:Bool', 'true', 'invalid condition operator: ForAllValues:ForAnyValue:Bool'],
    ['constructor', 'a', 'invalid condition operator: constructor'],
    ['StringEquals', [], 'the condition key x:k has no values'],
  ])('%s %j is refused', (operator, value, message) => {
    expect(() => met({ [operator]: { 'x:k': value } }, ['a'])).toThrow(`statement 1: ${message}`);
  });
});

describe('what follows from the principal', () => {
  const session: Principal = { ...role(A, 'r'), userId: 'AROAX:s', sessionArn: `arn:aws:sts::${A}:assumed-role/r/s` };
  const told = {
    'aws:PrincipalArn': [`arn:aws:iam::${A}:root`, `arn:aws:iam::${A}:user/alice`, `arn:aws:iam::${A}:role/r`],
    'aws:PrincipalAccount': [A, A, A, 'anonymous'],
    'aws:PrincipalType': ['Account', 'User', 'AssumedRole', 'Anonymous'],
    'aws:userid': ['id', 'id', 'AROAX:s', 'anonymous'],
    'aws:username': [undefined, 'alice'],
    'aws:PrincipalIsAWSService': ['false', 'false', 'false', undefined, 'true'],
    'aws:PrincipalServiceName': [undefined, undefined, undefined, undefined, 's3.amazonaws.com'],
  };

  it.each(Object.entries(told))('%s', (key, values) => {
    [root(A), user(A, 'alice'), session, anonymous, service].forEach((principal, i) => {
      const value = values[i];
      expect(met({ Null: { [key]: 'true' } }, undefined, { principal }), principal.kind).toBe(value === undefined);
      if (value) expect(met({ StringEquals: { [key]: value } }, undefined, { principal }), principal.kind).toBe(true);
    });
  });

  it('gives way to the context', () => {
    const more: [string, string[]][] = [['aws:username', ['bob']]];
    expect(met({ StringEquals: { 'aws:username': 'bob' } }, undefined, { more })).toBe(true);
  });
});
