// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policies have variables
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policy/decide.js';
import { parseIdentityPolicy } from '../../src/policy/parse.js';
import { A, role, user } from './principals.js';

const CONTEXT = new Map([
  ['aws:principaltag/team', ['blue']],
  ['aws:principaltag/wild', ['*']],
  ['aws:principaltag/nested', ['${aws:username}']],
  ['aws:tagkeys', ['a', 'b']],
  ['x:arn', ['arn:aws:s3:::b']],
  ['x:k', ['blue']],
]);

function allowed(
  statement: object,
  { resource = 'arn:aws:s3:::b/k', principal = user(A, 'alice'), document = { Version: '2012-10-17' } as object } = {},
): boolean {
  const rest = { Effect: 'Allow', Action: '*', ...(!('NotResource' in statement) && { Resource: '*' }) };
  const policy = parseIdentityPolicy({ ...document, Statement: { ...rest, ...statement } });
  const request = { principal, action: 's3:GetObject', resource, resourceAccountId: A, context: CONTEXT };
  return decide(request, { identity: [policy] }).allowed;
}

describe('in Resource', () => {
  it.each([
    ['${aws:username}/*', 'alice/k', true],
    ['${aws:username}/*', 'bob/k', false],
    ['${AWS:UserName}/*', 'alice/k', true],
    ['${aws:PrincipalTag/Team}-${aws:username}', 'blue-alice', true],
    // The value of a variable is literal.
    ['${aws:PrincipalTag/wild}/k', 'alice/k', false],
    ['${aws:PrincipalTag/wild}/k', '*/k', true],
    // Replaced once.
    ['${aws:PrincipalTag/nested}', 'alice', false],
    ['${aws:PrincipalTag/nested}', '${aws:username}', true],
    ['a${*}b', 'a*b', true],
    ['a${*}b', 'axb', false],
    ['a${?}*', 'a?b', true],
    ['a${?}*', 'axb', false],
    ['${$}{aws:username}', '${aws:username}', true],
    ["${x:none, 'shared'}/*", 'shared/k', true],
    ["${x:none,'shared'}/*", 'shared/k', true],
    ["${aws:username, 'shared'}/*", 'shared/k', false],
    ["${x:none, 'a}b'}/*", 'a}b/k', true],
    ["${x:none, '*'}/*", 'any/k', false],
    // Without a value, or with several, nothing matches.
    ['${x:none}*', 'k', false],
    ['${x:none}*', '${x:none}', false],
    ['${aws:TagKeys}', 'a', false],
    ['$', '$', true],
    ['{aws:username}', '{aws:username}', true],
  ])('%s and %s: %j', (pattern, key, expected) => {
    const resource = `arn:aws:s3:::b/${key}`;
    expect(allowed({ Resource: `arn:aws:s3:::b/${pattern}` }, { resource })).toBe(expected);
    expect(allowed({ Resource: ['arn:aws:s3:::c', `arn:aws:s3:::b/${pattern}`] }, { resource })).toBe(expected);
    expect(allowed({ NotResource: `arn:aws:s3:::b/${pattern}` }, { resource })).toBe(!expected);
  });

  it('are text before 2012-10-17', () => {
    for (const document of [{ Version: '2008-10-17' }, {}]) {
      const at = (key: string) =>
        allowed({ Resource: 'arn:aws:s3:::b/${aws:username}' }, { document, resource: `arn:aws:s3:::b/${key}` });
      expect(at('alice')).toBe(false);
      expect(at('${aws:username}')).toBe(true);
    }
  });

  it('a role has no user name', () => {
    const statement = { Resource: 'arn:aws:s3:::b/${aws:username}*' };
    expect(allowed(statement, { principal: role(A, 'alice'), resource: 'arn:aws:s3:::b/alice' })).toBe(false);
  });

  it('a denial whose variable has no value denies nothing', () => {
    const policy = parseIdentityPolicy({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: '*', Resource: 'arn:aws:s3:::b/${aws:username}*' },
      ],
    });
    const asked = (principal: ReturnType<typeof role>) =>
      decide(
        { principal, action: 's3:GetObject', resource: 'arn:aws:s3:::b/r', resourceAccountId: A, context: new Map() },
        { identity: [policy] },
      ).allowed;
    expect(asked(role(A, 'r'))).toBe(true);
    expect(asked(user(A, 'r'))).toBe(false);
  });

  it.each([
    ...[
      '${',
      '${}',
      '${aws}',
      '${aws:}',
      '${:a}',
      '${aws:username',
      '${aws:username, x}',
      "${aws:username, 'x}",
      '${*',
    ],
    ...["${aws:username, 'x''}", '${a:${b:c}}', "${aws:username 'x'}"],
  ])('%s is refused', (variable) => {
    expect(() => allowed({ Resource: `arn:aws:s3:::b/${variable}` })).toThrow('invalid policy variable');
    expect(() => allowed({ Condition: { StringLike: { 'x:k': variable } } })).toThrow('invalid policy variable');
    expect(() => allowed({ Resource: `arn:aws:s3:::b/${variable}` }, { document: {} })).not.toThrow();
  });
});

describe('in conditions', () => {
  it.each<[string, string, boolean]>([
    ['StringEquals', '${aws:PrincipalTag/team}', true],
    ['StringEquals', '${aws:PrincipalTag/none}', false],
    // What has no value is equal to nothing.
    ['StringNotEquals', '${aws:PrincipalTag/none}', true],
    ['StringNotEquals', '${aws:PrincipalTag/team}', false],
    ['StringEqualsIgnoreCase', "${x:none, 'BLUE'}", true],
    ['StringLike', '${aws:PrincipalTag/wild}', false],
    ['StringLike', 'b${x:none}*', false],
    ['StringLike', "${x:none, 'b'}*", true],
    ['StringEquals', 'bl${*}', false],
  ])('%s %s: %j', (operator, value, expected) => {
    expect(allowed({ Condition: { [operator]: { 'x:k': value } } })).toBe(expected);
  });

  it('of ARNs', () => {
    const arn = (value: string) => allowed({ Condition: { ArnLike: { 'x:arn': value } } });
    expect(arn('${x:arn}')).toBe(true);
    expect(arn("arn:aws:s3:::${x:none, 'b'}")).toBe(true);
    expect(arn('arn:aws:s3:::${aws:PrincipalTag/wild}')).toBe(false);
    expect(arn('arn:aws:s3:::${x:none}*')).toBe(false);
  });
});
