import { open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Secret } from '../base/secret.js';
import type { FileGuard } from './file-guard.js';
import { type KeyFile, loadKeyFile, RootKeyError } from './key-file.js';
import { type DestructionSecret, encodeKeyFile, newDestructionSecret } from './key-file-text.js';

/** The file, its directory or its mount is not to be written; a file that is mounted by itself can't be renamed over. */
const NOT_REPLACEABLE = ['EROFS', 'EACCES', 'EPERM', 'EBUSY', 'ENOENT'];

/** The lines of secrets that the file needs. */
export type KeptLines = () => Promise<readonly DestructionSecret[]>;

/** Where destruction secrets are drawn, and what else than the file knows of them. Answers in text say why it can't be done. */
export interface SecretKeeper {
  /** As it stands in the file. */
  lineOf(secret: DestructionSecret): DestructionSecret;
  draw(kept: KeptLines): Promise<Secret | string>;
  /** Lines that another process wrote into `file`. @throws RootKeyError */
  reopen(lines: readonly DestructionSecret[], file: string): Promise<readonly DestructionSecret[]>;
  /** What isn't kept is of no use to anybody from now on. */
  forgetOthers(kept: KeptLines): Promise<string | undefined>;
  /** At start, where nothing is being destroyed: removes what a crash left. */
  tidy(kept: KeptLines): Promise<string | undefined>;
}

/** They are in the file, and nowhere else. */
const IN_FILE: SecretKeeper = {
  lineOf: (secret) => secret,
  draw: async () => newDestructionSecret(),
  reopen: async (lines) => lines,
  forgetOthers: async () => undefined,
  tidy: async () => undefined,
};

/**
 * The destruction secret in a root key file (or salt file). The key-store file is sealed under the root key and it; it is replaced
 * whenever a CMK is destroyed, so that older copies of the key-store file don't open with the root key file of today.
 */
export class DestructionSecrets {
  #secrets: readonly DestructionSecret[];
  #disposed = false;
  /** Where other processes may replace the file too. */
  guard: FileGuard | undefined;

  /** `content` and `secrets`: what the file holds, the latter as the keeper opened them. */
  constructor(
    private readonly keyFile: KeyFile,
    private readonly content: Secret,
    secrets: readonly DestructionSecret[],
    private readonly keeper = IN_FILE,
  ) {
    this.#secrets = secrets;
  }

  get file(): string {
    return this.keyFile.file;
  }

  /** What the key-store file is to be sealed under, then what it may be sealed under besides. */
  get all(): readonly DestructionSecret[] {
    return this.#secrets;
  }

  /**
   * Draws a new secret. `reseal` durably seals the key-store file under the first of `all`; it is called once or twice, and also where
   * the secret has to stay. Safe to end anywhere: the file holds both secrets from before the key-store file is sealed under the new
   * one until after.
   *
   * @returns why the file still holds the secret of before; undefined where it doesn't
   */
  async replace(reseal: () => Promise<void>): Promise<string | undefined> {
    if (this.#secrets.length > 1) {
      const stays = await this.#finish(reseal);
      if (stays !== undefined) return stays;
    }
    const stays = await this.#begin();
    if (stays === undefined) return this.#finish(reseal);
    await reseal();
    return stays;
  }

  /** As the file has them now: another process may have replaced them. @throws RootKeyError */
  async reload(): Promise<void> {
    const found = await loadKeyFile(this.keyFile);
    const isOwn = found?.content.equals(this.content.expose());
    found?.content.fill(0);
    if (!found || !isOwn) throw new RootKeyError(`${this.file} is another root key's by now`);
    const now = await this.keeper.reopen(found.secrets, this.file);
    const before = this.#secrets;
    this.#secrets = now;
    for (const secret of before) secret?.dispose();
  }

  /**
   * At start: ends a replacement that was interrupted, and removes what a crash left beside the file. @returns why what should be gone
   * isn't
   */
  async takeUp(reseal: () => Promise<void>): Promise<string | undefined> {
    const stays = this.#secrets.length > 1 ? await this.#finish(reseal) : await this.keeper.tidy(this.#lines);
    const path = await realpath(this.file).catch(() => this.file);
    await removeTemporaries(path).catch(() => {});
    return stays;
  }

