import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/config-error.js';
import { type AccountConfig, Accounts } from '../../src/iam/accounts.js';

const key = (accessKeyId: string) => ({ accessKeyId, secretAccessKey: `secret of ${accessKeyId}` });
const account = (changed: Partial<AccountConfig> = {}): AccountConfig => ({
  accountId: '111111111111',
  accessKeys: [key('ROOTKEY')],
  ...changed,
});
const readAll = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:Get*', Resource: '*' }] };

const TRUSTED = { Effect: 'Allow', Principal: { Service: 's3.amazonaws.com' }, Action: 'sts:AssumeRole' };
const TRUSTS = { Version: '2012-10-17', Statement: TRUSTED };

describe('paths', () => {
  const path = '/aws-service-role/replication.s3.amazonaws.com/';
  const accounts = new Accounts([
    account({
      users: [
        { userName: 'alice', path: '/teams/blue/', accessKeys: [key('ALICE')], policies: [readAll] },
        { userName: 'bob', path: '/', accessKeys: [key('BOB')] },
      ],
      roles: [{ roleName: 'r', path, assumeRolePolicyDocument: TRUSTS }, { roleName: 'alice' }],
    }),
  ]);
  const iam = 'arn:aws:iam::111111111111';

  it('are part of ARNs, never of names', () => {
    expect(accounts.find('ALICE')!.caller).toMatchObject({ arn: `${iam}:user/teams/blue/alice`, userName: 'alice' });
    expect(accounts.find('BOB')!.caller.arn).toBe(`${iam}:user/bob`);
    expect(accounts.role(`${iam}:role${path}r`)?.displayName).toBe('r');
    expect(accounts.role(`${iam}:role/r`)).toBeUndefined();
  });

  it('count where somebody is named', () => {
    const named = [':user/teams/blue/alice', ':user/alice', ':user/bob', ':user/x/bob', `:role${path}r`, ':role/r'];
    expect(named.map((one) => accounts.exists(iam + one))).toEqual([true, false, true, false, true, false]);
  });
});

describe('accounts', () => {
  const accounts = new Accounts([
    account({
      name: 'main',
      canonicalUserId: 'any text at all',
      email: 'main@example.com',
      users: [{ userName: 'alice', accessKeys: [key('ALICE1'), key('ALICE2')], policies: [readAll] }],
      roles: [{ roleName: 'replicator', policies: [readAll] }],
    }),
    account({ accountId: '222222222222', accessKeys: [key('OTHERROOT')] }),
  ]);

  it('know the root of each account by its access key', () => {
    const found = accounts.find('ROOTKEY')!;
    expect(found.accessKeyId).toBe('ROOTKEY');
    expect(found.secretAccessKey.expose().toString()).toBe('secret of ROOTKEY');
    expect(found.caller).toEqual({
      kind: 'root',
      accountId: '111111111111',
      arn: 'arn:aws:iam::111111111111:root',
      userId: '111111111111',
      canonicalUserId: 'any text at all',
      displayName: 'main',
      accessKeyId: 'ROOTKEY',
      policies: [],
    });
  });

  it('know a user by each of its access keys, with the policies ready', () => {
    const { caller } = accounts.find('ALICE2')!;
    expect(caller).toMatchObject({
      kind: 'user',
      arn: 'arn:aws:iam::111111111111:user/alice',
      userName: 'alice',
      displayName: 'alice',
      accessKeyId: 'ALICE2',
      canonicalUserId: 'any text at all',
    });
    expect(caller.userId).toMatch(/^AIDA[A-Z2-7]{17}$/);
    expect(caller.userId).toBe(accounts.find('ALICE1')!.caller.userId);
    expect(caller.policies).toBe(accounts.find('ALICE1')!.caller.policies);
    expect(caller.policies[0]!.statements[0]!.actions).toEqual(['s3:Get*']);
  });

  it('know roles by ARN, and only roles', () => {
    const role = accounts.role('arn:aws:iam::111111111111:role/replicator')!;
    expect(role.userId).toMatch(/^AROA[A-Z2-7]{17}$/);
    expect(role.kind).toBe('role');
    expect(accounts.role('arn:aws:iam::111111111111:user/alice')).toBeUndefined();
  });

  it('know owners; what the file leaves out is derived from the account id', () => {
    expect(accounts.owner('111111111111')).toEqual({
      id: 'any text at all',
      displayName: 'main',
      email: 'main@example.com',
    });
    const other = accounts.owner('222222222222')!;
    expect(other).toEqual({ id: expect.stringMatching(/^[0-9a-f]{64}$/), displayName: '222222222222' });
    expect(new Accounts([account({ accountId: '222222222222' })]).owner('222222222222')).toEqual(other);
    expect(accounts.owner('333333333333')).toBeUndefined();
    expect([accounts.has('222222222222'), accounts.has('333333333333')]).toEqual([true, false]);
  });

  it('know no other access key', () => {
    for (const id of ['rootkey', '', '__proto__', 'constructor']) expect(accounts.find(id)).toBeUndefined();
  });

  it('print no secret', () => {
    expect(JSON.stringify(accounts.find('ROOTKEY'))).not.toContain('secret of');
  });
});

