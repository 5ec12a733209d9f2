import { SIGNING_MESSAGE_MAX_BYTES } from '../../base/limits.js';
import { constraint, validation } from '../errors.js';
import { signEcdsa, signEcdsaDigest, verifyEcdsa, verifyEcdsaDigest } from './ecdsa.js';
import { signEd25519, signEd25519ph, verifyEd25519, verifyEd25519ph } from './eddsa.js';
import { type EcdsaSpec, type KeySpec, type MlDsaSpec, requireAlgorithm } from './key-spec.js';
import { signMlDsa, verifyMlDsa } from './ml-dsa.js';
import type { OpenedKey, OpenedPublicKey } from './opened-key.js';
import { signRsa, signRsaDigest, verifyRsa, verifyRsaDigest } from './rsa-signing.js';
import {
  type MessageType,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
  type SigningScheme,
} from './signing-algorithm.js';

/**
 * Sign of the API. `algorithm`: any name of SigningAlgorithmSpec. RSA over a RAW message runs on another thread; ML-DSA takes tens
 * of milliseconds of this one.
 * @throws KmsError InvalidKeyUsageException, ValidationException
 */
export async function sign(
  key: OpenedKey,
  algorithm: string,
  messageType: MessageType,
  message: Buffer,
): Promise<Buffer> {
  const scheme = schemeFor(key.spec, algorithm, messageType, message);
  const digest = messageType === 'DIGEST';
  switch (scheme.scheme) {
    case 'pss':
    case 'pkcs1':
      return digest ? signRsaDigest(key.keyObject, scheme, message) : signRsa(key.keyObject, scheme, message);
    case 'ecdsa':
      return digest
        ? signEcdsaDigest(key.spec as EcdsaSpec, key.raw, message)
        : signEcdsa(key.keyObject, scheme.hash, message);
    case 'ed25519':
      return signEd25519(key.keyObject, message);
    case 'ed25519ph':
      return signEd25519ph(key.raw, message);
    case 'ml-dsa':
      return signMlDsa(key.spec as MlDsaSpec, key.raw, message, messageType === 'EXTERNAL_MU');
  }
}

/**
 * Verify of the API: false where the caller answers KMSInvalidSignatureException, whose message is empty.
 * @throws KmsError InvalidKeyUsageException, ValidationException
 */
export function verify(
  key: OpenedPublicKey,
  algorithm: string,
  messageType: MessageType,
  message: Buffer,
  signature: Buffer,
): boolean {
  const scheme = schemeFor(key.spec, algorithm, messageType, message);
  const digest = messageType === 'DIGEST';
  switch (scheme.scheme) {
    case 'pss':
    case 'pkcs1':
      return digest
        ? verifyRsaDigest(key.keyObject, scheme, message, signature)
        : verifyRsa(key.keyObject, scheme, message, signature);
    case 'ecdsa':
      return digest
        ? verifyEcdsaDigest(key.spec as EcdsaSpec, key.bits, message, signature)
        : verifyEcdsa(key.keyObject, scheme.hash, message, signature);
    case 'ed25519':
      return verifyEd25519(key.keyObject, message, signature);
    case 'ed25519ph':
      return verifyEd25519ph(key.bits, message, signature);
    case 'ml-dsa':
      return verifyMlDsa(key.spec as MlDsaSpec, key.bits, message, signature, messageType === 'EXTERNAL_MU');
  }
}

function schemeFor(spec: KeySpec, algorithm: string, messageType: MessageType, message: Buffer): SigningScheme {
  if (message.length > SIGNING_MESSAGE_MAX_BYTES) {
    throw constraint(
      undefined,
      'message',
      `Member must have length less than or equal to ${SIGNING_MESSAGE_MAX_BYTES}`,
    );
  }
  requireAlgorithm(spec, 'SIGN_VERIFY', algorithm);
  const name = algorithm as SigningAlgorithm;
  const scheme = SIGNING_ALGORITHMS[name];
  if (!scheme.messageTypes.includes(messageType)) {
    throw validation(`Message type ${messageType} is incompatible with ${whatRefuses(spec, name)}.`);
  }
  if (messageType !== 'RAW' && message.length !== scheme.digestBytes) {
    throw validation(`Digest is invalid length for algorithm ${name}.`);
  }
  return scheme;
}

/** AWS names the key spec. With Ed25519 it is the algorithm that decides: the other one takes that type. */
function whatRefuses(spec: KeySpec, algorithm: string): string {
  return spec === 'ECC_NIST_EDWARDS25519' ? `signing algorithm ${algorithm}` : `key spec ${spec}`;
}
