import { readFile } from 'node:fs/promises';
import { ConfigError } from '../base/config-error.js';
import { PolicyError } from '../policy/error.js';
import { requireUniqueMembers } from '../policy/json-text.js';
import type { AccessKeyConfig, AccountConfig } from './accounts.js';

type Json = Record<string, unknown>;

/** `COFFER_ACCOUNTS_FILE`. What it doesn't know it refuses. @throws ConfigError */
export async function readAccountsFile(path: string): Promise<AccountConfig[]> {
  let json: unknown;
  try {
    const text = await readFile(path, 'utf8');
    json = JSON.parse(text);
    // Of two members of a name JSON.parse keeps one: a policy would lose half of what it says.
    requireUniqueMembers(text);
  } catch (error) {
    if (error instanceof PolicyError) throw new ConfigError(`COFFER_ACCOUNTS_FILE ${path}: ${error.message}`);
    // Never the parser's own message: it quotes the file, and secrets stand there.
    const reason =
      error instanceof SyntaxError ? 'is not JSON' : `can't be read (${(error as NodeJS.ErrnoException).code})`;
    throw new ConfigError(`COFFER_ACCOUNTS_FILE ${path} ${reason}`);
  }
  try {
    return parseAccounts(json);
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`COFFER_ACCOUNTS_FILE ${path}: ${error.message}`) : error;
  }
}

/** The file's shape only; what it says is checked by `Accounts`. @throws ConfigError that names the place, never a secret */
export function parseAccounts(json: unknown): AccountConfig[] {
  const file = members(json, 'the file', ['accounts']);
  return list(file, 'accounts', '').map((one, i) => account(one, `accounts[${i}]`));
}

function account(json: unknown, at: string): AccountConfig {
  const fields = members(json, at, ['accountId', 'name', 'canonicalUserId', 'email', 'accessKeys', 'users', 'roles']);
  return {
    accountId: requiredText(fields, 'accountId', at),
    ...optionalText(fields, 'name', at),
    ...optionalText(fields, 'canonicalUserId', at),
    ...optionalText(fields, 'email', at),
    accessKeys: accessKeys(fields, at),
    users: optionalList(fields, 'users', at).map((one, i) => {
      const where = `${at}.users[${i}]`;
      const user = members(one, where, ['userName', 'path', 'accessKeys', 'policies']);
      return {
        userName: requiredText(user, 'userName', where),
        ...optionalText(user, 'path', where),
        accessKeys: accessKeys(user, where),
        policies: optionalList(user, 'policies', where),
      };
    }),
    roles: optionalList(fields, 'roles', at).map((one, i) => {
      const where = `${at}.roles[${i}]`;
      const role = members(one, where, ['roleName', 'path', 'assumeRolePolicyDocument', 'policies']);
      const { assumeRolePolicyDocument } = role;
      return {
        roleName: requiredText(role, 'roleName', where),
        ...optionalText(role, 'path', where),
        ...(assumeRolePolicyDocument !== undefined && { assumeRolePolicyDocument }),
        policies: optionalList(role, 'policies', where),
      };
    }),
  };
}

function accessKeys(fields: Json, at: string): AccessKeyConfig[] {
  return optionalList(fields, 'accessKeys', at).map((one, i) => {
    const where = `${at}.accessKeys[${i}]`;
    const key = members(one, where, ['accessKeyId', 'secretAccessKey']);
    return {
      accessKeyId: requiredText(key, 'accessKeyId', where),
      secretAccessKey: requiredText(key, 'secretAccessKey', where),
    };
  });
}

function members(json: unknown, at: string, allowed: readonly string[]): Json {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ConfigError(`${at} is not a JSON object`);
  }
  for (const name of Object.keys(json)) {
    if (!allowed.includes(name)) throw new ConfigError(`${at} has the unknown member ${JSON.stringify(name)}`);
  }
  return json as Json;
}

function requiredText(fields: Json, name: string, at: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') throw new ConfigError(`${at} has no text ${name}`);
  return value;
}

function optionalText<N extends string>(fields: Json, name: N, at: string): { [K in N]?: string } {
  return fields[name] === undefined ? {} : ({ [name]: requiredText(fields, name, at) } as { [K in N]?: string });
}

function list(fields: Json, name: string, at: string): unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new ConfigError(`${at ? `${at}.` : ''}${name} is not a JSON array`);
  return value;
}

const optionalList = (fields: Json, name: string, at: string): unknown[] =>
  fields[name] === undefined ? [] : list(fields, name, at);