describe('accounts are refused', () => {
  it.each<[string, AccountConfig[], string]>([
    ['without any', [], 'there is no account'],
    [
      'without an access key',
      [account({ accessKeys: [] })],
      'no account has an access key: nobody could sign a request',
    ],
    ['by a bad id', [account({ accountId: '11111111111' })], 'account id "11111111111" is not 12 digits'],
    ['twice', [account(), account()], 'account 111111111111 is named twice'],
    [
      'with one canonical id for two',
      [account({ canonicalUserId: 'c' }), account({ accountId: '222222222222', canonicalUserId: 'c', accessKeys: [] })],
      "account 222222222222 has another's canonicalUserId",
    ],
    [
      'with an access key of two',
      [account({ users: [{ userName: 'alice', accessKeys: [key('ROOTKEY')] }] })],
      'access key ROOTKEY belongs to both arn:aws:iam::111111111111:root and arn:aws:iam::111111111111:user/alice',
    ],
    [
      'with an odd access key',
      [account({ accessKeys: [key('a/b/c')] })],
      'account 111111111111: access key id "a/b/c" is not 3 to 128 letters and digits',
    ],
    [
      'with a short secret',
      [account({ accessKeys: [{ accessKeyId: 'KEY', secretAccessKey: 'sesame' }] })],
      'the secret of access key KEY has less than 8 characters',
    ],
    [
      'with a user twice',
      [account({ users: [{ userName: 'alice' }, { userName: 'alice' }] })],
      'user alice of account 111111111111 is named twice',
    ],
    [
      'with a role twice',
      [account({ roles: [{ roleName: 'r' }, { roleName: 'r' }] })],
      'role r of account 111111111111 is named twice',
    ],
    [
      'with a user of one name in two paths',
      [
        account({
          users: [
            { userName: 'alice', path: '/a/' },
            { userName: 'Alice', path: '/b/' },
          ],
        }),
      ],
      'user Alice of account 111111111111 is named twice',
    ],
    ...['a/', '/a', '//', '/a//b/', '/*/', '/a b/', '', `/${'a'.repeat(511)}/`].map(
      (path): [string, AccountConfig[], string] => [
        `with the path ${path.slice(0, 9)}`,
        [account({ roles: [{ roleName: 'r', path }] })],
        `role r of account 111111111111: the path ${JSON.stringify(path)} is not / or between slashes, of letters, digits and +=,.@_-`,
      ],
    ),
    ...(
      [
        [{ Principal: undefined }, 'a statement of a trust policy needs either Principal or NotPrincipal'],
        [{ Principal: undefined, NotPrincipal: { AWS: '*' } }, 'NotPrincipal is only supported with the Effect Deny'],
        [{ Resource: '*' }, 'the statement has the unsupported element Resource'],
        [{ Action: undefined }, 'a statement needs either Action or NotAction'],
        [{ Action: ['sts:AssumeRole', 's3:*'] }, 'a trust policy may only specify actions of STS'],
        [{ Action: '*' }, 'a trust policy may only specify actions of STS'],
        [{ Condition: { StringSimilar: { 'aws:SourceArn': 'x' } } }, 'invalid condition operator: StringSimilar'],
      ] as const
    ).map(([changed, message]): [string, AccountConfig[], string] => [
      `with a trust policy of which ${message}`,
      [
        account({
          roles: [{ roleName: 'r', assumeRolePolicyDocument: { ...TRUSTS, Statement: { ...TRUSTED, ...changed } } }],
        }),
      ],
      `assumeRolePolicyDocument of role r of account 111111111111: statement 1: ${message}`,
    ]),
    [
      'with a name that IAM has not',
      [account({ users: [{ userName: 'a/b' }] })],
      "user a/b of account 111111111111: IAM doesn't allow this name",
    ],
    [
      'with a policy that can not be taken',
      [
        account({
          users: [
            { userName: 'alice', policies: [readAll, { Statement: { ...readAll.Statement[0], Principal: '*' } }] },
          ],
        }),
      ],
      'policy 2 of user alice of account 111111111111: statement 1: the statement has the unsupported element Principal',
    ],
  ])('%s', (_, configs, message) => {
    expect(() => new Accounts(configs)).toThrow(new ConfigError(message));
  });
});
