import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreDamaged, StoreTooNew } from '../errors.js';
import { readIfThere, removeDurably, writeDurably } from './files.js';

/** The layout that this code reads and writes (storage/README.md). */
const STORE_VERSION = 1;
const STORE_FORMAT = 'coffer-store-v1';

export interface Format {
  /** UUID of this data directory; names its root key file. */
  storeId: string;
}

/** @throws StoreTooNew, StoreDamaged. `undefined`: there is no store yet. */
export async function readFormat(directory: string): Promise<Format | undefined> {
  const path = join(directory, 'format');
  const text = await readIfThere(path);
  if (text === undefined) {
    const exists = ['meta', 'blob'].some((name) => existsSync(join(directory, name, 'CURRENT')));
    if (exists && !existsSync(join(directory, 'creating'))) throw new StoreDamaged(`${path} is missing`);
    return undefined;
  }
  let format: { format?: unknown; version?: unknown; storeId?: unknown };
  try {
    format = JSON.parse(text);
  } catch {
    throw new StoreDamaged(`${path} is damaged`);
  }
  if (typeof format.version === 'number' && format.version > STORE_VERSION) {
    throw new StoreTooNew(`${directory} has store version ${format.version}, this Coffer reads up to ${STORE_VERSION}`);
  }
  const { storeId } = format;
  if (format.format !== STORE_FORMAT || format.version !== STORE_VERSION || typeof storeId !== 'string') {
    throw new StoreDamaged(`${path} is damaged`);
  }
  return { storeId };
}

/** Begins a store: what an earlier attempt left that never got as far as its format file goes. */
export async function beginCreation(directory: string): Promise<void> {
  await writeDurably(join(directory, 'creating'), '');
  for (const name of ['meta', 'blob', 'progress']) await rm(join(directory, name), { recursive: true, force: true });
}

/** The databases are there: from now on a missing one is damage. */
export async function endCreation(directory: string): Promise<Format> {
  const storeId = randomUUID();
  const format = { format: STORE_FORMAT, version: STORE_VERSION, storeId };
  await writeDurably(join(directory, 'format'), `${JSON.stringify(format)}\n`);
  await removeDurably(join(directory, 'creating'));
  return { storeId };
}
