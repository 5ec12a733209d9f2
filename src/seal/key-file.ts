import { randomBytes } from 'node:crypto';
import { link, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectory } from '../base/make-directory.js';
import { decodeKeyFile, encodeKeyFile, type KeyFileContent, type SecretLine } from './key-file-text.js';

/** No usable root key. The message is one line for the person who starts the server. */
export class RootKeyError extends Error {
  override name = 'RootKeyError';
}

export interface KeyFile {
  file: string;
  /** First word of the first line; names kind and version. */
  marker: string;
  /** Length of the content. */
  bytes: number;
  /** Refuse a file that others may read. */
  secret: boolean;
  /** How destruction secrets stand in it; absent: in clear. */
  line?: SecretLine;
  /** Makes the content of a new file; without it an absent file is an error. */
  make?: (() => Promise<KeyFileContent>) | undefined;
}

/** Text: see key-file-text.ts. Never overwrites; a new file is whole or absent after a crash. @throws RootKeyError */
export async function loadOrCreateKeyFile(keyFile: KeyFile): Promise<KeyFileContent> {
  const { file, make } = keyFile;
  const existing = await loadKeyFile(keyFile);
  if (existing) return existing;
  if (!make) throw new RootKeyError(`${file} is missing, and data sealed under it exists`);
  const content = await make();
  await create(keyFile, content);
  content.content.fill(0);
  for (const secret of content.secrets) secret?.dispose();
  // Read back what others will read: another process may have been first.
  const created = await loadKeyFile(keyFile);
  if (!created) throw new RootKeyError(`${file} vanished while it was made`);
  return created;
}

/** Undefined where there is none. @throws RootKeyError */
export async function loadKeyFile(keyFile: KeyFile): Promise<KeyFileContent | undefined> {
  const { file, marker, bytes, secret, line } = keyFile;
  let text: string;
  try {
    const handle = await open(file, 'r');
    try {
      const { mode } = await handle.stat();
      if (secret && (mode & 0o077) !== 0 && process.platform !== 'win32') {
        const octal = (mode & 0o777).toString(8);
        throw new RootKeyError(`${file} is open to others (mode ${octal}): chmod 600 it`);
      }
      text = await handle.readFile('latin1');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof RootKeyError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new RootKeyError(`${file} can't be read: ${code}`);
  }
  const content = decodeKeyFile(text, marker, bytes, line);
  if (!content) throw new RootKeyError(`${file} is not a file of the format ${marker}`);
  return content;
}

async function create({ file, marker, line }: KeyFile, content: KeyFileContent): Promise<void> {
  const directory = dirname(file);
  const temporary = `${file}.${randomBytes(6).toString('hex')}.new`;
  try {
    await makeDirectory(directory);
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(encodeKeyFile(marker, content, line));
      await handle.sync();
    } finally {
      await handle.close();
    }
    try {
      // Unlike rename, link fails where the name is taken: a key in use is never replaced.
      await link(temporary, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await unlink(temporary);
    }
    const parent = await open(directory, 'r');
    try {
      await parent.sync();
    } finally {
      await parent.close();
    }
  } catch (error) {
    throw new RootKeyError(`${file} can't be made: ${(error as NodeJS.ErrnoException).code}`);
  }
}
