import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policy/decide.js';
import { parseIdentityPolicy, parseKeyPolicy } from '../../src/policy/parse.js';
import type { PolicyRequest, Principal } from '../../src/policy/ports.js';
import { A, anonymous, B, role, root, service, user } from './principals.js';

const KEY = `arn:aws:kms:us-east-1:${A}:key/k`;

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
    ['the root of another account', root(B), 'other account'],
    ['a user of another account', user(B, 'bob'), 'other account'],
    ['nobody known', anonymous, 'no resource policy'],
    ['a service', service, 'no resource policy'],
  ])('%s gets nothing', (_, principal, by) => {
    expect(decide(ask(principal), { identity: [allowAll] })).toEqual({ allowed: false, explicit: false, by });
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
      by: 'no resource policy',
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

  it('everyone is everyone, but whoever answers to another account needs that to allow it too', () => {
    for (const Principal of ['*', { AWS: '*' }]) {
      const policy = keyPolicy({ Effect: 'Allow', Principal });
      const allowed = (principal: Principal, identity = [] as (typeof allowAll)[]) =>
        decide(ask(principal), { identity, resource: policy }).allowed;
      expect([root(A), alice, role(A, 'r'), root(B), anonymous].map((one) => allowed(one))).toEqual(
        Array(5).fill(true),
      );
      expect(allowed(user(B, 'bob'))).toBe(false);
      expect(allowed(user(B, 'bob'), [allowAll])).toBe(true);
      // A service is let in by its name only.
      expect(allowed(service)).toBe(false);
    }
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

  it('a role may be named, or one of its sessions', () => {
    const session: Principal = { ...role(A, 'r'), sessionArn: `arn:aws:sts::${A}:assumed-role/r/s` };
    const other: Principal = { ...role(A, 'r'), sessionArn: `arn:aws:sts::${A}:assumed-role/r/t` };
    const allowed = (AWS: string, effect = 'Allow') => {
      const policy = keyPolicy({ Effect: 'Allow', Principal: '*' }, { Effect: effect, Principal: { AWS } });
      const only = keyPolicy({ Effect: effect, Principal: { AWS } });
      return [session, other].map(
        (one) => decide(ask(one), { identity: [], resource: effect === 'Deny' ? policy : only }).allowed,
      );
    };
    expect(allowed(role(A, 'r').arn)).toEqual([true, true]);
    expect(allowed(session.sessionArn!)).toEqual([true, false]);
    expect(allowed(role(A, 'r').arn, 'Deny')).toEqual([false, false]);
    expect(allowed(session.sessionArn!, 'Deny')).toEqual([false, true]);
    const sparing = (...AWS: string[]) =>
      decide(ask(session), {
        identity: [],
        resource: keyPolicy({ Effect: 'Allow', Principal: '*' }, { Effect: 'Deny', NotPrincipal: { AWS } }),
      }).allowed;
    expect(sparing(A, role(A, 'r').arn, session.sessionArn!)).toBe(true);
    expect(sparing(A, role(A, 'r').arn)).toBe(false);
    expect(sparing(A, session.sessionArn!)).toBe(false);
  });

  it('a service is let in by name and shut out by name or with everyone', () => {
    const letIn = { Effect: 'Allow', Principal: { Service: service.arn } };
    const allowed = (...statements: object[]) =>
      decide(ask(service), { identity: [], resource: keyPolicy(...statements) });
    expect(allowed(letIn)).toEqual({ allowed: true, by: 'resource policy' });
    expect(allowed({ ...letIn, Principal: { Service: 'sns.amazonaws.com' } }).allowed).toBe(false);
    for (const Principal of ['*', { Service: service.arn }]) {
      expect(allowed(letIn, { Effect: 'Deny', Principal })).toEqual({
        allowed: false,
        explicit: true,
        by: 'resource policy',
      });
    }
    expect(allowed(letIn, { Effect: 'Deny', NotPrincipal: { Service: service.arn } }).allowed).toBe(true);
    expect(allowed(letIn, { Effect: 'Deny', NotPrincipal: { Service: 'sns.amazonaws.com' } }).allowed).toBe(false);
  });

  it('conditions decide whether a statement counts', () => {
    const Condition = { StringEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' } };
    const conditional = keyPolicy({ Effect: 'Allow', Principal: '*', Condition });
    const denying = keyPolicy({ Effect: 'Allow', Principal: '*' }, { Effect: 'Deny', Principal: '*', Condition });
    const allowed = (resource: typeof conditional, via?: string) =>
      decide(
        { ...ask(alice), context: new Map(via === undefined ? [] : [['kms:viaservice', [via]]]) },
        { identity: [], resource },
      ).allowed;
    const s3 = 's3.us-east-1.amazonaws.com';
    expect([allowed(conditional), allowed(conditional, 's3'), allowed(conditional, s3)]).toEqual([false, false, true]);
    expect([allowed(denying), allowed(denying, 's3'), allowed(denying, s3)]).toEqual([true, true, false]);
  });
});

describe('between accounts', () => {
  const bob = user(B, 'bob');
  const policy = (AWS: string) => keyPolicy({ Effect: 'Allow', Principal: { AWS } });

  it.each([bob.arn, B, `arn:aws:iam::${B}:root`, '*'])('both sides have to allow: %s', (AWS) => {
    expect(decide(ask(bob), { identity: [allowAll], resource: policy(AWS) })).toEqual({
      allowed: true,
      by: 'resource policy',
    });
    expect(decide(ask(bob), { identity: [], resource: policy(AWS) })).toEqual({
      allowed: false,
      explicit: false,
      by: 'no identity policy',
    });
    expect(decide(ask(bob), { identity: [allowAll], resource: policy(A) })).toEqual({
      allowed: false,
      explicit: false,
      by: 'other account',
    });
  });

  it('the root of the other account answers for itself', () => {
    expect(decide(ask(root(B)), { identity: [], resource: policy(B) })).toEqual({
      allowed: true,
      by: 'resource policy',
    });
    expect(decide(ask(root(B)), { identity: [], resource: policy(bob.arn) }).allowed).toBe(false);
  });

  it('that the owner trusts its account says nothing of others', () => {
    expect(decide(ask(bob), { identity: [allowAll], accountTrusted: true }).allowed).toBe(false);
  });

  it('a grant stands for the resource policy, not for the caller', () => {
    expect(decide(ask(bob), { identity: [allowAll], granted: () => true })).toEqual({ allowed: true, by: 'grant' });
    expect(decide(ask(bob), { identity: [], granted: () => true }).allowed).toBe(false);
  });
});

describe('grants', () => {
  it('open what nothing else opens, to users, roots, services and anonymous callers', () => {
    const resource = keyPolicy({ Effect: 'Allow', Principal: { AWS: user(A, 'carol').arn } });
    for (const principal of [alice, root(A), service, anonymous]) {
      expect(decide(ask(principal), { identity: [], resource, granted: () => true })).toEqual({
        allowed: true,
        by: 'grant',
      });
      expect(decide(ask(principal), { identity: [], resource, granted: () => false }).allowed).toBe(false);
    }
  });

  it('are asked for last, and never against a denial', () => {
    const granted = (): boolean => {
      throw new Error('asked');
    };
    const deny = keyPolicy({ Effect: 'Deny', Principal: '*' });
    for (const [principal, sources] of [
      [root(A), { identity: [] }],
      [alice, { identity: [allowAll] }],
      [alice, { identity: [denyDecrypt] }],
      [alice, { identity: [allowAll], resource: deny }],
      [alice, { identity: [], resource: keyPolicy({ Effect: 'Allow', Principal: { AWS: alice.arn } }) }],
      [anonymous, { identity: [], resource: keyPolicy({ Effect: 'Allow', Principal: '*' }) }],
      [user(B, 'bob'), { identity: [] }],
      [root(B), { identity: [], resource: keyPolicy({ Effect: 'Allow', Principal: { AWS: B } }) }],
    ] as const) {
      expect(() => decide(ask(principal), { ...sources, granted })).not.toThrow();
    }
    expect(() => decide(ask(alice), { identity: [], granted })).toThrow('asked');
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
