import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { Secret } from '../../base/secret.js';
import { readEcScalar, readEdwardsSeed, readPublicKeyBits } from './key-der.js';
import { type HmacSpec, isEdwards, isHmac, isMlDsa, isMlKem, type PairSpec } from './key-spec.js';
import { expandSeed } from './ml-dsa.js';
import { expandKemSeed } from './ml-kem.js';
import { ownCopy } from './own-copy.js';

/**
 * A private or HMAC key, parsed once: keep it as long as it is used often. What Node parsed (`keyObject`) is out of reach and is
 * freed with this object; what lies in buffers is zeroed by `dispose`.
 */
export class OpenedKey {
  #keyObject: KeyObject | undefined;
  #raw: Secret | undefined;
  #disposed = false;

  constructor(
    readonly spec: PairSpec | HmacSpec,
    secret: Secret,
  ) {
    if (isHmac(spec)) this.#raw = new Secret(ownCopy(secret.expose()));
    else if (isMlDsa(spec)) this.#raw = expandSeed(spec, secret.expose()).secretKey;
    else if (isMlKem(spec)) this.#raw = expandKemSeed(spec, secret.expose()).secretKey;
    else this.#keyObject = createPrivateKey({ key: secret.expose(), format: 'der', type: 'pkcs8' });
  }

  /** RSA, ECC and Ed25519 only. */
  get keyObject(): KeyObject {
    this.#requireOpen();
    return this.#keyObject!;
  }

  /** The HMAC key, the ECDSA scalar, the Ed25519 seed or the expanded ML-DSA or ML-KEM key; RSA has none. Not the caller's to dispose. */
  get raw(): Secret {
    this.#requireOpen();
    this.#raw ??= this.#extract();
    return this.#raw;
  }

  dispose(): void {
    this.#disposed = true;
    this.#raw?.dispose();
    this.#keyObject = undefined;
  }

  #extract(): Secret {
    const pkcs8 = this.#keyObject!.export({ format: 'der', type: 'pkcs8' });
    try {
      return new Secret(ownCopy(isEdwards(this.spec) ? readEdwardsSeed(pkcs8) : readEcScalar(pkcs8)));
    } finally {
      pkcs8.fill(0);
    }
  }

  /** A zeroed key would go on making MACs. */
  #requireOpen(): void {
    if (this.#disposed) throw new Error('the key was disposed');
  }
}

/** A public key, parsed once. */
export class OpenedPublicKey {
  readonly #keyObject: KeyObject | undefined;
  /** An EC point or the key itself for Ed25519, ML-DSA and ML-KEM; nothing one would want for RSA. */
  readonly bits: Buffer;

  constructor(
    readonly spec: PairSpec,
    spki: Buffer,
  ) {
    this.bits = readPublicKeyBits(spki);
    if (!isMlDsa(spec) && !isMlKem(spec)) this.#keyObject = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  }

  /** RSA, ECC and Ed25519 only. */
  get keyObject(): KeyObject {
    return this.#keyObject!;
  }
}

/**
 * `secret`: as KeyMaterial has it. It is copied: the caller may dispose it at once. Use it for no key of another spec.
 *
 * @example
 * const key = openKey('ECC_NIST_P256', material.secret);
 * const signature = await sign(key, 'ECDSA_SHA_256', 'RAW', message);
 * key.dispose();
 */
export function openKey(spec: PairSpec | HmacSpec, secret: Secret): OpenedKey {
  return new OpenedKey(spec, secret);
}

/** `publicKey`: as KeyMaterial has it. */
export function openPublicKey(spec: PairSpec, publicKey: Buffer): OpenedPublicKey {
  return new OpenedPublicKey(spec, publicKey);
}
