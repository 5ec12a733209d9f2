import { createECDH } from 'node:crypto';
import { expect } from 'vitest';
import { Secret } from '../../../src/base/secret.js';
import { CURVES } from '../../../src/kms/crypto/ecdsa.js';
import type { EcdsaSpec } from '../../../src/kms/crypto/key-spec.js';

export const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
export const secret = (bytes: Buffer): Secret => new Secret(Buffer.from(bytes));
export const kmsError = (code: string, message?: string) =>
  expect.objectContaining({ name: 'KmsError', code, ...(message === undefined ? {} : { message }) });

/** The bytes with one bit turned over, at a place that differs from call to call only by `seed`. */
export function flipped(bytes: Buffer, seed: number): Buffer {
  const out = Buffer.from(bytes);
  const bit = (seed * 7919) % (bytes.length * 8);
  out[bit >> 3]! ^= 1 << (bit & 7);
  return out;
}

export function spkiOf(spec: EcdsaSpec, scalar: Buffer): Buffer {
  const ecdh = createECDH(CURVES[spec].name);
  ecdh.setPrivateKey(scalar);
  return Buffer.concat([CURVES[spec].spkiPrefix, ecdh.getPublicKey()]);
}

/** DER: r and s as unsigned big-endian numbers. */
export function ecdsaSignature(r: Buffer, s: Buffer): Buffer {
  const body = Buffer.concat([tlv(0x02, unsignedInteger(r)), tlv(0x02, unsignedInteger(s))]);
  return tlv(0x30, body);
}

export function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), content]);
}

export function unsignedInteger(value: Buffer): Buffer {
  let at = 0;
  while (at < value.length - 1 && value[at] === 0) at++;
  const least = value.subarray(at);
  return least[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), least]) : least;
}
