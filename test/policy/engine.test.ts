// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policies have variables
import { expect, it } from 'vitest';
import { decide } from '../../src/policy/decide.js';
import { parseIdentityPolicy, parseKeyPolicy } from '../../src/policy/parse.js';
import type { PolicyRequest } from '../../src/policy/ports.js';
import { naiveDecision } from './naive.js';
import { A, anonymous, B, role, root, service, user } from './principals.js';
import { randomFrom } from './random.js';

const CASES = 30_000;
const KEY = `arn:aws:kms:us-east-1:${A}:key/k`;
const { pick, some, chance, below } = randomFrom(20_261_124);

const session = { ...role(A, 'r'), sessionArn: `arn:aws:sts::${A}:assumed-role/r/s` };
const principals = [
  ...[root(A), root(B), user(A, 'alice'), user(A, 'bob'), user(B, 'alice'), role(A, 'r'), session],
  ...[anonymous, service],
];
const actions = ['kms:Decrypt', 'kms:DescribeKey', 's3:GetObject', 's3:PutObject'];
const actionPatterns = [...actions, 'KMS:*', 's3:*', '*', 's3:?etObject', 'kms:De*', '*:*'];
const resources = [
  ...[KEY, `arn:aws:kms:eu-west-1:${A}:key/k`, 'arn:aws:s3:::b', 'arn:aws:s3:::b/a:k', 'arn:aws:s3:::b/alice/k'],
  ...['arn:aws:s3:::b/*/k', 'arn:aws:s3:::b/everyone/k', 'arn:aws:s3:::b/${aws:username}/k'],
];
const resourcePatterns = [
  ...[...resources.slice(0, 5), '*', '*', 'arn:aws:s3:::b/*', 'arn:aws:s3:::*', 'arn:aws:k*', 'arn:aws:*k'],
  ...[
    'arn:aws:kms:us-*:*:key/?',
    'arn:aws:s3:::b/${*}/k',
    'arn:aws:s3:::b/${aws:username}/k',
    'arn:aws:s3:::b/${x:Tag}/*',
  ],
  ...[
    "arn:aws:s3:::b/${aws:username, 'everyone'}/?",
    'arn:aws:s3:::${x:Many}/*',
    'arn:aws:s3:::b/${$}{aws:username}/k',
  ],
];
const principalBlocks = [
  '*',
  ...[A, B, root(A).arn, user(A, 'alice').arn, role(A, 'r').arn, session.sessionArn, '*'].map((AWS) => ({ AWS })),
  { Service: service.arn },
  { CanonicalUser: root(A).canonicalUserId },
];

/** Of each family: values that policies have, and values that requests have. */
const families = {
  String: {
    operators: ['Equals', 'NotEquals', 'EqualsIgnoreCase', 'NotEqualsIgnoreCase', 'Like', 'NotLike'],
    policy: ['a', 'A', 'a*', '?', '*', '${x:Tag}', '${x:Tag}*', '${*}', "${x:None, 'a'}", '${x:None}', '${x:Many}'],
    request: ['a', 'A', 'ab', '*', '${x:Tag}', ''],
  },
  Numeric: {
    operators: ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'],
    policy: ['1', '2', '2.0', '-3'],
    request: ['1', '2', '1.5', '-3', 'x', ''],
  },
  Date: {
    operators: ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'],
    policy: ['2026-01-01T00:00:00Z', '2026-06', '1767225600'],
    request: ['2026-01-01T01:00:00+01:00', '1767225600', '2026-06-01', '2027-01-01T00:00:00.5Z', 'x'],
  },
  Arn: {
    operators: ['Equals', 'NotEquals', 'Like', 'NotLike'],
    policy: [
      KEY,
      '*',
      'arn:aws:*:*:*:key/*',
      'arn:aws:s3:::*',
      'arn:aws:s3:::${x:Tag}',
      '${x:Prefix}:a:b:c*:?',
      'arn:aws:kms:us-east-?:*:*',
    ],
    request: [KEY, 'arn:aws:s3:::a', 'arn:aws:s3:::*', 'a', 'arn:aws:kms:us-east-1::a:b', 'arn:aws:s3:::a:b:c:d'],
  },
  Bool: { operators: [''], policy: ['true', 'False'], request: ['true', 'false', 'True', 'x'] },
  Binary: { operators: ['Equals'], policy: ['YQ==', 'Yg=='], request: ['YQ==', 'Yg==', 'YQ'] },
  IpAddress: {
    operators: ['', 'Not'],
    policy: ['192.0.2.0/24', '192.0.2.7', '2001:db8::/32', '::/0', '0.0.0.0/0'],
    request: ['192.0.2.7', '192.0.3.1', '2001:db8::1', '2001:db9::1', 'x'],
  },
};
type Family = keyof typeof families;
const familyNames = Object.keys(families) as Family[];

