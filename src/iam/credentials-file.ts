import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from '../base/config-error.js';
import { Secret } from '../base/secret.js';

export interface RootCredentials {
  accessKeyId: string;
  secretAccessKey: Secret;
}

/**
 * The generated credentials of the default account, in the form of AWS's shared credentials file, so that
 * `AWS_SHARED_CREDENTIALS_FILE` may point at it. Mode 0600. @throws ConfigError
 */
export async function loadOrCreateCredentials(path: string): Promise<RootCredentials> {
  return (await load(path)) ?? (await create(path));
}

async function load(path: string): Promise<RootCredentials | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
    if (((await stat(path)).mode & 0o077) !== 0)
      throw new ConfigError(`credentials file ${path} is open to others: chmod 600 it`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`credentials file ${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const accessKeyId = /^aws_access_key_id\s*=\s*(\S+)\s*$/m.exec(text)?.[1];
  const secret = /^aws_secret_access_key\s*=\s*(\S+)\s*$/m.exec(text)?.[1];
  if (!accessKeyId || !secret) throw new ConfigError(`credentials file ${path} has no access key`);
  return { accessKeyId, secretAccessKey: new Secret(Buffer.from(secret, 'utf8')) };
}

async function create(path: string): Promise<RootCredentials> {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const accessKeyId = `AKIA${Array.from(randomBytes(16), (byte) => ALPHABET[byte & 31]).join('')}`;
  const secret = randomBytes(30).toString('base64');
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, 'wx', 0o600);
  try {
    await file.write(`[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secret}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return { accessKeyId, secretAccessKey: new Secret(Buffer.from(secret, 'utf8')) };
}
