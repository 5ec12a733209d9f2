import type { Caller, Credential, CredentialSource } from '../auth/ports.js';
import { ConfigError } from '../base/config-error.js';
import { AWS, inPartition, partitionOfArn } from '../base/partition.js';
import { Secret } from '../base/secret.js';
import { PolicyError } from '../policy/error.js';
import { parseIdentityPolicy, parseTrustPolicy } from '../policy/parse.js';
import type { PolicyDocument } from '../policy/ports.js';
import { type AskingService, trusts } from './trust.js';
import { canonicalUserIdOf, uniqueId } from './unique-id.js';

/** One account of the accounts file. */
export interface AccountConfig {
  /** 12 digits. */
  accountId: string;
  /** Display name; default: the account id. */
  name?: string;
  /** Any text; default: 64 hexadecimal digits derived from the account id. */
  canonicalUserId?: string;
  email?: string;
  /** Of the account's root. */
  accessKeys?: AccessKeyConfig[];
  users?: UserConfig[];
  roles?: RoleConfig[];
}

export interface UserConfig {
  userName: string;
  /** Part of the ARN: `/`, or begins and ends with a slash. Default: `/`. */
  path?: string;
  accessKeys?: AccessKeyConfig[];
  policies?: unknown[];
}

export interface RoleConfig {
  roleName: string;
  path?: string;
  /** The trust policy: who may act as the role. Absent: nobody. */
  assumeRolePolicyDocument?: unknown;
  policies?: unknown[];
}

export interface AccessKeyConfig {
  accessKeyId: string;
  secretAccessKey: string | Secret;
}

/** What answers say about an account. */
export interface Owner {
  /** Canonical user id. */
  id: string;
  displayName: string;
  email?: string;
}

type Identity = Pick<Caller, 'kind' | 'arn' | 'userId' | 'displayName'> & Partial<Caller>;

/** The accounts, users, roles and access keys that there are: read at start, never changed. */
export class Accounts implements CredentialSource {
  readonly #credentials = new Map<string, Credential>();
  readonly #owners = new Map<string, Owner>();
  readonly #identities = new Map<string, Caller>();
  /** Trust policies by the ARN of their role. */
  readonly #trust = new Map<string, PolicyDocument>();
  readonly #byCanonicalId = new Map<string, string>();
  readonly #byEmail = new Map<string, string[]>();

