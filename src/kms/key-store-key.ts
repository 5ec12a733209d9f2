import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from '../base/config-error.js';
import { Secret } from '../base/secret.js';
import { Xaes } from '../seal/xaes.js';
import { StoreDamaged } from '../store/errors.js';

const MARKER = 'coffer-key-store-v1';
const AAD = Buffer.from(MARKER, 'latin1');

/**
 * The key that backing keys are wrapped under: 32 random bytes in one small file beside the root key, sealed under a key derived
 * from it. Replacing this file is what makes a destroyed CMK unrecoverable from old copies of the data directory.
 */
export class KeyStoreKeyFile {
  readonly #sealer: Xaes;

  /** `sealingKey`: 32 bytes, derived from the root key. */
  constructor(
    private readonly path: string,
    sealingKey: Secret,
  ) {
    this.#sealer = new Xaes(sealingKey);
  }

  /** `create`: only where the store has no CMK yet. @throws ConfigError; StoreDamaged */
  async load(create: boolean): Promise<Secret> {
    let text: string;
    try {
      text = await readFile(this.path, 'latin1');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw new ConfigError(`key-store key ${this.path} can't be read (${(error as NodeJS.ErrnoException).code})`);
      }
      if (!create)
        throw new ConfigError(
          `key-store key ${this.path} is missing: the KMS keys of this store don't open without it`,
        );
      const key = new Secret(randomBytes(32));
      await this.replace(key);
      return key;
    }
    const [marker, sealed = ''] = text.trim().split(' ');
    if (marker !== MARKER) throw new ConfigError(`${this.path} is no key-store key file`);
    try {
      return new Secret(this.#sealer.open(AAD, Buffer.from(sealed, 'base64')));
    } catch {
      throw new StoreDamaged(`key-store key ${this.path} is damaged or belongs to another root key`);
    }
  }

  /** Atomic: after a crash it is the old key or the new one. */
  async replace(key: Secret): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const temporary = `${this.path}.new`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.write(`${MARKER} ${this.#sealer.seal(AAD, key.expose()).toString('base64')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.path);
    const directory = await open(dirname(this.path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}
