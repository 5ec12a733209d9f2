import { join } from 'node:path';
import { StoreDamaged } from '../errors.js';
import type { Inspections } from './engine.js';
import { readIfThere, removeDurably, writeDurably } from './files.js';

/**
 * Written when both databases have been closed in order, removed before they are opened. While it lies there no write can be
 * cut off and nothing can be missing at the end of a log.
 */
export async function writeCleanMark(directory: string, { meta, blob }: Inspections): Promise<void> {
  const mark = { meta: meta.lastSequence, blob: blob.lastSequence };
  await writeDurably(join(directory, 'clean'), `${JSON.stringify(mark)}\n`);
}

/** @returns whether there was one. @throws StoreDamaged naming the file, where a database isn't as it was closed. */
export async function consumeCleanMark(directory: string, inspections: Inspections): Promise<boolean> {
  const path = join(directory, 'clean');
  const text = await readIfThere(path);
  if (text === undefined) return false;
  let mark: Record<string, unknown>;
  try {
    mark = JSON.parse(text);
  } catch {
    throw new StoreDamaged(`${path} is damaged`);
  }
  for (const name of ['meta', 'blob'] as const) {
    const { torn, lastSequence } = inspections[name];
    if (torn.length > 0) throw new StoreDamaged(`${torn[0]} is damaged at its end`);
    if (mark[name] !== lastSequence) {
      throw new StoreDamaged(
        `${join(directory, name)} ends at operation ${lastSequence}, it was closed at ${mark[name]}`,
      );
    }
  }
  await removeDurably(path);
  return true;
}
