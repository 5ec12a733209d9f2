import { randomBytes } from 'node:crypto';
import { lengthPrefixed, utf8 } from '../../base/bytes.js';
import { Secret } from '../../base/secret.js';
import { TokenRefused } from '../../pkcs11/process.js';
import type { KeptLines, SecretKeeper } from '../destruction-secrets.js';
import { RootKeyError } from '../key-file.js';
import { type DestructionSecret, newDestructionSecret } from '../key-file-text.js';
import type { KeyToken, TokenSession } from './ports.js';
import { NO_DESTRUCTION_KEY, NOT_OPENED } from './protocol.js';
import { joined, openedAt, SEALING_BYTES } from './wrapped.js';

/** Of the file itself. */
export const ROOT_MARKER = 'coffer-root-token-v1';
export const SECRET_MARKER = 'coffer-destruction-token-v1';
export const OWNER_BYTES = 16;
const ID_BYTES = 16;
const SECRET_BYTES = 32;
/** Of a line in the file: id of the destruction key, and the secret under it. */
export const WRAPPED_SECRET_BYTES = ID_BYTES + SEALING_BYTES + SECRET_BYTES;

/** Codes of a token that can't do it now and won't do it in a minute. */
const FOR_GOOD =
  /^(CKR_(TOKEN_WRITE_PROTECTED|SESSION_READ_ONLY|ACTION_PROHIBITED|FUNCTION_NOT_SUPPORTED|DEVICE_MEMORY|(MECHANISM|ATTRIBUTE|TEMPLATE|KEY)_\w+)|UNFIT_KEY)$/;

/** CKA_LABEL of destruction keys. Of other owners of a store: those of root keys that were replaced. */
const prefixOf = (storeId: string): string => `coffer-destruction:${storeId}:`;
const labelOf = (storeId: string, owner: Buffer): string => `${prefixOf(storeId)}${owner.toString('hex')}`;
const aadOf = (owner: Buffer, id: Buffer): Buffer =>
  Buffer.concat([utf8(SECRET_MARKER), owner, id].map(lengthPrefixed));

/** Makes a destruction key. @returns the line of the secret under it */
export async function sealSecret(
  session: TokenSession,
  storeId: string,
  owner: Buffer,
  secret: Secret,
): Promise<Secret> {
  const key = { label: labelOf(storeId, owner), id: randomBytes(ID_BYTES) };
  await session.makeDestructionKey(key);
  const plaintext = secret.expose();
  const wrapped = await joined((iv) => session.seal({ ...key, iv, aad: aadOf(owner, key.id), plaintext }));
  return new Secret(Buffer.concat([key.id, wrapped]));
}

/** Destruction secrets whose keys lie in a token, and are deleted there. Of the secrets, the file holds what those keys wrapped. */
export class TokenSecretKeeper implements SecretKeeper {
  readonly #lines = new WeakMap<Secret, Secret>();
  readonly #label: string;
  /** A crash left some of this owner's in the token. */
  #isUntidy = false;

  constructor(
    private readonly token: KeyToken,
    private readonly storeId: string,
    private readonly owner: Buffer,
  ) {
    this.#label = labelOf(storeId, owner);
  }

  /** @throws TokenRefused: NO_DESTRUCTION_KEY, NOT_OPENED */
  async open(session: TokenSession, line: Secret): Promise<Secret> {
    const bytes = line.expose();
    const id = Buffer.from(bytes.subarray(0, ID_BYTES));
    const secret = await openedAt(bytes, ID_BYTES, (iv, ciphertext) =>
      session.open({ label: this.#label, id, iv, aad: aadOf(this.owner, id), ciphertext }),
    );
    this.#lines.set(secret, line);
    return secret;
  }

  /** All lines of a file, FMT-TOKEN-2. @throws RootKeyError */
  async openAll(
    session: TokenSession,
    lines: readonly DestructionSecret[],
    file: string,
  ): Promise<DestructionSecret[]> {
    const [now, ...before] = lines;
    if (!now) throw new RootKeyError(`${file} is not a file of the format ${ROOT_MARKER}`);
    const opened: DestructionSecret[] = [];
    for (const line of [now, ...before]) {
      try {
        if (line) opened.push(await this.open(session, line));
      } catch (error) {
        if (!(error instanceof TokenRefused)) throw error;
        if (error.code === NOT_OPENED) throw new RootKeyError(`${file} is damaged: a destruction secret does not open`);
        if (error.code !== NO_DESTRUCTION_KEY) throw error;
        if (line === now) throw new RootKeyError(gone(file));
      }
    }
    return opened;
  }

  reopen(lines: readonly DestructionSecret[], file: string): Promise<DestructionSecret[]> {
    return this.token.use((session) => this.openAll(session, lines, file));
  }

  /** Whether there is something for `tidy` to do: a start needs no second process for nothing. */
  async look(session: TokenSession, lines: readonly DestructionSecret[]): Promise<void> {
    const ids = idsOf(lines);
    const found = await session.destructionKeys({ prefix: this.#label });
    this.#isUntidy = found.some((key) => !ids.some((id) => id.equals(key.id)));
  }

  lineOf(secret: DestructionSecret): DestructionSecret {
    return secret && this.#lines.get(secret);
  }

  /** What earlier attempts left goes first: a token has little room. */
  draw(kept: KeptLines): Promise<Secret | string> {
    return this.#asked(async (session) => {
      await this.#delete(session, kept, prefixOf(this.storeId));
      const secret = newDestructionSecret();
      this.#lines.set(secret, await sealSecret(session, this.storeId, this.owner, secret));
      return secret;
    });
  }

  /** FMT-TOKEN-3. */
  forgetOthers(kept: KeptLines): Promise<string | undefined> {
    return this.#asked((session) => this.#delete(session, kept, prefixOf(this.storeId)));
  }

  async tidy(kept: KeptLines): Promise<string | undefined> {
    if (!this.#isUntidy) return undefined;
    return this.#asked((session) => this.#delete(session, kept, this.#label));
  }

  async #delete(session: TokenSession, kept: KeptLines, prefix: string): Promise<undefined> {
    // Listed first: what another process draws once this one has lost its claim isn't among them.
    const listed = await session.destructionKeys({ prefix });
    const ids = idsOf(await kept());
    for (const key of listed) {
      if (!ids.some((id) => id.equals(key.id))) await session.deleteDestructionKey(key);
    }
  }

  /** What a token refuses for good is told; whatever else fails is thrown, and tried again with all of the destruction. */
  #asked<T>(work: (session: TokenSession) => Promise<T>): Promise<T | string> {
    return this.token.use(async (session) => {
      try {
        return await work(session);
      } catch (error) {
        if (error instanceof TokenRefused && FOR_GOOD.test(error.code))
          return `the token makes or deletes no destruction key: ${error.code}`;
        throw error;
      }
    });
  }
}

const idsOf = (lines: readonly DestructionSecret[]): Buffer[] =>
  lines.flatMap((line) => (line ? [line.expose().subarray(0, ID_BYTES)] : []));

const gone = (file: string): string =>
  `the destruction key of ${file} is in the token no more: this file is from before a KMS key was destroyed, here or by a copy of this store`;
