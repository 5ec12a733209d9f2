import { hkdfSync, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { utf8 } from '../base/bytes.js';
import { Secret } from '../base/secret.js';
import { loadOrCreateKeyFile, RootKeyError } from './key-file.js';

export { RootKeyError };

const ROOT_KEY_BYTES = 32;
const KEY_FILE_MARKER = 'coffer-root-key-v1';
const SALT_FILE_MARKER = 'coffer-root-salt-v1';
/** About 0.5 s and 128 MiB once at start-up. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };

/** What everything stored is sealed under, through derived keys; the key itself seals nothing. */
export class RootKey {
  readonly #secret: Secret;
  /** 4 bytes that tell root keys apart. They stand in clear in sealed values and say nothing about the key. */
  readonly id: Buffer;

  /** 32 bytes. */
  constructor(secret: Secret) {
    if (secret.length !== ROOT_KEY_BYTES) throw new RootKeyError(`root key of ${secret.length} bytes, it has 32`);
    this.#secret = secret;
    this.id = this.derive('coffer/root-key-id', 4).expose();
  }

  /** HKDF-SHA-512 (RFC 5869) without salt. One info string, one purpose: FORMAT.md lists them all. */
  derive(info: string, bytes = 32): Secret {
    return new Secret(Buffer.from(hkdfSync('sha512', this.#secret.expose(), '', utf8(info), bytes)));
  }

  /** Zeroes the key; derived ones live on. */
  dispose(): void {
    this.#secret.dispose();
  }
}

export interface RootKeySource {
  /** Path of the key file. Exactly one of this and `passphrase` is given. */
  file?: string;
  passphrase?: Secret;
  /** Path of the file that keeps the salt of the passphrase; it isn't secret. */
  saltFile?: string;
  /** Whether an absent file is made. False where data exists: a new key would open none of it. Default true. */
  create?: boolean;
}

/**
 * @throws RootKeyError, one line that names the file
 *
 * @example
 * const rootKey = await loadOrCreateRootKey({ file: '/home/me/.config/coffer/4711.key' });
 * const sealer = new RootSealer(rootKey);
 */
export async function loadOrCreateRootKey(source: RootKeySource): Promise<RootKey> {
  const { file, passphrase, saltFile, create = true } = source;
  if (file !== undefined && passphrase === undefined) return new RootKey(await fromFile(file, create));
  if (passphrase !== undefined && saltFile !== undefined && file === undefined) {
    return new RootKey(await fromPassphrase(passphrase, saltFile, create));
  }
  throw new RootKeyError('a root key comes either from a file, or from a passphrase and a salt file');
}

async function fromFile(file: string, create: boolean): Promise<Secret> {
  const make = create ? () => randomBytes(ROOT_KEY_BYTES) : undefined;
  return new Secret(
    await loadOrCreateKeyFile({ file, marker: KEY_FILE_MARKER, bytes: ROOT_KEY_BYTES, secret: true, make }),
  );
}

async function fromPassphrase(passphrase: Secret, file: string, create: boolean): Promise<Secret> {
  if (passphrase.length === 0) throw new RootKeyError('the passphrase of the root key is empty');
  const make = create ? () => randomBytes(32) : undefined;
  const salt = await loadOrCreateKeyFile({ file, marker: SALT_FILE_MARKER, bytes: 32, secret: false, make });
  const stretch = promisify<Buffer, Buffer, number, typeof SCRYPT, Buffer>(scrypt);
  return new Secret(await stretch(passphrase.expose(), salt, ROOT_KEY_BYTES, SCRYPT));
}
