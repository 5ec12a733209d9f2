import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigError } from '../base/config-error.js';
import { makeDirectory } from '../base/make-directory.js';
import type { Config } from '../config.js';
import { tracesOf } from '../seal/key-places.js';
import { readIfThere, writeDurably } from '../store/leveldb/files.js';
import { readFormat } from '../store/leveldb/format-file.js';

const SUFFIX = '.store';

/**
 * A data directory without a store is where one is made, but not where one has been: a volume that isn't mounted must not turn into
 * an empty store that answers 404 to everybody. @throws ConfigError
 */
export async function requireNoLostStore(config: Config): Promise<void> {
  const { dataDir, configHome, rootKeyFile, newStore } = config;
  if (newStore || (await readFormat(dataDir))) return;
  const trace = rootKeyFile === undefined ? undefined : tracesOf(rootKeyFile).find((path) => existsSync(path));
  const found = trace ?? (await placeOf(dataDir, configHome));
  if (found === undefined) return;
  throw new ConfigError(
    `there is no store in ${dataDir}, and ${found} says that one was: mount or restore it, or set COFFER_NEW_STORE=1 to begin a new one`,
  );
}

/** For `requireNoLostStore`, beside the root key. Written anew where the data directory has moved. */
export async function rememberStore(path: string, storeId: string, dataDir: string): Promise<void> {
  const text = `${JSON.stringify({ storeId, dataDir })}\n`;
  if ((await readIfThere(path)) === text) return;
  await makeDirectory(dirname(path));
  await writeDurably(path, text);
}

/** Which file in the config home names this data directory. Several stores may have their keys there. */
async function placeOf(dataDir: string, configHome: string): Promise<string | undefined> {
  const names = await readdir(configHome).catch((error: NodeJS.ErrnoException): string[] => {
    // Nothing was ever made there. What else is wrong with it, those who need it find out.
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    return [];
  });
  for (const name of names.filter((one) => one.endsWith(SUFFIX))) {
    const path = join(configHome, name);
    if (dataDirOf(await readFile(path, 'utf8')) === dataDir) return path;
  }
  return undefined;
}

/** Undefined for what this code didn't write. */
function dataDirOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { dataDir?: unknown }).dataDir;
  } catch {
    return undefined;
  }
}
