import { describe, expect, it } from 'vitest';
import { parseBucketPolicy } from '../../src/policy/bucket-policy.js';
import { PolicyError } from '../../src/policy/error.js';
import { parseIdentityPolicy, parseKeyPolicy } from '../../src/policy/parse.js';
import { principalsOf } from '../../src/policy/principal-block.js';
import { randomFrom } from './random.js';

const allow = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };
const document = (...statements: unknown[]) => ({ Version: '2012-10-17', Statement: statements });
const keyStatement = { Sid: 'x', Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };

describe('identity policies', () => {
  it('come out with every element as a list', () => {
    const parsed = parseIdentityPolicy({
      Version: '2008-10-17',
      Id: 'mine',
      Statement: {
        Sid: 'Read',
        Effect: 'Deny',
        NotAction: 's3:Get*',
        NotResource: ['arn:aws:s3:::a', 'arn:aws:s3:::b'],
      },
    });
    expect(parsed).toEqual({
      id: 'mine',
      version: '2008-10-17',
      statements: [
        {
          sid: 'Read',
          effect: 'Deny',
          notActions: ['s3:Get*'],
          notResources: ['arn:aws:s3:::a', 'arn:aws:s3:::b'],
        },
      ],
    });
  });

  it.each<[string, unknown, string]>([
    ['no JSON', 'x', 'a policy is not JSON'],
    ['no object', '[]', 'a policy is not a JSON object'],
    ['null', null, 'a policy is not a JSON object'],
    [
      'an unknown version',
      { Version: '2013-10-17', Statement: [allow] },
      'Version is neither 2012-10-17 nor 2008-10-17',
    ],
    ['an unknown member', { ...document(allow), Comment: '' }, 'the policy has the unsupported element Comment'],
    ['an Id that is no text', { ...document(allow), Id: 1 }, 'Id is not a text'],
    ['no statement', { Version: '2012-10-17' }, 'a policy needs a Statement'],
    ['an empty list', document(), 'a policy needs a Statement'],
    ['a statement that is no object', document(null), 'statement 1: a statement is not a JSON object'],
    [
      'principals',
      document({ ...allow, Principal: '*' }),
      'statement 1: the statement has the unsupported element Principal',
    ],
    [
      'a variable that never ends',
      document({ ...allow, Sid: 'Home', Resource: 'arn:aws:s3:::home/\u0024{aws:username/*' }),
      'statement 1 (Home): invalid policy variable: arn:aws:s3:::home/\u0024{aws:username/*',
    ],
    ['an effect of its own', document({ ...allow, Effect: 'allow' }), 'statement 1: Effect is neither Allow nor Deny'],
    [
      'Action and NotAction',
      document(allow, { ...allow, NotAction: '*' }),
      'statement 2: a statement needs either Action or NotAction',
    ],
    [
      'no action',
      document({ Effect: 'Allow', Resource: '*' }),
      'statement 1: a statement needs either Action or NotAction',
    ],
    ['no actions', document({ ...allow, Action: [] }), 'statement 1: Action is empty'],
    ['an action without service', document({ ...allow, Action: 'GetObject' }), 'statement 1: not an action: GetObject'],
    ['an action of any service', document({ ...allow, Action: '*:Get*' }), 'statement 1: not an action: *:Get*'],
    ['a number for an action', document({ ...allow, Action: 1 }), 'statement 1: Action is not a text'],
    [
      'no resource',
      document({ Effect: 'Allow', Action: '*' }),
      'statement 1: a statement needs either Resource or NotResource',
    ],
    [
      'Resource and NotResource',
      document({ ...allow, NotResource: '*' }),
      'statement 1: a statement has either Resource or NotResource',
    ],
    ['a bare name', document({ ...allow, Resource: 'bucket/*' }), 'statement 1: neither an ARN nor "*": bucket/*'],
    ['a Sid twice', document({ ...allow, Sid: 'A' }, { ...allow, Sid: 'A' }), 'statement 2 (A): the Sid is used twice'],
    [
      'a member from JSON named __proto__',
      JSON.parse('{"Statement":[],"__proto__":{}}'),
      'the policy has the unsupported element __proto__',
    ],
  ])('with %s are refused', (_, json, message) => {
    expect(() => parseIdentityPolicy(json)).toThrow(new PolicyError(message));
  });
});

