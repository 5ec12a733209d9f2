import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory, mode 0700, with those above it. (`mkdir` of Node.js with `recursive` doesn't end where a file system makes
 * no directories, such as /proc.) @throws system errors
 */
export async function makeDirectory(path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (found?.isDirectory()) return;
  if (found) throw Object.assign(new Error(`${path} is no directory`), { code: 'ENOTDIR', syscall: 'mkdir', path });
  if (dirname(path) !== path) await makeDirectory(dirname(path));
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    // Another process may have been first.
    if (error.code !== 'EEXIST') throw error;
  });
}
