import { randomBytes } from 'node:crypto';
import { lengthPrefixed, utf8 } from '../../base/bytes.js';
import { Secret } from '../../base/secret.js';
import { TokenRefused } from '../../pkcs11/process.js';
import type { KeptLines, SecretKeeper } from '../destruction-secrets.js';
import { type DestructionSecret, newDestructionSecret } from '../key-file-text.js';
import type { KeyToken, TokenSession } from './ports.js';
import { joined, openedAt, SEALING_BYTES } from './wrapped.js';

export const SECRET_MARKER = 'coffer-destruction-token-v1';
export const OWNER_BYTES = 16;
const ID_BYTES = 16;
const SECRET_BYTES = 32;
/** Of a line in the file: id of the destruction key, and the secret under it. */
export const WRAPPED_SECRET_BYTES = ID_BYTES + SEALING_BYTES + SECRET_BYTES;

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

  tidy(kept: KeptLines): Promise<string | undefined> {
    return this.#asked((session) => this.#delete(session, kept, this.#label));
  }

  async #delete(session: TokenSession, kept: KeptLines, prefix: string): Promise<undefined> {
    const ids = (await kept()).map((line) => line?.expose().subarray(0, ID_BYTES));
    for (const key of await session.destructionKeys({ prefix })) {
      if (!ids.some((id) => id?.equals(key.id))) await session.deleteDestructionKey(key);
    }
  }

  /** What the token refuses, it refuses for good; whatever else fails may be tried again later. */
  #asked<T>(work: (session: TokenSession) => Promise<T>): Promise<T | string> {
    return this.token.use(async (session) => {
      try {
        return await work(session);
      } catch (error) {
        if (error instanceof TokenRefused) return `the token makes or deletes no destruction key: ${error.code}`;
        throw error;
      }
    });
  }
}