function condition(): Record<string, unknown> {
  if (chance(0.1)) return { Null: { [pick(['x:Tag', 'X:none', 'aws:username'])]: pick(['true', false]) } };
  const family = pick(familyNames);
  const { operators, policy } = families[family];
  const operator = pick(operators);
  const name = family === 'IpAddress' ? `${operator}IpAddress` : `${family}${operator}`;
  const set = chance(0.3) ? pick(['ForAllValues:', 'ForAnyValue:']) : '';
  const own = [
    'aws:PrincipalArn',
    'aws:PrincipalType',
    'aws:userid',
    'aws:PrincipalAccount',
    'aws:PrincipalIsAWSService',
  ];
  const key = pick([`x:${family}`, `X:${family.toLowerCase()}`, `x:${family}s`, 'x:none', pick(own)]);
  return { [`${set}${name}${chance(0.2) ? 'IfExists' : ''}`]: { [key]: some(policy, 2) } };
}

function statement(ofResource: boolean): Record<string, unknown> {
  const effect = chance(0.75) ? 'Allow' : 'Deny';
  const block: Record<string, unknown> = { Effect: effect };
  block[chance(0.85) ? 'Action' : 'NotAction'] = some(actionPatterns, 2);
  block[chance(0.85) ? 'Resource' : 'NotResource'] = some(resourcePatterns, 2);
  if (chance(0.35)) block.Condition = Object.assign({}, condition(), chance(0.3) ? condition() : {});
  if (!ofResource) return block;
  if (chance(0.02)) delete block.Action;
  if (chance(0.02)) delete block.Resource;
  const others = effect === 'Deny' && chance(0.3);
  block[others ? 'NotPrincipal' : 'Principal'] = others
    ? pick([
        { AWS: some([A, user(A, 'alice').arn, root(A).arn, role(A, 'r').arn, session.sessionArn], 4) },
        { Service: service.arn },
      ])
    : pick(principalBlocks);
  return block;
}

const policy = (ofResource: boolean) => ({
  ...(chance(0.8) && { Version: pick(['2012-10-17', '2012-10-17', '2008-10-17']) }),
  Statement: Array.from({ length: 1 + below(3) }, () => statement(ofResource)),
});

function context(): Map<string, string[]> {
  const values = new Map<string, string[]>([['x:many', ['a', 'b']]]);
  if (chance(0.7)) values.set('x:tag', [pick(['a', 'b', 'A', '*', 'everyone'])]);
  if (chance(0.7)) values.set('x:prefix', [pick(['arn:aws:s3::', 'arn:aws:*::'])]);
  for (const family of familyNames) {
    if (chance(0.7)) values.set(`x:${family}`.toLowerCase(), [pick(families[family].request)]);
    if (chance(0.7)) values.set(`x:${family}s`.toLowerCase(), some(families[family].request, 3).slice(below(2)));
  }
  return values;
}

it(`agrees with a naive evaluator on ${CASES} random questions, and every outcome occurs`, () => {
  const seen = new Map<string, number>();
  let asked = 0;
  for (let i = 0; i < CASES; i++) {
    const identity = Array.from({ length: below(3) }, () => parseIdentityPolicy(policy(false)));
    const resource = chance(0.6) ? parseKeyPolicy(policy(true)) : undefined;
    const accountTrusted = chance(0.5) ? undefined : chance(0.5);
    const granted = chance(0.2);
    const request: PolicyRequest = {
      ...{ principal: pick(principals), action: pick(actions), resource: pick(resources) },
      ...{ resourceAccountId: pick([A, A, B]), context: context() },
    };
    const expected = naiveDecision(request, {
      ...{ identity, resource, granted },
      accountTrusted: accountTrusted ?? resource === undefined,
    });
    const got = decide(request, {
      identity,
      ...(resource && { resource }),
      ...(accountTrusted !== undefined && { accountTrusted }),
      ...(granted && { granted: () => true }),
    });
    const outcome = JSON.stringify(got);
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    asked++;
    if (outcome !== JSON.stringify(expected)) {
      const context = Object.fromEntries(request.context as Map<string, string[]>);
      const facts = { ...request, context, identity, resource, accountTrusted, granted, got, expected };
      expect.fail(`case ${i}: ${JSON.stringify(facts)}`);
    }
  }
  expect(asked).toBe(CASES);
  const outcomes = [
    ...['account root', 'identity policy', 'resource policy', 'grant'].map((by) => ({ allowed: true, by })),
    ...['identity policy', 'resource policy'].map((by) => ({ allowed: false, explicit: true, by })),
    ...['no identity policy', 'no resource policy', 'other account'].map((by) => ({
      allowed: false,
      explicit: false,
      by,
    })),
  ].map((one) => JSON.stringify(one));
  expect([...seen.keys()].sort()).toEqual([...outcomes].sort());
  for (const [outcome, times] of seen) expect(times, outcome).toBeGreaterThan(200);
});
