import { existsSync, readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { type AdminServer, askServer } from '../admin/client.js';
import { CommandError } from '../admin/errors.js';
import type { Ending, Message } from '../admin/message.js';
import { ConfigError } from '../base/config-error.js';
import { Secret } from '../base/secret.js';
import type { Config } from '../config.js';
import { selfSignedFiles } from '../http/self-signed.js';
import { readAccountsFile } from '../iam/accounts-file.js';
import { credentialsFileOf, loadCredentials } from '../iam/credentials-file.js';
import { KeyPlaces } from '../seal/key-places.js';
import { readFormat } from '../store/leveldb/format-file.js';
import { awsKeys, awsKeysAreNamed } from './aws-keys.js';

export type Keys = { accessKeyId: string; secretAccessKey: Secret };

/** Sends a command to a server: to `url`, or to where settings say that one listens. */
export async function* throughServer(
  config: Config,
  url: string | undefined,
  accountId: string | undefined,
  command: { noun: string; verb: string },
  args: Record<string, unknown>,
): AsyncGenerator<Message | Ending> {
  const keys = await rootKeys(config, accountId, url !== undefined);
  const ca = trusted(config);
  const server: AdminServer = { url: url ?? urlOf(config), region: config.region, ...keys, ...(ca && { ca }) };
  yield* askServer(server, command, args);
}

function urlOf({ host, port, tls }: Config): string {
  if (port === 0) throw new ConfigError('the server listens on a port that it chose: say where with --url');
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${tls ? 'https' : 'http'}://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** The server's own certificate, where settings name it: it need not be signed by anybody. */
function trusted({ tls, rootKeyFile, configHome }: Config): string[] | undefined {
  const file = tls === 'self-signed' ? selfSignedFiles(rootKeyFile, configHome).certFile : tls?.certFile;
  if (file === undefined || !existsSync(file)) return undefined;
  return [...rootCertificates, readFileSync(file, 'utf8')];
}

/**
 * Of an account's root: from settings, from the accounts file, or from the file that the first start made. Of a server that a URL
 * names, also as AWS's tools find them: where the environment says so, before the file of the first start; else behind it.
 */
async function rootKeys(config: Config, accountId: string | undefined, byUrl: boolean): Promise<Keys> {
  const { accessKeyId, secretAccessKey, accountsFile, configHome, dataDir } = config;
  if (accountsFile) return fromAccounts(accountsFile, accountId);
  if (accessKeyId && secretAccessKey) {
    if (accountId !== undefined && accountId !== config.accountId) throw noAccount(accountId);
    return { accessKeyId, secretAccessKey };
  }
  const asked = byUrl && awsKeysAreNamed() ? await awsKeys() : undefined;
  if (asked) return asked;
  if (accountId !== undefined && accountId !== config.accountId) throw noAccount(accountId);
  const format = await readFormat(dataDir);
  const places = format && new KeyPlaces(configHome, format.storeId);
  const file = places && credentialsFileOf(places, places.rootOf(config));
  const found = file && (await loadCredentials(file));
  if (found) return found;
  const byDefault = byUrl ? await awsKeys() : undefined;
  if (byDefault) return byDefault;
  throw new CommandError(
    'NoCredentials',
    'no root credentials: set COFFER_ACCESS_KEY_ID and COFFER_SECRET_ACCESS_KEY as the server has them, or with --url AWS_PROFILE',
  );
}

async function fromAccounts(file: string, accountId: string | undefined): Promise<Keys> {
  const accounts = await readAccountsFile(file);
  const account = accounts.find((one) =>
    accountId === undefined ? (one.accessKeys ?? []).length > 0 : one.accountId === accountId,
  );
  const key = account?.accessKeys?.[0];
  if (!key) throw noAccount(accountId);
  const secret = key.secretAccessKey;
  return {
    accessKeyId: key.accessKeyId,
    secretAccessKey: secret instanceof Secret ? secret : new Secret(Buffer.from(secret, 'utf8')),
  };
}

const noAccount = (accountId: string | undefined): CommandError =>
  new CommandError(
    'NoCredentials',
    `no access key of the root of ${accountId ? `account ${accountId}` : 'any account'} is known here`,
  );
