import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreDamaged, StoreTooNew } from '../errors.js';
import { readIfThere, removeDurably, writeDurably } from './files.js';

/** The layouts that this code reads and writes (storage/README.md): 2 where there are segments. */
const STORE_VERSION = 2;
const VERSION_WITHOUT_SEGMENTS = 1;
const STORE_FORMAT = 'coffer-store-v1';

export interface Format {
  /** UUID of this data directory; names its root key file. */
  storeId: string;
  hasSegments: boolean;
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
  const { storeId, version } = format;
  const known = version === VERSION_WITHOUT_SEGMENTS || version === STORE_VERSION;
  if (format.format !== STORE_FORMAT || !known || typeof storeId !== 'string') {
    throw new StoreDamaged(`${path} is damaged`);
  }
  return { storeId, hasSegments: version === STORE_VERSION };
}

/** Begins a store: what an earlier attempt left that never got as far as its format file goes. */
export async function beginCreation(directory: string): Promise<void> {
  await writeDurably(join(directory, 'creating'), '');
  for (const name of ['meta', 'blob', 'segments', 'progress']) {
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** The databases are there: from now on a missing one is damage. */
export async function endCreation(directory: string): Promise<Format> {
  const format = { storeId: randomUUID(), hasSegments: false };
  await writeFormat(directory, format);
  await removeDurably(join(directory, 'creating'));
  return format;
}

export async function writeFormat(directory: string, { storeId, hasSegments }: Format): Promise<void> {
  const format = { format: STORE_FORMAT, version: hasSegments ? STORE_VERSION : VERSION_WITHOUT_SEGMENTS, storeId };
  await writeDurably(join(directory, 'format'), `${JSON.stringify(format)}\n`);
}
