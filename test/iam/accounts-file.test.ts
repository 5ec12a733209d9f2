import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/config-error.js';
import { parseAccounts, readAccountsFile } from '../../src/iam/accounts-file.js';

const account = { accountId: '111111111111' };

describe('the accounts file', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coffer-accounts-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  it('is read with everything it may have', async () => {
    const full = {
      ...account,
      name: 'main',
      canonicalUserId: 'c',
      email: 'e@example.com',
      accessKeys: [{ accessKeyId: 'K', secretAccessKey: 's' }],
      users: [{ userName: 'alice', path: '/a/b/', accessKeys: [], policies: [{ Version: '2012-10-17' }] }],
      roles: [{ roleName: 'r', path: '/p/', assumeRolePolicyDocument: { Version: '2012-10-17' }, policies: [] }],
    };
    const file = join(dir, 'full.json');
    await writeFile(file, JSON.stringify({ accounts: [full, account] }));
    expect(await readAccountsFile(file)).toEqual([full, { ...account, accessKeys: [], users: [], roles: [] }]);
  });

  it('that is missing or no JSON is refused by name, without a word of its content', async () => {
    const missing = join(dir, 'missing.json');
    await expect(readAccountsFile(missing)).rejects.toThrow(
      new ConfigError(`COFFER_ACCOUNTS_FILE ${missing} can't be read (ENOENT)`),
    );
    const broken = join(dir, 'broken.json');
    await writeFile(broken, '{"accounts": [{"secretAccessKey": "hush" hush}]}');
    await expect(readAccountsFile(broken)).rejects.toThrow(
      new ConfigError(`COFFER_ACCOUNTS_FILE ${broken} is not JSON`),
    );
    const twice = join(dir, 'twice.json');
    await writeFile(twice, '{"accounts": [{"accountId": "111111111111", "users": [], "users": []}]}');
    await expect(readAccountsFile(twice)).rejects.toThrow(
      new ConfigError(`COFFER_ACCOUNTS_FILE ${twice}: the member users is written twice`),
    );
    const misspelt = join(dir, 'misspelt.json');
    await writeFile(misspelt, '{"account": []}');
    await expect(readAccountsFile(misspelt)).rejects.toThrow(
      new ConfigError(`COFFER_ACCOUNTS_FILE ${misspelt}: the file has the unknown member "account"`),
    );
  });

  it.each<[unknown, string]>([
    [[], 'the file is not a JSON object'],
    [{}, 'accounts is not a JSON array'],
    [{ accounts: [account, 1] }, 'accounts[1] is not a JSON object'],
    [{ accounts: [{}] }, 'accounts[0] has no text accountId'],
    [{ accounts: [{ accountId: 111111111111 }] }, 'accounts[0] has no text accountId'],
    [{ accounts: [{ ...account, email: 1 }] }, 'accounts[0] has no text email'],
    [{ accounts: [{ ...account, canonicalUserId: '' }] }, 'accounts[0] has no text canonicalUserId'],
    [{ accounts: [{ ...account, id: 1 }] }, 'accounts[0] has the unknown member "id"'],
    [{ accounts: [{ ...account, accessKeys: {} }] }, 'accounts[0].accessKeys is not a JSON array'],
    [
      { accounts: [{ ...account, accessKeys: [{ accessKeyId: 'K' }] }] },
      'accounts[0].accessKeys[0] has no text secretAccessKey',
    ],
    [{ accounts: [{ ...account, users: [{ name: 'x' }] }] }, 'accounts[0].users[0] has the unknown member "name"'],
    [
      { accounts: [{ ...account, users: [{ userName: 'x', policies: {} }] }] },
      'accounts[0].users[0].policies is not a JSON array',
    ],
    [
      { accounts: [{ ...account, roles: [{ roleName: 'x', accessKeys: [] }] }] },
      'accounts[0].roles[0] has the unknown member "accessKeys"',
    ],
  ])('%j is refused', (json, message) => {
    expect(() => parseAccounts(json)).toThrow(new ConfigError(message));
  });
});