describe('key policies', () => {
  it('keep principals and conditions', () => {
    const [statement] = parseKeyPolicy(
      document({
        ...keyStatement,
        Principal: { AWS: ['*', '111111111111'], Service: 's3.amazonaws.com', CanonicalUser: 'c' },
        Condition: { 'ForAnyValue:StringLike': { 'kms:ViaService': ['s3.*'] }, Bool: { 'aws:SecureTransport': true } },
      }),
    ).statements;
    expect(statement!.principals).toEqual({
      any: true,
      aws: ['111111111111'],
      service: ['s3.amazonaws.com'],
      canonicalUser: ['c'],
    });
    expect(statement!.conditions).toEqual({
      'ForAnyValue:StringLike': { 'kms:ViaService': ['s3.*'] },
      Bool: { 'aws:SecureTransport': ['true'] },
    });
  });

  it('with an empty Condition ask for nothing', () => {
    for (const Condition of [{}, { Bool: {} }]) {
      expect(parseKeyPolicy(document({ ...keyStatement, Condition })).statements[0]!.conditions).toBeUndefined();
    }
  });

  it.each([
    '111111111111',
    'arn:aws:iam::111111111111:root',
    'arn:aws:iam::111111111111:user/path/alice@example.com',
    'arn:aws:iam::111111111111:role/replicator',
    'arn:aws:sts::111111111111:assumed-role/replicator/session',
  ])('may name %s', (principal) => {
    const [statement] = parseKeyPolicy(document({ ...keyStatement, Principal: { AWS: principal } })).statements;
    expect(statement!.principals).toEqual({ aws: [principal] });
  });

  it.each<[string, object, string]>([
    ['no principal', { Principal: undefined }, 'a statement of a key policy needs either Principal or NotPrincipal'],
    ['both', { NotPrincipal: '*' }, 'a statement of a key policy needs either Principal or NotPrincipal'],
    [
      'an allowance for all others',
      { Principal: undefined, NotPrincipal: { AWS: '111111111111' } },
      'NotPrincipal is only supported with the Effect Deny',
    ],
    ['nobody', { Principal: {} }, 'Principal names nobody'],
    ['another text', { Principal: 'alice' }, 'Principal is not a JSON object'],
    ['an unknown kind', { Principal: { Group: 'x' } }, 'the Principal has the unsupported element Group'],
    [
      'a wildcard in a name',
      { Principal: { AWS: 'arn:aws:iam::111111111111:user/*' } },
      'invalid principal: arn:aws:iam::111111111111:user/*',
    ],
    ['a line end', { Principal: { AWS: '111111111111\n' } }, 'invalid principal: 111111111111\n'],
    ['a wildcard service', { Principal: { Service: '*' } }, 'invalid principal: *'],
    [
      'an unknown operator',
      { Condition: { StringSounds: { 'a:b': 'c' } } },
      'invalid condition operator: StringSounds',
    ],
    ['a bare condition key', { Condition: { Bool: { x: 'c' } } }, 'invalid condition key: x'],
    ['a nested value', { Condition: { Bool: { 'a:b': {} } } }, 'a value of the condition key a:b is not a text'],
    ['a null value', { Condition: { Bool: { 'a:b': null } } }, 'a value of the condition key a:b is not a text'],
    ['a list of operators', { Condition: [] }, 'Condition is not a JSON object'],
    ['a policy variable', { Resource: 'arn:aws:kms:::\u0024{x}' }, 'invalid policy variable: arn:aws:kms:::\u0024{x}'],
  ])('with %s are refused', (_, changed, message) => {
    expect(() => parseKeyPolicy(document({ ...keyStatement, ...changed }))).toThrow(
      new PolicyError(`statement 1 (x): ${message}`),
    );
  });

  it('can not smuggle a condition past by the name __proto__', () => {
    const policy = JSON.parse(
      JSON.stringify(document({ ...keyStatement, Condition: { X: { 'a:b': 'c' } } })).replace('"X"', '"__proto__"'),
    );
    expect(() => parseKeyPolicy(policy)).toThrow('invalid condition operator: __proto__');
  });
});

