import { createHmac } from 'node:crypto';
import { SIGNING_MESSAGE_MAX_BYTES } from '../../base/limits.js';
import { Mac } from '../../base/mac.js';
import { constraint } from '../errors.js';
import { requireAlgorithm } from './key-spec.js';
import type { OpenedKey } from './opened-key.js';

const HASHES: Readonly<Record<string, string>> = {
  HMAC_SHA_224: 'sha224',
  HMAC_SHA_256: 'sha256',
  HMAC_SHA_384: 'sha384',
  HMAC_SHA_512: 'sha512',
};

/**
 * GenerateMac of the API (RFC 2104). `algorithm`: any name of MacAlgorithmSpec. `message`: 1 to 4,096 bytes.
 * @throws KmsError InvalidKeyUsageException, ValidationException
 */
export function generateMac(key: OpenedKey, algorithm: string, message: Buffer): Mac {
  if (message.length > SIGNING_MESSAGE_MAX_BYTES) {
    throw constraint(
      undefined,
      'message',
      `Member must have length less than or equal to ${SIGNING_MESSAGE_MAX_BYTES}`,
    );
  }
  requireAlgorithm(key.spec, 'GENERATE_VERIFY_MAC', algorithm);
  return new Mac(createHmac(HASHES[algorithm]!, key.raw.expose()).update(message).digest());
}

/** VerifyMac, in constant time: false where the caller answers KMSInvalidMacException, whose message is empty. */
export function verifyMac(key: OpenedKey, algorithm: string, message: Buffer, mac: Buffer): boolean {
  return generateMac(key, algorithm, message).equals(mac);
}