  /** Zeroes what is in memory; the file is left as it is from now on. */
  dispose(): void {
    this.#disposed = true;
    this.content.dispose();
    for (const secret of this.#secrets) secret?.dispose();
  }

  async #finish(reseal: () => Promise<void>): Promise<string | undefined> {
    await reseal();
    const [now, ...before] = this.#secrets;
    const stays = await this.#write([now]);
    if (stays !== undefined) return stays;
    for (const secret of before) secret?.dispose();
    return this.keeper.forgetOthers(this.#lines);
  }

  async #begin(): Promise<string | undefined> {
    const before = this.#secrets[0];
    const fresh = await this.keeper.draw(this.#lines);
    if (typeof fresh === 'string') return fresh;
    const stays = await this.#write([fresh, before]);
    if (stays === undefined) return undefined;
    await this.keeper.forgetOthers(this.#lines);
    fresh.dispose();
    return stays;
  }

  /** @returns why it can't be. */
  async #write(secrets: readonly DestructionSecret[]): Promise<string | undefined> {
    try {
      // A link may lead to it: the file itself is what others copy.
      const path = await realpath(this.file);
      const { mode, uid, gid } = await stat(path);
      if ((mode & 0o200) === 0) return 'its mode is read-only';
      await this.#requireOwnContent();
      await replaceFile(path, { uid, gid }, () => this.#encode(secrets), this.guard);
    } catch (error) {
      if (error instanceof RootKeyError) return error.message;
      const { code = '' } = error as NodeJS.ErrnoException;
      // Among several processes a file that is gone is another's work under way.
      if (NOT_REPLACEABLE.includes(code) && !(this.guard && code === 'ENOENT')) return code;
      throw error;
    }
    this.#secrets = secrets;
    return undefined;
  }

  /**
   * What the file holds, and what it is to hold: it may have got another secret, durably, with an error behind that, and what the next
   * start needs is never to be forgotten.
   */
  readonly #lines: KeptLines = async () => {
    const found = await loadKeyFile(this.keyFile);
    found?.content.fill(0);
    // What is asked for is what may be deleted: by whoever holds the claim, and after the file was read.
    await this.guard?.requireMayReplace();
    return [...(found?.secrets ?? []), ...this.#secrets.map((secret) => this.keeper.lineOf(secret))];
  };

  /** Another root key's file that was put in its place meanwhile is not ours to change. */
  async #requireOwnContent(): Promise<void> {
    const found = await loadKeyFile(this.keyFile);
    const isOwn = found?.content.equals(this.content.expose());
    found?.content.fill(0);
    for (const secret of found?.secrets ?? []) secret?.dispose();
    if (!isOwn) throw new RootKeyError(`${this.file} is another root key's by now`);
  }

  #encode(secrets: readonly DestructionSecret[]): string {
    if (this.#disposed) throw new Error('the root key is disposed of');
    const lines = secrets.map((secret) => this.keeper.lineOf(secret));
    const { marker, line } = this.keyFile;
    return encodeKeyFile(marker, { content: this.content.expose(), secrets: lines }, line);
  }
}

const temporaryOf = (path: string): string => `${path}.new`;

/** Whatever a process, this one or another, began to write and didn't rename. */
export async function removeTemporaries(path: string): Promise<void> {
  const start = `${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    if (name.startsWith(start) && /^([0-9a-f]{12}\.)?new$/.test(name.slice(start.length))) {
      await rm(join(dirname(path), name), { force: true });
    }
  }
}

/** Mode 0600, durable when it resolves. After a crash the file is as it was before or as it is to be. */
async function replaceFile(
  path: string,
  owner: { uid: number; gid: number },
  text: () => string,
  guard: FileGuard | undefined,
): Promise<void> {
  const temporary = guard?.temporary(path) ?? temporaryOf(path);
  try {
    await rm(temporary, { force: true });
    const file = await open(temporary, 'wx', 0o600);
    try {
      const own = await file.stat();
      if (own.uid !== owner.uid || own.gid !== owner.gid) await file.chown(owner.uid, owner.gid);
      await file.writeFile(text());
      await file.sync();
    } finally {
      await file.close();
    }
    await guard?.requireMayReplace();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
