import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policy/decide.js';
import { parseIdentityPolicy, parseKeyPolicy } from '../../src/policy/parse.js';
import type { PolicyRequest, Principal, Statement } from '../../src/policy/ports.js';
import { naiveAllows } from './naive.js';
import { randomFrom } from './random.js';

const A = '111111111111';
const B = '222222222222';
const KEY = `arn:aws:kms:us-east-1:${A}:key/k`;

const common = (accountId: string) => ({ accountId, userId: 'id', canonicalUserId: `canonical-${accountId}` });
const root = (id: string): Principal => ({ ...common(id), kind: 'root', arn: `arn:aws:iam::${id}:root` });
const user = (id: string, name: string): Principal => ({
  ...common(id),
  kind: 'user',
  arn: `arn:aws:iam::${id}:user/${name}`,
  userName: name,
});
const role = (id: string, name: string): Principal => ({
  ...common(id),
  kind: 'role',
  arn: `arn:aws:iam::${id}:role/${name}`,
});
const anonymous: Principal = { kind: 'anonymous', accountId: '', arn: '', userId: '', canonicalUserId: '' };
const alice = user(A, 'alice');

const ask = (principal: Principal, action = 'kms:Decrypt', resource = KEY): PolicyRequest => ({
  principal,
  action,
  resource,
  resourceAccountId: A,
  context: new Map(),
});
const identity = (...statements: object[]) => parseIdentityPolicy({ Version: '2012-10-17', Statement: statements });
const keyPolicy = (...statements: object[]) =>
  parseKeyPolicy({
    Version: '2012-10-17',
    Statement: statements.map((one) => ({ Action: 'kms:*', Resource: '*', ...one })),
  });

