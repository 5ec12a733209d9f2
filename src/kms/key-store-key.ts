import { randomBytes } from 'node:crypto';
import { link, open, readFile, realpath, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from '../base/config-error.js';
import { makeDirectory } from '../base/make-directory.js';
import { Secret } from '../base/secret.js';
import { removeTemporaries } from '../seal/destruction-secrets.js';
import type { FileGuard } from '../seal/file-guard.js';
import type { RootKey } from '../seal/root-key.js';
import { Xaes } from '../seal/xaes.js';
import { StoreDamaged } from '../store/errors.js';

const MARKER = 'coffer-key-store-v1';
const AAD = Buffer.from(MARKER, 'latin1');
const KEY_BYTES = 32;
/** How often the destruction secret is looked for again while another process replaces it. */
const RELOADS = 8;

/**
 * What seals the key-store key's file, 32 bytes; then what it may be sealed under besides, where the destruction secret is being
 * replaced. FORMAT.md, "Key service".
 */
function sealingKeysOf(rootKey: RootKey): [Secret, ...Secret[]] {
  const keys = (rootKey.destruction?.all ?? [undefined]).map((secret) =>
    secret ? rootKey.deriveWith(secret, 'coffer/key-store-sealing/2') : rootKey.derive('coffer/key-store-sealing'),
  );
  return keys as [Secret, ...Secret[]];
}

/**
 * The key that backing keys are wrapped under: 32 random bytes in one small file beside the root key, sealed under a key derived
 * from it and its destruction secret. Replacing this file is what makes a destroyed CMK unrecoverable from old copies of the data directory.
 */
export class KeyStoreKeyFile {
  #previous: Secret | undefined;
  /** Where other processes may replace the file too. */
  guard: FileGuard | undefined;

  constructor(
    readonly path: string,
    private readonly rootKey: RootKey,
  ) {}

  /** A replacement began and did not end, perhaps before a crash: some backing keys may still be wrapped under this one. */
  get previous(): Secret | undefined {
    return this.#previous;
  }

  /** `create`: only where the store has no CMK yet. @throws ConfigError; StoreDamaged */
  async load(create: boolean): Promise<Secret> {
    // Another process may be about to rename its.
    if (!this.guard) await this.#removeLeftover();
    const keys = await this.#read();
    if (!keys) {
      if (!create)
        throw new ConfigError(
          `key-store key ${this.path} is missing: the KMS keys of this store don't open without it`,
        );
      const key = new Secret(randomBytes(KEY_BYTES));
      if (!this.guard) {
        await this.replace(key);
        return key;
      }
      await this.#write(Buffer.from(key.expose()), 'unless there is one');
      key.dispose();
      return this.load(false);
    }
    return this.#take(keys).current;
  }

  /** As it is now: another process may have replaced it, and the destruction secret with it. Undefined where there is none. */
  async reload(): Promise<{ current: Secret; previous: Secret | undefined } | undefined> {
    for (let i = 0; ; i++) {
      try {
        const keys = await this.#read();
        return keys && this.#take(keys);
      } catch (error) {
        const { destruction } = this.rootKey;
        if (!(error instanceof StoreDamaged) || !destruction || i === RELOADS) throw error;
        await destruction.reload();
      }
    }
  }

  #take(keys: Buffer): { current: Secret; previous: Secret | undefined } {
    this.#previous = keys.length > KEY_BYTES ? new Secret(Buffer.from(keys.subarray(KEY_BYTES))) : undefined;
    return { current: new Secret(keys.subarray(0, KEY_BYTES)), previous: this.#previous };
  }

  /** What another process had begun to write, this file's and the root key file's: it is put in place no more. */
  async removeLeftovers(): Promise<void> {
    await removeTemporaries(this.path);
    const { destruction } = this.rootKey;
    if (!destruction) return;
    await removeTemporaries(await realpath(destruction.file)).catch(() => {});
    await destruction.reload();
  }

  /** Whether the file is there. @throws ConfigError; StoreDamaged where it is sealed under another root key */
  async opens(): Promise<boolean> {
    const keys = await this.#read();
    keys?.fill(0);
    return keys !== undefined;
  }

  /**
   * Seals what the file holds anew, under another root key: into `target`, which may have the same path. `false`: there is no file.
   * @throws ConfigError; StoreDamaged
   */
  async copyTo(target: KeyStoreKeyFile): Promise<boolean> {
    const keys = await this.#read();
    if (keys) await target.#write(keys);
    return keys !== undefined;
  }

  /** Both keys, one behind the other; undefined where there is no file. */
  async #read(): Promise<Buffer | undefined> {
    let text: string;
    try {
      text = await readFile(this.path, 'latin1');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      throw new ConfigError(`key-store key ${this.path} can't be read (${code})`);
    }
    const [marker, sealed = ''] = text.trim().split(' ');
    if (marker !== MARKER) throw new ConfigError(`${this.path} is no key-store key file`);
    for (const sealer of this.#sealers()) {
      try {
        return sealer.open(AAD, Buffer.from(sealed, 'base64'));
      } catch (error) {
        if (!(error instanceof StoreDamaged)) throw error;
      }
    }
    const other = 'or one of the two files is from before a KMS key was destroyed';
    throw new StoreDamaged(`key-store key ${this.path} is damaged or belongs to another root key, ${other}`);
  }

  /** Draws a new key; `old` stays in the file beside it until `replace`. Durable when it resolves. */
  async begin(old: Secret): Promise<Secret> {
    const key = new Secret(randomBytes(KEY_BYTES));
    await this.#write(Buffer.concat([key.expose(), old.expose()]));
    this.#previous = old;
    return key;
  }

  /** Makes `key` the only one. Atomic: after a crash the file is as it was before or as it is to be. */
  async replace(key: Secret): Promise<void> {
    await this.#write(Buffer.from(key.expose()));
    this.#previous?.dispose();
    this.#previous = undefined;
  }

  /** A crash between write and rename left it; it may hold a key that was to be forgotten. */
  async #removeLeftover(): Promise<void> {
    await unlink(`${this.path}.new`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw new ConfigError(`${this.path}.new can't be removed (${error.code})`);
    });
  }

  /** Zeroes `keys`. */
  async #write(keys: Buffer, where: 'anyhow' | 'unless there is one' = 'anyhow'): Promise<void> {
    const content = this.#sealers()[0].seal(AAD, keys).toString('base64');
    keys.fill(0);
    await makeDirectory(dirname(this.path));
    const temporary = this.guard?.temporary(this.path) ?? `${this.path}.new`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(`${MARKER} ${content}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    if (where === 'anyhow') {
      await this.guard?.requireMayReplace();
      await rename(temporary, this.path);
    } else {
      // Unlike rename, link fails where the name is taken.
      await link(temporary, this.path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      await unlink(temporary);
    }
    const directory = await open(dirname(this.path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  #sealers(): [Xaes, ...Xaes[]] {
    const sealers = sealingKeysOf(this.rootKey).map((key) => {
      const sealer = new Xaes(key);
      key.dispose();
      return sealer;
    });
    return sealers as [Xaes, ...Xaes[]];
  }
}
