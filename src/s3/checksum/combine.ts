import { type Algorithm, combines, createChecksum } from './algorithms.js';

const WIDTH = { CRC32: 32n, CRC32C: 32n, CRC64NVME: 64n };
/** Reflected generator polynomials. */
const POLYNOMIAL = { CRC32: 0xedb88320n, CRC32C: 0x82f63b78n, CRC64NVME: 0x9a6c9329ac4bc9b5n };

export interface PartChecksum {
  /** Base64. */
  value: string;
  /** Bytes of the part. */
  size: number;
}

/** The checksum of all parts' bytes together, from theirs alone. Only for CRCs. Base64. */
export function combineFullObject(algorithm: Algorithm, parts: readonly PartChecksum[]): string {
  if (!combines(algorithm)) throw new RangeError(`${algorithm} checksums of parts can't be combined`);
  const field = { polynomial: POLYNOMIAL[algorithm], width: WIDTH[algorithm] };
  // Parts are of one size but for the last: what moves a CRC over so many bytes is computed once for each size.
  const factors = new Map<number, bigint>();
  let whole = 0n;
  for (const { size, value } of parts) {
    const factor = factors.get(size) ?? powerOfX(BigInt(size) * 8n, field);
    factors.set(size, factor);
    whole = multiply(whole, factor, field) ^ BigInt(`0x${Buffer.from(value, 'base64').toString('hex')}`);
  }
  return Buffer.from(whole.toString(16).padStart(Number(field.width) / 4, '0'), 'hex').toString('base64');
}

interface Field {
  polynomial: bigint;
  width: bigint;
}

/** x^exponent modulo the generator, reflected: bit (width - 1) is x^0. A CRC times this is the CRC over so many zero bits more. */
function powerOfX(exponent: bigint, field: Field): bigint {
  let result = 1n << (field.width - 1n);
  let square = 1n << (field.width - 2n);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = multiply(result, square, field);
    square = multiply(square, square, field);
  }
  return result;
}

/** Product of two reflected polynomials modulo the generator. */
function multiply(a: bigint, b: bigint, { polynomial, width }: Field): bigint {
  let product = 0n;
  let factor = b;
  for (let bit = 1n << (width - 1n); bit > 0n; bit >>= 1n) {
    if (a & bit) product ^= factor;
    factor = factor & 1n ? (factor >> 1n) ^ polynomial : factor >> 1n;
  }
  return product;
}

/** Checksum of the parts' checksums, with their number behind it. */
export async function combineComposite(algorithm: Algorithm, parts: readonly { value: string }[]): Promise<string> {
  const hash = await createChecksum(algorithm);
  for (const part of parts) hash.update(Buffer.from(part.value, 'base64'));
  return `${hash.digest().toString('base64')}-${parts.length}`;
}