const allowAll = identity({ Effect: 'Allow', Action: '*', Resource: '*' });
const denyDecrypt = identity({ Effect: 'Deny', Action: 'kms:decrypt', Resource: '*' });
/** As KMS gives it to a key without another. */
const byDefault = keyPolicy({ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${A}:root` } });

describe('without a resource policy', () => {
  it('the root of the account may do everything', () => {
    expect(decide(ask(root(A)), { identity: [] })).toEqual({ allowed: true, by: 'account root' });
  });

  it('a user may do what an identity policy allows, and nothing else', () => {
    const readBucket = identity({
      Effect: 'Allow',
      Action: ['s3:Get*', 's3:ListBucket'],
      Resource: ['arn:aws:s3:::b', 'arn:aws:s3:::b/*'],
    });
    const allowed = (action: string, resource: string) =>
      decide(ask(alice, action, resource), { identity: [readBucket] }).allowed;
    expect(allowed('s3:GetObject', 'arn:aws:s3:::b/k')).toBe(true);
    expect(allowed('s3:ListBucket', 'arn:aws:s3:::b')).toBe(true);
    expect(allowed('s3:PutObject', 'arn:aws:s3:::b/k')).toBe(false);
    expect(allowed('s3:GetObject', 'arn:aws:s3:::bb/k')).toBe(false);
    expect(decide(ask(alice), { identity: [] })).toEqual({ allowed: false, explicit: false, by: 'no identity policy' });
  });

  it('NotAction and NotResource mean all others', () => {
    const policy = identity({ Effect: 'Allow', NotAction: 'kms:*', NotResource: 'arn:aws:s3:::secret/*' });
    const allowed = (action: string, resource: string) =>
      decide(ask(alice, action, resource), { identity: [policy] }).allowed;
    expect(allowed('s3:GetObject', 'arn:aws:s3:::b/k')).toBe(true);
    expect(allowed('s3:GetObject', 'arn:aws:s3:::secret/k')).toBe(false);
    expect(allowed('kms:Decrypt', KEY)).toBe(false);
  });

  it('a denial wins over any allowance, wherever it stands', () => {
    for (const documents of [
      [allowAll, denyDecrypt],
      [denyDecrypt, allowAll],
    ]) {
      expect(decide(ask(alice), { identity: documents })).toEqual({
        allowed: false,
        explicit: true,
        by: 'identity policy',
      });
      expect(decide(ask(alice, 'kms:Encrypt'), { identity: documents }).allowed).toBe(true);
    }
  });

  it.each([
    ['the root of another account', root(B)],
    ['a user of another account', user(B, 'bob')],
    ['nobody known', anonymous],
  ])('%s gets nothing', (_, principal) => {
    expect(decide(ask(principal), { identity: [allowAll] })).toEqual({
      allowed: false,
      explicit: false,
      by: 'other account',
    });
  });

  it('a resource without an owner belongs to nobody, anonymous callers included', () => {
    expect(decide({ ...ask(anonymous), resourceAccountId: '' }, { identity: [allowAll] }).allowed).toBe(false);
  });
});

describe('with a key policy', () => {
  it('the default one leaves the decision to identity policies', () => {
    expect(decide(ask(root(A)), { identity: [], resource: byDefault }).allowed).toBe(true);
    expect(decide(ask(alice), { identity: [], resource: byDefault }).allowed).toBe(false);
    expect(decide(ask(alice), { identity: [allowAll], resource: byDefault }).allowed).toBe(true);
    expect(decide(ask(alice), { identity: [allowAll, denyDecrypt], resource: byDefault }).allowed).toBe(false);
  });

  it('the account may be trusted by its bare id', () => {
    const policy = keyPolicy({ Effect: 'Allow', Principal: { AWS: A } });
    expect(decide(ask(alice), { identity: [allowAll], resource: policy }).allowed).toBe(true);
  });

  it('one that names a user needs no identity policy for it, and shuts all others out, the root included', () => {
    const policy = keyPolicy({ Effect: 'Allow', Principal: { AWS: alice.arn } });
    expect(decide(ask(alice), { identity: [], resource: policy })).toEqual({ allowed: true, by: 'resource policy' });
    expect(decide(ask(user(A, 'Alice')), { identity: [allowAll], resource: policy }).allowed).toBe(false);
    expect(decide(ask(root(A)), { identity: [], resource: policy })).toEqual({
      allowed: false,
      explicit: false,
      by: 'resource policy',
    });
  });

  it('one that names nobody of use opens for nobody', () => {
    const policy = keyPolicy({ Effect: 'Allow', Principal: { Service: 's3.amazonaws.com' } });
    for (const principal of [root(A), alice, role(A, 'r'), anonymous]) {
      expect(decide(ask(principal), { identity: [allowAll], resource: policy }).allowed).toBe(false);
    }
  });

  it('trust counts for the actions it names', () => {
    const policy = keyPolicy({ Effect: 'Allow', Principal: { AWS: A }, Action: 'kms:Describe*' });
    expect(decide(ask(root(A), 'kms:DescribeKey'), { identity: [], resource: policy }).allowed).toBe(true);
    expect(decide(ask(root(A)), { identity: [], resource: policy }).allowed).toBe(false);
  });

  it('everyone is everyone of the account', () => {
    const policy = keyPolicy({ Effect: 'Allow', Principal: '*' });
    const allowed = (principal: Principal) => decide(ask(principal), { identity: [], resource: policy }).allowed;
    expect([root(A), alice, role(A, 'r')].map(allowed)).toEqual([true, true, true]);
    expect([root(B), user(B, 'bob'), anonymous].map(allowed)).toEqual([false, false, false]);
  });

  it('a denial there binds the root too', () => {
    const trust = { Effect: 'Allow', Principal: { AWS: A } };
    for (const Principal of ['*', { AWS: A }, { AWS: `arn:aws:iam::${A}:root` }]) {
      const policy = keyPolicy(trust, { Effect: 'Deny', Principal, Action: 'kms:Decrypt' });
      expect(decide(ask(root(A)), { identity: [], resource: policy })).toEqual({
        allowed: false,
        explicit: true,
        by: 'resource policy',
      });
      expect(decide(ask(alice), { identity: [allowAll], resource: policy }).allowed).toBe(false);
      expect(decide(ask(alice, 'kms:Encrypt'), { identity: [allowAll], resource: policy }).allowed).toBe(true);
    }
  });

  it('a denial for all but one spares whom it names together with the account', () => {
    const trust = { Effect: 'Allow', Principal: { AWS: A } };
    const decided = (spared: string[], principal: Principal) =>
      decide(ask(principal), {
        identity: [allowAll],
        resource: keyPolicy(trust, { Effect: 'Deny', NotPrincipal: { AWS: spared } }),
      }).allowed;
    expect(decided([alice.arn, A], alice)).toBe(true);
    expect(decided([alice.arn, A], user(A, 'bob'))).toBe(false);
    expect(decided([alice.arn, A], root(A))).toBe(true);
    expect(decided([A], alice)).toBe(false);
    expect(decided([alice.arn], alice)).toBe(false);
  });

  it('conditions fail closed: they open nothing and deny always', () => {
    const Condition = { StringEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' } };
    const conditional = keyPolicy({ Effect: 'Allow', Principal: '*', Condition });
    expect(decide(ask(alice), { identity: [allowAll], resource: conditional }).allowed).toBe(false);
    const denying = keyPolicy({ Effect: 'Allow', Principal: '*' }, { Effect: 'Deny', Principal: '*', Condition });
    expect(decide(ask(alice), { identity: [allowAll], resource: denying }).allowed).toBe(false);
  });

  it('other accounts stay out even where both sides allow', () => {
    const policy = keyPolicy({ Effect: 'Allow', Principal: { AWS: [B, user(B, 'bob').arn] } });
    expect(decide(ask(user(B, 'bob')), { identity: [allowAll], resource: policy }).allowed).toBe(false);
  });
});

describe('with a policy of a resource that its account rules anyway', () => {
  it('identity policies count whatever it allows, and its denials bind', () => {
    const policy = keyPolicy(
      { Effect: 'Allow', Principal: { AWS: alice.arn }, Action: 's3:GetObject' },
      { Effect: 'Deny', Principal: '*', Action: 's3:DeleteObject' },
    );
    const allowed = (principal: Principal, action: string, policies = [allowAll]) =>
      decide(ask(principal, action, 'arn:aws:s3:::b/k'), { identity: policies, resource: policy, accountTrusted: true })
        .allowed;
    expect(allowed(root(A), 's3:PutObject', [])).toBe(true);
    expect(allowed(alice, 's3:GetObject', [])).toBe(true);
    expect(allowed(alice, 's3:PutObject', [])).toBe(false);
    expect(allowed(alice, 's3:PutObject')).toBe(true);
    expect(allowed(root(A), 's3:DeleteObject', [])).toBe(false);
  });
});

it('agrees with a naive evaluator on 10,000 random questions', () => {
  const { pick, some, chance, below } = randomFrom(20_261_124);
  const principals = [root(A), root(B), alice, user(A, 'bob'), user(B, 'alice'), role(A, 'r'), anonymous];
  const actions = ['kms:Decrypt', 'kms:DescribeKey', 's3:GetObject', 's3:PutObject'];
  const actionPatterns = [...actions, 'KMS:*', 's3:*', '*', 's3:?etObject', 'kms:De*', '*:*'];
  const resources = [KEY, 'arn:aws:s3:::b', 'arn:aws:s3:::b/a:k', `arn:aws:kms:eu-west-1:${A}:key/k`];
  const resourcePatterns = [
    ...resources,
    '*',
    'arn:aws:s3:::b/*',
    'arn:aws:s3:::*',
    'arn:aws:k*',
    'arn:aws:*k',
    'arn:aws:kms:us-*:*:key/?',
  ];
  const principalBlocks = [
    '*',
    ...[A, B, `arn:aws:iam::${A}:root`, alice.arn, role(A, 'r').arn, '*'].map((AWS) => ({ AWS })),
  ];

  const statement = (resourcePolicy: boolean): Record<string, unknown> => {
    const effect = chance(0.75) ? 'Allow' : 'Deny';
    const block: Record<string, unknown> = { Effect: effect };
    block[chance(0.85) ? 'Action' : 'NotAction'] = some(actionPatterns, 2);
    block[chance(0.85) ? 'Resource' : 'NotResource'] = some(resourcePatterns, 2);
    if (!resourcePolicy) return block;
    const others = effect === 'Deny' && chance(0.3);
    block[others ? 'NotPrincipal' : 'Principal'] = others
      ? { AWS: some([A, alice.arn, `arn:aws:iam::${A}:root`], 3) }
      : pick(principalBlocks);
    if (chance(0.1)) block.Condition = { Bool: { 'aws:SecureTransport': 'true' } };
    return block;
  };
  const flat = (documents: { statements: Statement[] }[]) => documents.flatMap(({ statements }) => statements);

  let allowed = 0;
  for (let i = 0; i < 10_000; i++) {
    const own = Array.from({ length: below(3) }, () =>
      identity(...Array.from({ length: 1 + below(3) }, () => statement(false))),
    );
    const resource = chance(0.6)
      ? parseKeyPolicy({ Statement: Array.from({ length: 1 + below(3) }, () => statement(true)) })
      : undefined;
    const accountTrusted = resource === undefined || chance(0.3);
    const request = { ...ask(pick(principals), pick(actions), pick(resources)), resourceAccountId: pick([A, A, B]) };
    const expected = naiveAllows(request, flat(own), resource?.statements, accountTrusted);
    const got = decide(request, { identity: own, ...(resource && { resource, accountTrusted }) });
    if (got.allowed) allowed++;
    if (got.allowed !== expected) {
      expect.fail(`case ${i}: ${JSON.stringify({ request, own, resource, accountTrusted, got })}`);
    }
  }
  // A test whose answers are all the same proves nothing.
  expect(allowed).toBeGreaterThan(1000);
  expect(allowed).toBeLessThan(9000);
});
