import { BoundedMap } from '../base/bounded-map.js';
import { utf8 } from '../base/bytes.js';
import { Secret } from '../base/secret.js';
import { Xaes } from '../seal/xaes.js';
import { StoreDamaged } from '../store/errors.js';
import type { HmacSpec, PairSpec } from './crypto/key-spec.js';
import { type OpenedKey, type OpenedPublicKey, openKey, openPublicKey } from './crypto/opened-key.js';
import { Gate } from './gate.js';
import type { BackingKey, KeyRecord } from './key-record.js';

/** Opened backing keys kept in memory: so many. */
const OPENED_MAX = 10_000;

type Owner = Pick<KeyRecord, 'accountId' | 'keyId'>;

/** Backing keys under the key-store key: wrapped as they are stored, opened as they are used. */
export class KeyWraps {
  readonly #ciphers = new BoundedMap<Xaes>(OPENED_MAX);
  readonly #keys = new BoundedMap<OpenedKey>(OPENED_MAX);
  readonly #publicKeys = new BoundedMap<OpenedPublicKey>(OPENED_MAX);
  #wrapping: Xaes;
  /** While the key-store key is replaced. */
  #previous: Xaes | undefined;
  /** Whoever wraps passes together; the key-store key changes while nobody is under way. */
  readonly #gate = new Gate();

  /** `keyStoreKey`: 32 bytes; `previous`: the one before, where its replacement hasn't ended. */
  constructor(keyStoreKey: Secret, previous?: Secret) {
    this.#wrapping = new Xaes(keyStoreKey);
    if (previous) this.#previous = new Xaes(previous);
  }

  /** From the wrapping to the commit of what was wrapped: the key-store key stays the same meanwhile. */
  whileWrapping<T>(work: () => Promise<T>): Promise<T> {
    return this.#gate.shared(work);
  }

  /** Base64. Call it within `whileWrapping`. */
  wrap(owner: Owner, id: string, material: Secret): string {
    return this.#wrapping.seal(aad(owner, id), material.expose()).toString('base64');
  }

  /** The cipher of a symmetric key. @throws StoreDamaged */
  cipher(record: KeyRecord, backing: BackingKey): Xaes {
    const opened = this.#ciphers.get(backing.id);
    if (opened) return opened;
    const { secret } = this.#unwrap(record, backing);
    const cipher = new Xaes(secret);
    secret.dispose();
    this.#ciphers.set(backing.id, cipher);
    return cipher;
  }

  /** A private or HMAC key. @throws StoreDamaged */
  key(record: KeyRecord, backing: BackingKey): OpenedKey {
    const opened = this.#keys.get(backing.id);
    if (opened) return opened;
    const { secret } = this.#unwrap(record, backing);
    const key = openKey(record.spec as PairSpec | HmacSpec, secret);
    secret.dispose();
    this.#keys.set(backing.id, key);
    return key;
  }

  /** The public half of a pair. */
  publicKey(record: KeyRecord, backing: BackingKey): OpenedPublicKey {
    const opened = this.#publicKeys.get(backing.id);
    if (opened) return opened;
    const key = openPublicKey(record.spec as PairSpec, Buffer.from(backing.publicKey!, 'base64'));
    this.#publicKeys.set(backing.id, key);
    return key;
  }

  /** Its material is gone, or its key is. */
  forget(id: string): void {
    this.#ciphers.delete(id);
    this.#keys.delete(id);
    this.#publicKeys.delete(id);
  }

  /** `draw` makes the new key-store key durable. What is wrapped from now on is wrapped under it. */
  async changeKeyStoreKey(draw: () => Promise<Secret>): Promise<Secret> {
    return this.#gate.exclusive(async () => {
      const key = await draw();
      this.#previous = this.#wrapping;
      this.#wrapping = new Xaes(key);
      return key;
    });
  }

  /** Another process has replaced it: nothing that was opened before is kept. */
  use(keyStoreKey: Secret, previous: Secret | undefined): void {
    this.#wrapping = new Xaes(keyStoreKey);
    this.#previous = previous && new Xaes(previous);
    for (const opened of [this.#ciphers, this.#keys, this.#publicKeys]) opened.clear();
  }

  /** Everything is wrapped under the current one. */
  forgetPreviousKeyStoreKey(): void {
    this.#previous = undefined;
  }

  isCurrent(record: Owner, backing: BackingKey): boolean {
    if (backing.wrapped === undefined) return true;
    const { secret, current } = this.#unwrap(record, backing);
    secret.dispose();
    return current;
  }

  rewrap(record: Owner, backing: BackingKey): BackingKey {
    if (backing.wrapped === undefined) return backing;
    const { secret } = this.#unwrap(record, backing);
    const wrapped = this.wrap(record, backing.id, secret);
    secret.dispose();
    return { ...backing, wrapped };
  }

  /** Wraps are authenticated: trying the key-store keys in turn can't open one wrongly. @throws StoreDamaged */
  #unwrap(record: Owner, backing: BackingKey): { secret: Secret; current: boolean } {
    const bound = aad(record, backing.id);
    const wrapped = Buffer.from(backing.wrapped!, 'base64');
    try {
      return { secret: new Secret(this.#wrapping.open(bound, wrapped)), current: true };
    } catch (error) {
      if (!this.#previous || !(error instanceof StoreDamaged)) throw error;
      return { secret: new Secret(this.#previous.open(bound, wrapped)), current: false };
    }
  }
}

const aad = ({ accountId, keyId }: Owner, id: string): Buffer =>
  utf8(`coffer/kms/backing-key\0${accountId}\0${keyId}\0${id}`);
