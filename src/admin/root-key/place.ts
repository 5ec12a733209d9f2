import { constants } from 'node:fs';
import { access, copyFile, link, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RootKeyError } from '../../seal/root-key.js';

/** Under this name a new key or salt is made, before the rotation is marked. */
export const nextOf = (path: string): string => `${path}.next`;

/** Under this name what it replaces is kept. `id`: of the root key that it belongs to. */
export const oldOf = (path: string, id: Buffer): string => `${path}.old-${id.toString('hex')}`;

export const exists = (path: string): Promise<boolean> =>
  access(path, constants.F_OK).then(
    () => true,
    () => false,
  );

/**
 * Gives the file that was made as `<path>.next` its name. What had the name is kept as `<path>.old-<id>`: there is no moment in
 * which either is missing. May be ended anywhere and begun again. @returns where the replaced file lies. @throws RootKeyError
 */
export async function putInPlace(path: string, fromId: Buffer): Promise<string | undefined> {
  const [next, old] = [nextOf(path), oldOf(path, fromId)];
  if (!(await exists(next))) return (await exists(old)) ? old : undefined;
  let kept: string | undefined;
  try {
    if (await exists(path)) {
      await keepAs(path, old);
      await syncDirectory(dirname(path));
      kept = old;
    }
    await rename(next, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    if (error instanceof RootKeyError) throw error;
    throw new RootKeyError(`${path} can't be replaced (${(error as NodeJS.ErrnoException).code})`);
  }
  return kept;
}

/** An earlier attempt may have done it already; what else has that name is left alone. */
async function keepAs(path: string, old: string): Promise<void> {
  await link(path, old).catch(ignore('EEXIST'));
  const [one, other] = await Promise.all([readFile(path), readFile(old)]);
  if (!one.equals(other)) throw new RootKeyError(`${old} is another file than ${path}: it would be lost`);
}

/** After a `putInPlace` that failed before it gave `<path>.next` its name: as it was before. */
export async function takeBack(path: string, fromId: Buffer): Promise<void> {
  if (!(await exists(nextOf(path)))) return;
  const old = oldOf(path, fromId);
  if (await isSameFile(path, old)) await unlink(old);
  await unlink(nextOf(path));
  await syncDirectory(dirname(path));
}

/** A durable copy, whole or not there. Where there is no original, none is made. */
export async function copyOver(original: string, path: string): Promise<void> {
  if (!(await exists(original))) return;
  const temporary = `${path}.new`;
  await copyFile(original, temporary);
  const file = await open(temporary, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Two names of one file; false where either isn't there. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => stat(path).catch(() => undefined)));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

export async function removeIfThere(path: string): Promise<void> {
  await unlink(path).catch(ignore('ENOENT'));
  await syncDirectory(dirname(path)).catch(ignore('ENOENT'));
}

const ignore =
  (code: string) =>
  (error: NodeJS.ErrnoException): void => {
    if (error.code !== code) throw error;
  };

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
