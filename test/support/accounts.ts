import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import type { AccountConfig } from '../../src/iam/accounts.js';
import { startServer, type TestServer } from './server.js';

/** The access key that an account or user of the tests has, by its name. */
export const keyOf = (name: string) => ({
  accessKeyId: `AKIA${name.toUpperCase().padEnd(16, 'X')}`,
  secretAccessKey: `secret-of-${name}-0123456789`,
});

export interface AccountsServer extends TestServer {
  as(name: string): S3Client;
  kmsAs(name: string): KMSClient;
  /** Without a signature. */
  anonymous(
    method: string,
    path: string,
    init?: RequestInit,
  ): Promise<{ status: number; text: string; headers: Headers }>;
}

/** A server whose accounts file is this. Roots and users sign with `keyOf` their account's `name` or `userName`. */
export async function startWithAccounts(
  accounts: AccountConfig[],
  env: Record<string, string> = {},
): Promise<AccountsServer> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-accounts-'));
  const file = join(dir, 'accounts.json');
  const withKeys = accounts.map((account) => ({
    ...account,
    accessKeys: [keyOf(account.name!)],
    users: account.users?.map((user) => ({ ...user, accessKeys: [keyOf(user.userName)] })) ?? [],
  }));
  await writeFile(file, JSON.stringify({ accounts: withKeys }));
  const server = await startServer({
    env: { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '', COFFER_ACCOUNTS_FILE: file, ...env },
  });
  const clients = new Map<string, S3Client>();
  return {
    ...server,
    as(name) {
      const client = clients.get(name) ?? server.s3({ credentials: keyOf(name) });
      clients.set(name, client);
      return client;
    },
    kmsAs: (name) =>
      new KMSClient({ endpoint: server.url, region: 'us-east-1', credentials: keyOf(name), maxAttempts: 1 }),
    async anonymous(method, path, init = {}) {
      const answer = await fetch(server.url + path, { ...init, method });
      return { status: answer.status, text: await answer.text(), headers: answer.headers };
    },
    async close() {
      await server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
