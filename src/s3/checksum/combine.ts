import { type Algorithm, combines, createChecksum } from './algorithms.js';

/**
 * Polynomials over GF(2) of up to 64 bits as two 32-bit halves, reflected as the CRCs are: bit (width - 1) is x^0. Halves, not a
 * BigInt: 10,000 parts of different sizes take 2 s of BigInt arithmetic, and nothing else runs meanwhile.
 */
interface Word {
  high: number;
  low: number;
}

class Field {
  /** x^(2^k), as far as it was needed. */
  readonly #squares: Word[] = [];

  constructor(
    readonly width: 32 | 64,
    private readonly generator: Word,
  ) {
    this.#squares.push(this.#xTo(1));
  }

  /** x^exponent modulo the generator. A CRC times this is the CRC over so many zero bits more. */
  powerOfX(exponent: number): Word {
    let result = this.#xTo(0);
    for (let rest = exponent, k = 0; rest > 0; rest = Math.floor(rest / 2), k++) {
      this.#squares[k] ??= this.multiply(this.#squares[k - 1]!, this.#squares[k - 1]!);
      if (rest % 2 === 1) result = this.multiply(result, this.#squares[k]!);
    }
    return result;
  }

  multiply(a: Word, b: Word): Word {
    const { generator } = this;
    let { high, low } = b;
    let productHigh = 0;
    let productLow = 0;
    for (let bit = this.width - 1; bit >= 0; bit--) {
      if ((bit >= 32 ? a.high >>> (bit - 32) : a.low >>> bit) & 1) {
        productHigh ^= high;
        productLow ^= low;
      }
      // Times x: towards the low end, since the word is reflected.
      const overflow = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (overflow) {
        high ^= generator.high;
        low ^= generator.low;
      }
    }
    return { high: productHigh, low: productLow };
  }

  parse(base64: string): Word {
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.length * 8 !== this.width) throw new RangeError(`a CRC of ${this.width} bits was expected`);
    return this.width === 32
      ? { high: 0, low: bytes.readUInt32BE(0) }
      : { high: bytes.readUInt32BE(0), low: bytes.readUInt32BE(4) };
  }

  format({ high, low }: Word): string {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(high >>> 0, 0);
    bytes.writeUInt32BE(low >>> 0, 4);
    return bytes.subarray(8 - this.width / 8).toString('base64');
  }

  #xTo(exponent: 0 | 1): Word {
    const top = 1 << (31 - exponent);
    return this.width === 32 ? { high: 0, low: top } : { high: top, low: 0 };
  }
}

const FIELDS = {
  CRC32: new Field(32, { high: 0, low: 0xedb88320 }),
  CRC32C: new Field(32, { high: 0, low: 0x82f63b78 }),
  CRC64NVME: new Field(64, { high: 0x9a6c9329, low: 0xac4bc9b5 }),
};

export interface PartChecksum {
  /** Base64. */
  value: string;
  /** Bytes of the part. */
  size: number;
}

/** The checksum of all parts' bytes together, from theirs alone. Only for CRCs. Base64. */
export function combineFullObject(algorithm: Algorithm, parts: readonly PartChecksum[]): string {
  if (!combines(algorithm)) throw new RangeError(`${algorithm} checksums of parts can't be combined`);
  const field = FIELDS[algorithm];
  // Parts are of one size but for the last: what moves a CRC over so many bytes is computed once for each size.
  const factors = new Map<number, Word>();
  let whole: Word = { high: 0, low: 0 };
  for (const { size, value } of parts) {
    const factor = factors.get(size) ?? field.powerOfX(size * 8);
    factors.set(size, factor);
    const moved = field.multiply(whole, factor);
    const part = field.parse(value);
    whole = { high: moved.high ^ part.high, low: moved.low ^ part.low };
  }
  return field.format(whole);
}

/** Checksum of the parts' checksums, with their number behind it. */
export async function combineComposite(algorithm: Algorithm, parts: readonly { value: string }[]): Promise<string> {
  const hash = await createChecksum(algorithm);
  for (const part of parts) hash.update(Buffer.from(part.value, 'base64'));
  return `${hash.digest().toString('base64')}-${parts.length}`;
}
