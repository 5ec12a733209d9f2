import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { TokenRefused } from '../../src/pkcs11/process.js';
import { RootKeyError } from '../../src/seal/root-key.js';
import type { KeyToken, TokenSession } from '../../src/seal/token/ports.js';
import { type DestructionKey, NO_DESTRUCTION_KEY, NOT_OPENED } from '../../src/seal/token/protocol.js';

/** What a token does, without one: for crashes at every step, of which there are many. */
export class MemoryToken implements KeyToken {
  readonly uri: string;
  readonly keys: { label: string; id: Buffer; key: Buffer }[] = [];
  readonly #tokenKey = randomBytes(32);
  uses = 0;
  /** Calls that are refused, by name. */
  readonly refuses = new Map<string, string>();

  /** `step`: called before each call, and after those that change something. `beside`: another key of the same token. */
  constructor(
    private readonly step: () => void = () => {},
    label = 'memory',
    beside?: MemoryToken,
  ) {
    this.uri = `pkcs11:token=memory;object=${label}?module-path=/none`;
    if (beside) this.keys = beside.keys;
  }

  async use<T>(work: (session: TokenSession) => Promise<T>): Promise<T> {
    this.uses++;
    try {
      return await work(this.#session());
    } catch (error) {
      throw error instanceof TokenRefused ? new RootKeyError(error.code) : error;
    }
  }

  #session(): TokenSession {
    const call =
      <R, A>(name: string, work: (request: R) => A, changes = false) =>
      async (request: R): Promise<A> => {
        this.step();
        const code = this.refuses.get(name);
        if (code !== undefined) throw new TokenRefused(code);
        const answer = work(request);
        if (changes) this.step();
        return answer;
      };
    return {
      wrap: call('wrap', ({ iv, aad, plaintext }) => encrypt(this.#tokenKey, iv, aad, plaintext)),
      unwrap: call('unwrap', ({ iv, aad, ciphertext }) => decrypt(this.#tokenKey, iv, aad, ciphertext)),
      makeDestructionKey: call(
        'makeDestructionKey',
        ({ label, id }) => void this.keys.push({ label, id, key: randomBytes(32) }),
        true,
      ),
      seal: call('seal', ({ iv, aad, plaintext, ...one }) => encrypt(this.#of(one), iv, aad, plaintext)),
      open: call('open', ({ iv, aad, ciphertext, ...one }) => decrypt(this.#of(one), iv, aad, ciphertext)),
      destructionKeys: call('destructionKeys', ({ prefix }) =>
        this.keys.filter(({ label }) => label.startsWith(prefix)).map(({ label, id }) => ({ label, id })),
      ),
      deleteDestructionKey: call(
        'deleteDestructionKey',
        (one) => void this.keys.splice(this.keys.findIndex(isLike(one)), 1),
        true,
      ),
    };
  }

  #of(one: DestructionKey): Buffer {
    const found = this.keys.find(isLike(one));
    if (!found) throw new TokenRefused(NO_DESTRUCTION_KEY);
    return found.key;
  }
}

const isLike =
  ({ label, id }: DestructionKey) =>
  (key: DestructionKey): boolean =>
    key.label === label && key.id.equals(id);

function encrypt(key: Buffer, iv: Buffer, aad: Buffer, plaintext: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aad);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, iv: Buffer, aad: Buffer, ciphertext: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(aad).setAuthTag(ciphertext.subarray(-16));
  try {
    return Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()]);
  } catch {
    throw new TokenRefused(NOT_OPENED);
  }
}
