import { hkdfSync, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { utf8 } from '../base/bytes.js';
import { Secret } from '../base/secret.js';
import { DestructionSecrets } from './destruction-secrets.js';
import { type KeyFile, loadOrCreateKeyFile, RootKeyError } from './key-file.js';
import { newDestructionSecret } from './key-file-text.js';
import type { KeyToken } from './token/ports.js';
import { loadOrCreateTokenKey } from './token/token-key.js';

export { RootKeyError };

const ROOT_KEY_BYTES = 32;
const SALT_BYTES = 32;
const KEY_FILE_MARKER = 'coffer-root-key-v1';
const SALT_FILE_MARKER = 'coffer-root-salt-v1';
/** About 0.5 s and 128 MiB once at start-up. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };

/** What everything stored is sealed under, through derived keys; the key itself seals nothing. */
export class RootKey {
  readonly #secret: Secret;
  #disposed = false;
  /** 4 bytes that tell root keys apart. They stand in clear in sealed values and say nothing about the key. */
  readonly id: Buffer;

  /** `secret`: 32 bytes. `destruction`: of the file that it comes from. */
  constructor(
    secret: Secret,
    readonly destruction?: DestructionSecrets,
  ) {
    if (secret.length !== ROOT_KEY_BYTES) throw new RootKeyError(`root key of ${secret.length} bytes, it has 32`);
    this.#secret = secret;
    this.id = this.derive('coffer/root-key-id', 4).expose();
  }

  /** HKDF-SHA-512 (RFC 5869) without salt. One info string, one purpose: FORMAT.md lists them all. */
  derive(info: string, bytes = 32): Secret {
    return this.#derive(this.#secret.expose(), info, bytes);
  }

  /** As `derive`, from the root key ‖ `secret`: 32 bytes that neither gives alone. */
  deriveWith(secret: Secret, info: string): Secret {
    const both = Buffer.concat([this.#secret.expose(), secret.expose()]);
    try {
      return this.#derive(both, info, 32);
    } finally {
      both.fill(0);
    }
  }

  /** Zeroes the key; derived ones live on. */
  dispose(): void {
    this.#disposed = true;
    this.#secret.dispose();
    this.destruction?.dispose();
  }

  #derive(from: Buffer, info: string, bytes: number): Secret {
    if (this.#disposed) throw new Error('the root key is disposed of');
    return new Secret(Buffer.from(hkdfSync('sha512', from, '', utf8(info), bytes)));
  }
}

export interface RootKeySource {
  /** Path of the key file. Exactly one of this, `passphrase` and `token` is given. */
  file?: string;
  passphrase?: Secret;
  /** Path of the file that keeps the salt of the passphrase; it isn't secret. */
  saltFile?: string;
  token?: KeyToken;
  /** Path of the file that keeps what is wrapped in the token. */
  tokenFile?: string;
  /** Whose destruction keys they are. */
  storeId?: string;
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
  const { file, passphrase, saltFile, token, tokenFile, storeId, create = true } = source;
  const make = (bytes: number) =>
    create ? async () => ({ content: randomBytes(bytes), secrets: [newDestructionSecret()] }) : undefined;
  if (token && tokenFile !== undefined && storeId !== undefined && file === undefined && !passphrase) {
    const { key, destruction } = await loadOrCreateTokenKey(token, { file: tokenFile, storeId, create });
    return new RootKey(key, destruction);
  }
  if (file !== undefined && passphrase === undefined) {
    return load(
      { file, marker: KEY_FILE_MARKER, bytes: ROOT_KEY_BYTES, secret: true, make: make(ROOT_KEY_BYTES) },
      async (content) => content,
    );
  }
  if (passphrase !== undefined && saltFile !== undefined && file === undefined) {
    if (passphrase.length === 0) throw new RootKeyError('the passphrase of the root key is empty');
    const stretch = promisify<Buffer, Buffer, number, typeof SCRYPT, Buffer>(scrypt);
    return load(
      { file: saltFile, marker: SALT_FILE_MARKER, bytes: SALT_BYTES, secret: false, make: make(SALT_BYTES) },
      (salt) => stretch(passphrase.expose(), salt, ROOT_KEY_BYTES, SCRYPT),
    );
  }
  throw new RootKeyError('a root key comes either from a file, or from a passphrase and a salt file, or from a token');
}

async function load(keyFile: KeyFile, keyOf: (content: Buffer) => Promise<Buffer>): Promise<RootKey> {
  const { content, secrets } = await loadOrCreateKeyFile(keyFile);
  const key = new Secret(Buffer.from(await keyOf(content)));
  return new RootKey(key, new DestructionSecrets(keyFile, new Secret(content), secrets));
}
