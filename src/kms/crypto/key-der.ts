import { u16 } from '../../base/bytes.js';
import { contentOf, DerError, elements, only, TAG } from './der.js';

/** What lies inside PKCS#8 (RFC 5208, RFC 5958) and SubjectPublicKeyInfo (RFC 5280). Views of the bytes given, not copies. */
export interface PrivateKeyInfo {
  /** Of the AlgorithmIdentifier, without tag and length. */
  oid: Buffer;
  privateKey: Buffer;
}

/** @throws DerError */
export function readPrivateKeyInfo(pkcs8: Buffer): PrivateKeyInfo {
  const [version, algorithm, privateKey] = elements(only(pkcs8, TAG.sequence));
  const number = contentOf(version, TAG.integer);
  if (number.length !== 1 || number[0]! > 1) throw new DerError('unknown version');
  const [oid] = elements(contentOf(algorithm, TAG.sequence));
  return { oid: contentOf(oid, TAG.oid), privateKey: contentOf(privateKey, TAG.octetString) };
}

/** The scalar of ECPrivateKey (RFC 5915), as long as the curve's order. @throws DerError */
export function readEcScalar(pkcs8: Buffer): Buffer {
  const [, scalar] = elements(only(readPrivateKeyInfo(pkcs8).privateKey, TAG.sequence));
  return contentOf(scalar, TAG.octetString);
}

/** The 32-byte seed of CurvePrivateKey (RFC 8410). @throws DerError */
export function readEdwardsSeed(pkcs8: Buffer): Buffer {
  const seed = only(readPrivateKeyInfo(pkcs8).privateKey, TAG.octetString);
  if (seed.length !== 32) throw new DerError('seed of another length');
  return seed;
}

/** The bits of the key: an EC point, an Ed25519 or an ML-DSA key as it is. @throws DerError */
export function readPublicKeyBits(spki: Buffer): Buffer {
  const [, bits] = elements(only(spki, TAG.sequence));
  const content = contentOf(bits, TAG.bitString);
  if (content[0] !== 0) throw new DerError('bits left over');
  return content.subarray(1);
}

/** SubjectPublicKeyInfo, DER, of lattice keys: the algorithm (content of its OBJECT IDENTIFIER) without parameters, the key as the bits. */
export function spkiOf(oid: Buffer, publicKey: Buffer): Buffer {
  const algorithm = Buffer.concat([Buffer.of(0x30, oid.length + 2, 0x06, oid.length), oid]);
  const bits = Buffer.concat([Buffer.of(0x03, 0x82), u16(publicKey.length + 1), Buffer.of(0), publicKey]);
  return Buffer.concat([Buffer.of(0x30, 0x82), u16(algorithm.length + bits.length), algorithm, bits]);
}
