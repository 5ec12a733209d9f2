const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOENT: 'there is no such file or directory',
  EEXIST: 'it exists already',
  ENOTDIR: 'something in this path is no directory',
  EISDIR: 'it is a directory',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EMFILE: 'this process has too many files open: raise the limit (ulimit -n)',
  ENFILE: 'the system has too many files open',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'too many symbolic links',
  EIO: 'the disk reports an error',
  EBUSY: 'it is in use',
  EXDEV: 'it lies on another file system',
};

/** Of an error of the operating system, what a person needs in one line; undefined for any other. */
export function systemErrorLine(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined || !/^E[A-Z0-9]+$/.test(code)) return undefined;
  const what = WORDS[code];
  if (what === undefined) return error.message.split('\n')[0];
  return `${path === undefined ? '' : `${path}: `}${what} (${code}, ${syscall})`;
}
