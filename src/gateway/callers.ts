import { partitionOf } from '../base/partition.js';
import type { Config } from '../config.js';
import { type AccountConfig, Accounts } from '../iam/accounts.js';
import { readAccountsFile } from '../iam/accounts-file.js';
import { credentialsFileOf, loadOrCreateCredentials, type RootCredentials } from '../iam/credentials-file.js';
import type { GatewayKeys } from './keys.js';

/** Who may sign requests. */
export interface Callers {
  accounts: Accounts;
  /** Absent where settings or the accounts file give the credentials. */
  credentialsFile: string | undefined;
  /** Those of that file. */
  own: Awaited<ReturnType<typeof loadOrCreateCredentials>> | undefined;
}

/** @throws ConfigError */
export async function openCallers(config: Config, { places, root }: GatewayKeys): Promise<Callers> {
  const credentialsFile = config.accountsFile || config.accessKeyId ? undefined : credentialsFileOf(places, root);
  const own = credentialsFile === undefined ? undefined : await loadOrCreateCredentials(credentialsFile);
  const accounts = new Accounts(await accountsOf(config, own), partitionOf(config.region));
  return { accounts, credentialsFile, own };
}

async function accountsOf(config: Config, own: RootCredentials | undefined): Promise<AccountConfig[]> {
  if (config.accountsFile) return readAccountsFile(config.accountsFile);
  const root = own ?? { accessKeyId: config.accessKeyId!, secretAccessKey: config.secretAccessKey! };
  return [{ accountId: config.accountId, name: 'main', accessKeys: [root] }];
}
