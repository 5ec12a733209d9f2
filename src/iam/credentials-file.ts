import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from '../base/config-error.js';
import { makeDirectory } from '../base/make-directory.js';
import { Secret } from '../base/secret.js';
import type { KeyPlaces, RootKeyPlace } from '../seal/key-places.js';
import { newAccessKeyId } from './unique-id.js';

export interface RootCredentials {
  accessKeyId: string;
  secretAccessKey: Secret;
  /** Whether they were made just now: only then may they be shown, and on a terminal only. */
  created: boolean;
}

/** In AWS's form: AKIA and 16 characters; 40 characters of base64, which are 240 random bits. */
export function generateCredentials(): Omit<RootCredentials, 'created'> {
  const secretAccessKey = new Secret(Buffer.from(randomBytes(30).toString('base64'), 'latin1'));
  return { accessKeyId: newAccessKeyId(), secretAccessKey };
}

/**
 * The generated credentials of the default account, in the form of AWS's shared credentials file, so that
 * `AWS_SHARED_CREDENTIALS_FILE` may point at it. Mode 0600; a new file is whole or absent after a crash. @throws ConfigError
 */
export async function loadOrCreateCredentials(path: string): Promise<RootCredentials> {
  const existing = await loadCredentials(path);
  if (existing) return { ...existing, created: false };
  const created = await create(path);
  // What others will read counts: another process may have been first.
  const stored = await loadCredentials(path);
  if (!stored) throw new ConfigError(`credentials file ${path} vanished while it was made`);
  return { ...stored, created };
}

/** Where the credentials of a store lie, or are to be made. */
export function credentialsFileOf(places: KeyPlaces, root: RootKeyPlace): string {
  const file = places.credentialsFile(root);
  return !existsSync(file) && existsSync(places.formerCredentialsFile) ? places.formerCredentialsFile : file;
}

/** Undefined where there is no such file. @throws ConfigError */
export async function loadCredentials(path: string): Promise<Omit<RootCredentials, 'created'> | undefined> {
  let text: string;
  try {
    const file = await open(path, 'r');
    try {
      const { mode } = await file.stat();
      if ((mode & 0o077) !== 0 && process.platform !== 'win32') {
        throw new ConfigError(`credentials file ${path} is open to others: chmod 600 it`);
      }
      text = await file.readFile('utf8');
    } finally {
      await file.close();
    }
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

/** @returns false where another process made the file meanwhile. */
async function create(path: string): Promise<boolean> {
  const { accessKeyId, secretAccessKey } = generateCredentials();
  const secret = secretAccessKey.expose().toString('latin1');
  const temporary = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    await makeDirectory(dirname(path));
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secret}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    const created = await linkUnlessTaken(temporary, path);
    const directory = await open(dirname(path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    return created;
  } catch (error) {
    throw new ConfigError(`credentials file ${path} can't be made (${(error as NodeJS.ErrnoException).code})`);
  } finally {
    secretAccessKey.dispose();
    await rm(temporary, { force: true });
  }
}

/** Unlike rename, link fails where the name is taken: credentials in use are never replaced. */
async function linkUnlessTaken(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
