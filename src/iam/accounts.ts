import { createHash } from 'node:crypto';
import type { Caller, Credential, CredentialSource } from '../auth/ports.js';
import { ConfigError } from '../base/config-error.js';
import { Secret } from '../base/secret.js';
import { PolicyError } from '../policy/error.js';
import { parseIdentityPolicy } from '../policy/parse.js';
import type { PolicyDocument } from '../policy/ports.js';

/** One account of the accounts file. */
export interface AccountConfig {
  accountId: string;
  name?: string;
  canonicalUserId?: string;
  email?: string;
  /** Of the account's root. */
  accessKeys?: AccessKeyConfig[];
  users?: { userName: string; accessKeys?: AccessKeyConfig[]; policies?: unknown[] }[];
  roles?: { roleName: string; policies?: unknown[] }[];
}

export interface AccessKeyConfig {
  accessKeyId: string;
  secretAccessKey: string | Secret;
}

interface Owner {
  id: string;
  displayName: string;
}

/** The accounts, users, roles and access keys that there are: read at start, never changed. */
export class Accounts implements CredentialSource {
  readonly #credentials = new Map<string, Credential>();
  readonly #owners = new Map<string, Owner>();
  readonly #roles = new Map<string, Caller>();

  /** @throws ConfigError */
  constructor(accounts: readonly AccountConfig[]) {
    if (accounts.length === 0) throw new ConfigError('the accounts file names no account');
    for (const account of accounts) this.#add(account);
  }

  find(accessKeyId: string): Credential | undefined {
    return this.#credentials.get(accessKeyId);
  }

  /** Canonical id and display name of an account. */
  owner(accountId: string): Owner | undefined {
    return this.#owners.get(accountId);
  }

  has(accountId: string): boolean {
    return this.#owners.has(accountId);
  }

  /** By ARN. */
  role(arn: string): Caller | undefined {
    return this.#roles.get(arn);
  }

  #add(account: AccountConfig): void {
    const { accountId } = account;
    if (!/^\d{12}$/.test(accountId)) throw new ConfigError(`account id ${JSON.stringify(accountId)} is not 12 digits`);
    if (this.#owners.has(accountId)) throw new ConfigError(`account ${accountId} is named twice`);
    const id = account.canonicalUserId ?? createHash('sha256').update(`coffer-account:${accountId}`).digest('hex');
    const owner = { id, displayName: account.name ?? accountId };
    this.#owners.set(accountId, owner);
    const common = { accountId, canonicalUserId: id };
    const root: Caller = {
      ...common,
      kind: 'root',
      arn: `arn:aws:iam::${accountId}:root`,
      userId: accountId,
      displayName: owner.displayName,
      accessKeyId: '',
      policies: [],
    };
    this.#addKeys(root, account.accessKeys ?? []);
    for (const user of account.users ?? []) {
      const where = `user ${user.userName} of account ${accountId}`;
      requireName(user.userName, where);
      const caller: Caller = {
        ...common,
        kind: 'user',
        arn: `arn:aws:iam::${accountId}:user/${user.userName}`,
        userId: uniqueId('AIDA', `${accountId}/user/${user.userName}`),
        userName: user.userName,
        displayName: user.userName,
        accessKeyId: '',
        policies: policiesOf(user.policies, where),
      };
      this.#addKeys(caller, user.accessKeys ?? []);
    }
    for (const role of account.roles ?? []) {
      const where = `role ${role.roleName} of account ${accountId}`;
      requireName(role.roleName, where);
      const arn = `arn:aws:iam::${accountId}:role/${role.roleName}`;
      if (this.#roles.has(arn)) throw new ConfigError(`${where} is named twice`);
      this.#roles.set(arn, {
        ...common,
        kind: 'role',
        arn,
        userId: uniqueId('AROA', `${accountId}/role/${role.roleName}`),
        displayName: role.roleName,
        accessKeyId: '',
        policies: policiesOf(role.policies, where),
      });
    }
  }

  #addKeys(caller: Caller, keys: readonly AccessKeyConfig[]): void {
    for (const { accessKeyId, secretAccessKey } of keys) {
      if (!/^[\w]{3,128}$/.test(accessKeyId))
        throw new ConfigError(`access key id ${JSON.stringify(accessKeyId)} is not 3 to 128 letters and digits`);
      if (this.#credentials.has(accessKeyId)) throw new ConfigError(`access key ${accessKeyId} is named twice`);
      const secret =
        secretAccessKey instanceof Secret ? secretAccessKey : new Secret(Buffer.from(secretAccessKey, 'utf8'));
      if (secret.length < 8)
        throw new ConfigError(`the secret of access key ${accessKeyId} has less than 8 characters`);
      this.#credentials.set(accessKeyId, { accessKeyId, secretAccessKey: secret, caller: { ...caller, accessKeyId } });
    }
  }
}

function requireName(name: string, where: string): void {
  if (!/^[\w+=,.@-]{1,64}$/.test(name)) throw new ConfigError(`the name of ${where} is not allowed by IAM`);
}

function policiesOf(policies: unknown[] | undefined, where: string): PolicyDocument[] {
  return (policies ?? []).map((policy, i) => {
    try {
      return parseIdentityPolicy(policy);
    } catch (error) {
      if (error instanceof PolicyError) throw new ConfigError(`policy ${i + 1} of ${where}: ${error.message}`);
      throw error;
    }
  });
}

/** The form of IAM's unique ids; the same for the same name at every start. */
function uniqueId(prefix: 'AIDA' | 'AROA', name: string): string {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const digest = createHash('sha256').update(name).digest();
  return prefix + Array.from(digest.subarray(0, 17), (byte) => ALPHABET[byte & 31]).join('');
}