describe('of a text', () => {
  const policy = JSON.stringify(document(keyStatement));

  it('the same comes out as of its JSON', () => {
    expect(parseKeyPolicy(policy)).toEqual(parseKeyPolicy(JSON.parse(policy)));
    const odd = JSON.stringify(document({ ...keyStatement, Sid: 'a"{b}:[c],\\"' }));
    expect(parseKeyPolicy(odd)).toEqual(parseKeyPolicy(JSON.parse(odd)));
  });

  it.each([
    [policy.replace('"Effect"', '"Action":"kms:List*","Effect"'), 'the member Action is written twice'],
    [policy.replace('"Effect"', '"\\u0041ction":[],"Effect"'), 'the member Action is written twice'],
    [`{"Version":"2012-10-17",${policy.slice(1)}`, 'the member Version is written twice'],
    [
      policy.replace('"Effect"', '"Condition":{"Bool":{"a:b":"true","a:b":"false"}},"Effect"'),
      'the member a:b is written twice',
    ],
    [policy.slice(1), 'a policy is not JSON'],
    ['', 'a policy is not JSON'],
    ['null', 'a policy is not a JSON object'],
  ])('%s is refused', (text, message) => {
    expect(() => parseKeyPolicy(text)).toThrow(new PolicyError(message));
  });
});

it('a statement of a key policy that lacks action or resource is taken, and says nothing', () => {
  for (const member of ['Action', 'Resource']) {
    const [statement] = parseKeyPolicy(document({ ...keyStatement, [member]: undefined })).statements;
    expect(Object.keys(statement!)).not.toContain(`${member.toLowerCase()}s`);
    const lacking = document({ ...allow, [member]: undefined });
    expect(() => parseIdentityPolicy(lacking)).toThrow(`either ${member} or Not${member}`);
  }
});

it('principalsOf lists accounts, users, roles and sessions once', () => {
  const policy = parseKeyPolicy(
    document(
      { ...keyStatement, Sid: '', Principal: { AWS: ['111111111111', 'arn:aws:iam::111111111111:user/a', '*'] } },
      { ...keyStatement, Sid: '', Principal: { AWS: '111111111111', Service: 's3.amazonaws.com' } },
      {
        ...keyStatement,
        Sid: '',
        Effect: 'Deny',
        Principal: undefined,
        NotPrincipal: { AWS: 'arn:aws:iam::111111111111:role/r' },
      },
    ),
  );
  const named = ['111111111111', 'arn:aws:iam::111111111111:user/a', 'arn:aws:iam::111111111111:role/r'];
  expect(principalsOf(policy)).toEqual(named);
});

it('whatever is written, parsers take it or say why not', () => {
  const { pick, below, chance } = randomFrom(3);
  const members = [
    'Version',
    'Statement',
    'Effect',
    'Principal',
    'NotPrincipal',
    'Action',
    'Resource',
    'Condition',
    'AWS',
  ];
  const leaves = [
    '2012-10-17',
    'Allow',
    'Deny',
    '*',
    's3:*',
    'arn:aws:s3:::b/*',
    '',
    null,
    1,
    true,
    'Bool',
    'aws:userid',
  ];
  const value = (depth: number): unknown => {
    if (depth === 0 || chance(0.3)) return pick(leaves);
    const one = () => value(depth - 1);
    if (chance(0.3)) return Array.from({ length: below(3) }, one);
    return Object.fromEntries(
      Array.from({ length: below(4) }, () => [pick([...members, 'Bool', 'aws:userid']), one()]),
    );
  };
  const whole = { Effect: 'Allow', Principal: '*', Action: 's3:*', Resource: 'arn:aws:s3:::b/*' };
  let [taken, refused] = [0, 0];
  for (let i = 0; i < 10_000; i++) {
    const json = chance(0.2) ? value(5) : { Statement: { ...whole, [pick(members)]: value(3) } };
    for (const parse of [parseIdentityPolicy, parseKeyPolicy, (one: unknown) => parseBucketPolicy(one, 'b')]) {
      try {
        parse(json);
        taken++;
      } catch (error) {
        if (!(error instanceof PolicyError)) expect.fail(`${JSON.stringify(json)}: ${error}`);
        refused++;
      }
    }
  }
  expect(taken + refused).toBe(30_000);
  expect(taken).toBeGreaterThan(500);
});
