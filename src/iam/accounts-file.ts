import { readFile } from 'node:fs/promises';
import { ConfigError } from '../base/config-error.js';
import type { AccountConfig } from './accounts.js';

const ACCOUNT = ['accountId', 'name', 'canonicalUserId', 'email', 'accessKeys', 'users', 'roles'];
const USER = ['userName', 'accessKeys', 'policies'];
const ROLE = ['roleName', 'policies'];
const KEY = ['accessKeyId', 'secretAccessKey'];

/** `COFFER_ACCOUNTS_FILE`. What it doesn't know it refuses. @throws ConfigError */
export async function readAccountsFile(path: string): Promise<AccountConfig[]> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const reason =
      error instanceof SyntaxError ? 'is not JSON' : `can't be read (${(error as NodeJS.ErrnoException).code})`;
    throw new ConfigError(`COFFER_ACCOUNTS_FILE ${path} ${reason}`);
  }
  const { accounts } = members(json, ['accounts'], 'the accounts file');
  return list(accounts, 'accounts').map((one, i) => {
    const where = `accounts[${i}]`;
    const account = members(one, ACCOUNT, where);
    requireText(account, ['accountId'], where);
    accessKeys(account, where);
    for (const user of optionalList(account.users, `${where}.users`)) {
      const fields = members(user, USER, `${where}.users`);
      requireText(fields, ['userName'], `${where}.users`);
      accessKeys(fields, `${where}.users`);
      optionalList(fields.policies, `${where}.users.policies`);
    }
    for (const role of optionalList(account.roles, `${where}.roles`)) {
      const fields = members(role, ROLE, `${where}.roles`);
      requireText(fields, ['roleName'], `${where}.roles`);
      optionalList(fields.policies, `${where}.roles.policies`);
    }
    return account as unknown as AccountConfig;
  });
}

function accessKeys(fields: Record<string, unknown>, where: string): void {
  for (const key of optionalList(fields.accessKeys, `${where}.accessKeys`)) {
    requireText(members(key, KEY, `${where}.accessKeys`), KEY, `${where}.accessKeys`);
  }
}

function members(json: unknown, allowed: string[], where: string): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ConfigError(`${where} is not a JSON object`);
  for (const name of Object.keys(json)) {
    if (!allowed.includes(name)) throw new ConfigError(`${where} has the unknown member ${name}`);
  }
  return json as Record<string, unknown>;
}

function requireText(fields: Record<string, unknown>, names: string[], where: string): void {
  for (const name of names) {
    if (typeof fields[name] !== 'string') throw new ConfigError(`${where} has no text ${name}`);
  }
}

function list(json: unknown, where: string): unknown[] {
  if (!Array.isArray(json)) throw new ConfigError(`${where} is not a JSON array`);
  return json;
}

const optionalList = (json: unknown, where: string): unknown[] => (json === undefined ? [] : list(json, where));
