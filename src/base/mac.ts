import { timingSafeEqual } from 'node:crypto';

/** A digest or MAC that is compared in constant time. Holding it in a class forbids `===` on its value. */
export class Mac {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  equals(other: Mac | Uint8Array): boolean {
    const bytes = other instanceof Mac ? other.#bytes : other;
    return bytes.length === this.#bytes.length && timingSafeEqual(bytes, this.#bytes);
  }

  /** For storing or sending it. Never compare what this returns. */
  toBytes(): Buffer {
    return Buffer.from(this.#bytes);
  }
}

const SHA256_HEX = /^[0-9a-f]{64}$/;
const [computedBytes, claimedBytes] = [Buffer.allocUnsafeSlow(32), Buffer.allocUnsafeSlow(32)];

/** Whether `claimed` is the same SHA-256 digest or MAC as `computed`, which is hex in lower case. As `Mac`, without its objects. */
export function equalSha256(computed: string, claimed: string): boolean {
  if (!SHA256_HEX.test(claimed)) return false;
  computedBytes.write(computed, 'hex');
  claimedBytes.write(claimed, 'hex');
  return timingSafeEqual(computedBytes, claimedBytes);
}
