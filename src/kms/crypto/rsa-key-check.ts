import { checkPrime } from 'node:crypto';
import { promisify } from 'node:util';
import { elements, only, TAG, unsigned } from './der.js';

const isPrime = promisify<bigint, boolean>(checkPrime);

/** FIPS 186-5, A.1.1. */
const LEAST_EXPONENT = 65_537n;
const EXPONENT_LIMIT = 1n << 256n;

/**
 * Whether RSAPrivateKey (RFC 8017, A.1.2; DER) is one of two primes, with a modulus of exactly `bits`, whose every number fits
 * the others. Node reads what doesn't. The numbers can't be zeroed: JavaScript's bigints are out of reach.
 * @throws DerError
 */
export async function isSoundRsaKey(rsaPrivateKey: Buffer, bits: number): Promise<boolean> {
  const numbers = elements(only(rsaPrivateKey, TAG.sequence));
  if (numbers.length !== 9) return false;
  const [version, n, e, d, p, q, dp, dq, qInv] = numbers.map(unsigned) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  if (version !== 0n || bitLength(n) !== bits || p * q !== n || p === q) return false;
  if (bitLength(p) !== bits / 2 || bitLength(q) !== bits / 2) return false;
  if (e < LEAST_EXPONENT || e >= EXPONENT_LIMIT || e % 2n === 0n) return false;
  if (d >= n || (e * d) % (p - 1n) !== 1n || (e * d) % (q - 1n) !== 1n) return false;
  if (dp !== d % (p - 1n) || dq !== d % (q - 1n) || qInv >= p || (qInv * q) % p !== 1n) return false;
  return (await isPrime(p)) && (await isPrime(q));
}

const bitLength = (value: bigint): number => value.toString(2).length;
