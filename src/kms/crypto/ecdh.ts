import { createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { Secret } from '../../base/secret.js';
import { validation } from '../errors.js';
import { CURVES } from './ecdsa.js';
import { type NistCurveSpec, requireAlgorithm } from './key-spec.js';
import type { OpenedKey } from './opened-key.js';

/**
 * DeriveSharedSecret of the API: the x-coordinate (SP 800-56A, 5.7.1.2), 32, 48 or 66 bytes. `peer`: SubjectPublicKeyInfo DER.
 * @throws KmsError InvalidKeyUsageException, and ValidationException where the peer's key is none of the same curve
 */
export function deriveSharedSecret(key: OpenedKey, peer: Buffer): Secret {
  requireAlgorithm(key.spec, 'KEY_AGREEMENT', 'ECDH');
  const publicKey = readPeer(key.spec as NistCurveSpec, peer);
  return new Secret(diffieHellman({ privateKey: key.keyObject, publicKey }));
}

function readPeer(spec: NistCurveSpec, peer: Buffer): KeyObject {
  const { name, spkiPrefix } = CURVES[spec];
  let key: KeyObject;
  try {
    // Refuses a point that isn't on the curve, and the one at infinity.
    key = createPublicKey({ key: peer, format: 'der', type: 'spki' });
  } catch {
    throw validation('');
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== name) throw validation('');
  // A curve written out by its parameters, and bytes behind the key, are read by OpenSSL and meant by nobody.
  if (!peer.subarray(0, spkiPrefix.length).equals(spkiPrefix)) throw validation('');
  if (!key.export({ format: 'der', type: 'spki' }).equals(peer)) throw validation('');
  return key;
}