  /** @throws ConfigError, one line that names account, user or role, never a secret */
  constructor(
    accounts: readonly AccountConfig[],
    /** Of the region: in it lie all users and roles. */
    private readonly partition = AWS,
  ) {
    if (accounts.length === 0) throw new ConfigError('there is no account');
    for (const account of accounts) this.#add(account);
    if (this.#credentials.size === 0)
      throw new ConfigError('no account has an access key: nobody could sign a request');
  }

  find(accessKeyId: string): Credential | undefined {
    return this.#credentials.get(accessKeyId);
  }

  /** Canonical user id, display name and e-mail of an account. */
  owner(accountId: string): Owner | undefined {
    return this.#owners.get(accountId);
  }

  accountIds(): string[] {
    return [...this.#owners.keys()];
  }

  byCanonicalId(id: string): string | undefined {
    return this.#byCanonicalId.get(id);
  }

  byEmail(email: string): readonly string[] {
    return this.#byEmail.get(email.toLowerCase()) ?? [];
  }

  has(accountId: string): boolean {
    return this.#owners.has(accountId);
  }

  /** Whether a policy may name it; undefined for accounts that aren't Coffer's. */
  exists(arn: string): boolean | undefined {
    const [, service, accountId] = /^(?:arn:[a-z-]+:(iam|sts)::)?(\d{12})(?::|$)/.exec(arn) ?? [];
    if (accountId === undefined || !this.#owners.has(accountId)) return undefined;
    return arn === accountId || service === 'sts' || this.#identity(arn) !== undefined;
  }

  /** The root of an account. */
  root(accountId: string): Caller | undefined {
    return this.#identity(`arn:aws:iam::${accountId}:root`);
  }

  /** A role by its ARN. */
  role(arn: string): Caller | undefined {
    const identity = this.#identity(arn);
    return identity?.kind === 'role' ? identity : undefined;
  }

  /** Who acts for a service as this role: the role, where it is there and trusts the service; or an account's root, named as such. */
  acting(arn: string, by: AskingService): Caller | undefined {
    const identity = this.#identity(arn);
    if (identity?.kind === 'root') return identity;
    return identity?.kind === 'role' && trusts(identity, this.#trust.get(identity.arn), by) ? identity : undefined;
  }

  /** An ARN of `aws` means this partition, whichever it is. */
  #identity(arn: string): Caller | undefined {
    return this.#identities.get(partitionOfArn(arn) === AWS ? inPartition(arn, this.partition) : arn);
  }

  #add(account: AccountConfig): void {
    const { accountId, email } = account;
    if (!/^\d{12}$/.test(accountId)) throw new ConfigError(`account id ${JSON.stringify(accountId)} is not 12 digits`);
    if (this.#owners.has(accountId)) throw new ConfigError(`account ${accountId} is named twice`);
    const owner = {
      id: account.canonicalUserId ?? canonicalUserIdOf(accountId),
      displayName: account.name ?? accountId,
      ...(email !== undefined && { email }),
    };
    // Two accounts with one canonical id would own each other's objects.
    if (this.#byCanonicalId.has(owner.id)) throw new ConfigError(`account ${accountId} has another's canonicalUserId`);
    this.#byCanonicalId.set(owner.id, accountId);
    this.#owners.set(accountId, owner);
    if (email !== undefined) this.#byEmail.set(email.toLowerCase(), [...this.byEmail(email), accountId]);
    const arn = `arn:${this.partition}:iam::${accountId}`;
    const root: Identity = { kind: 'root', arn: `${arn}:root`, userId: accountId, displayName: owner.displayName };
    this.#addIdentity(account, root, `account ${accountId}`, account.accessKeys);
    const names = new Set<string>();
    for (const { userName, path, accessKeys, policies } of account.users ?? []) {
      const where = `user ${userName} of account ${accountId}`;
      requireName(userName, where);
      requireUnique(names, `user/${userName}`, where);
      const user: Identity = {
        kind: 'user',
        arn: `${arn}:user${pathOf(path, where)}${userName}`,
        userId: uniqueId('AIDA', accountId, userName),
        userName,
        displayName: userName,
        policies: policiesOf(policies, this.partition, where),
      };
      this.#addIdentity(account, user, where, accessKeys);
    }
    for (const { roleName, path, assumeRolePolicyDocument, policies } of account.roles ?? []) {
      const where = `role ${roleName} of account ${accountId}`;
      requireName(roleName, where);
      requireUnique(names, `role/${roleName}`, where);
      const role: Identity = {
        kind: 'role',
        arn: `${arn}:role${pathOf(path, where)}${roleName}`,
        userId: uniqueId('AROA', accountId, roleName),
        displayName: roleName,
        policies: policiesOf(policies, this.partition, where),
      };
      this.#addIdentity(account, role, where, []);
      if (assumeRolePolicyDocument === undefined) continue;
      this.#trust.set(
        role.arn,
        parsed(parseTrustPolicy, this.partition, assumeRolePolicyDocument, `assumeRolePolicyDocument of ${where}`),
      );
    }
  }

  #addIdentity({ accountId }: AccountConfig, identity: Identity, where: string, keys: AccessKeyConfig[] = []): void {
    const canonicalUserId = this.#owners.get(accountId)!.id;
    const caller: Caller = { policies: [], ...identity, accountId, canonicalUserId, accessKeyId: '' };
    this.#identities.set(caller.arn, caller);
    for (const { accessKeyId, secretAccessKey } of keys) {
      if (!/^\w{3,128}$/.test(accessKeyId)) {
        throw new ConfigError(
          `${where}: access key id ${JSON.stringify(accessKeyId)} is not 3 to 128 letters and digits`,
        );
      }
      const first = this.#credentials.get(accessKeyId);
      if (first)
        throw new ConfigError(`access key ${accessKeyId} belongs to both ${first.caller.arn} and ${caller.arn}`);
      const secret =
        secretAccessKey instanceof Secret ? secretAccessKey : new Secret(Buffer.from(secretAccessKey, 'utf8'));
      if (secret.length < 8)
        throw new ConfigError(`the secret of access key ${accessKeyId} has less than 8 characters`);
      this.#credentials.set(accessKeyId, { accessKeyId, secretAccessKey: secret, caller: { ...caller, accessKeyId } });
    }
  }
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
function requireName(name: string, where: string): void {
  if (!/^[\w+=,.@-]{1,64}$/.test(name)) throw new ConfigError(`${where}: IAM doesn't allow this name`);
}

function policiesOf(policies: unknown[] | undefined, partition: string, where: string): PolicyDocument[] {
  return (policies ?? []).map((policy, i) =>
    parsed(parseIdentityPolicy, partition, policy, `policy ${i + 1} of ${where}`),
  );
}

function parsed(parse: typeof parseIdentityPolicy, partition: string, json: unknown, where: string): PolicyDocument {
  try {
    return parse(json, partition);
  } catch (error) {
    throw error instanceof PolicyError ? new ConfigError(`${where}: ${error.message}`) : error;
  }
}

/** As in IAM, a name is one whatever its path and its case. */
function requireUnique(names: Set<string>, name: string, where: string): void {
  const lower = name.toLowerCase();
  if (names.has(lower)) throw new ConfigError(`${where} is named twice`);
  names.add(lower);
}

/** Of what AWS allows in a path, that which key policies and grants can name. */
function pathOf(path: string | undefined, where: string): string {
  if (path === undefined || path === '/') return '/';
  if (path.length <= 512 && /^(\/[\w+=,.@-]+)+\/$/.test(path)) return path;
  throw new ConfigError(
    `${where}: the path ${JSON.stringify(path)} is not / or between slashes, of letters, digits and +=,.@_-`,
  );
}
