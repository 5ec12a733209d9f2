import { readFileSync } from 'node:fs';

/** Loading the program takes about 200 at once; a store with many tables and 32 clients stays below the rest. */
export const OPEN_FILES_MIN = 512;

/**
 * Whether this process may open as many files as Coffer needs at least; if not, one line says so and the status becomes 1. Asked
 * before anything else is loaded: loading it would already fail. Node.js raises the soft limit to the hard one at its start.
 */
export function requireOpenFiles(limit = openFilesLimit()): boolean {
  if (limit >= OPEN_FILES_MIN) return true;
  process.stderr.write(
    `coffer: this process may open ${limit} files, and needs ${OPEN_FILES_MIN}: raise the limit (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of Docker)\n`,
  );
  process.exitCode = 1;
  return false;
}

/** Infinite where the system doesn't tell (all but Linux). */
function openFilesLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined || soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  } catch (error) {
    // Even that file can't be opened.
    return (error as NodeJS.ErrnoException).code === 'EMFILE' ? 0 : Number.POSITIVE_INFINITY;
  }
}
