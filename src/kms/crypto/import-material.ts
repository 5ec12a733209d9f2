import { createECDH, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { Secret } from '../../base/secret.js';
import { KmsError } from '../../encryption/ports.js';
import { contentOf, elements, only, TAG } from './der.js';
import { CURVES } from './ecdsa.js';
import { readEcScalar, readPrivateKeyInfo } from './key-der.js';
import {
  type EcdsaSpec,
  isEdwards,
  isHmac,
  isMlDsa,
  isMlKem,
  isRsa,
  type KeySpec,
  type MlDsaSpec,
  type MlKemSpec,
  type RsaSpec,
} from './key-spec.js';
import {
  HMAC_KEY_BYTES,
  type KeyMaterial,
  MODULUS_BITS,
  mlDsaMaterial,
  mlKemMaterial,
  SYMMETRIC_KEY_BYTES,
} from './material.js';
import { expandSeed, ML_DSA_SEED_BYTES, mlDsaOid } from './ml-dsa.js';
import { expandKemSeed, ML_KEM_SEED_BYTES, mlKemOid } from './ml-kem.js';
import { ownCopy } from './own-copy.js';
import { isSoundRsaKey } from './rsa-key-check.js';

/**
 * The key of a spec from unwrapped bytes: 32 of them for SYMMETRIC_DEFAULT, exactly the spec's for HMAC, PKCS#8 DER (RFC 5208;
 * ML-DSA by RFC 9881 and ML-KEM by RFC 9935, with their seed) for pairs. The public half is computed, never believed. The caller disposes `plaintext`.
 * @throws KmsError IncorrectKeyMaterialException
 */
export async function importMaterial(spec: KeySpec, plaintext: Secret): Promise<KeyMaterial> {
  const bytes = plaintext.expose();
  if (spec === 'SYMMETRIC_DEFAULT') return { secret: exactly(bytes, SYMMETRIC_KEY_BYTES) };
  if (isHmac(spec)) return { secret: exactly(bytes, HMAC_KEY_BYTES[spec]) };
  let material: KeyMaterial | undefined;
  try {
    if (isMlDsa(spec) || isMlKem(spec)) material = importLattice(latticeOf(spec), bytes);
    else if (isRsa(spec)) material = await importRsa(spec, bytes);
    else if (isEdwards(spec)) material = exported(parse(bytes, 'ed25519'));
    else material = importEcc(spec, bytes);
  } catch {
    // The cause may quote what it read.
    throw incorrect();
  }
  if (!material) throw incorrect();
  return material;
}

async function importRsa(spec: RsaSpec, bytes: Buffer): Promise<KeyMaterial | undefined> {
  const key = parse(bytes, 'rsa');
  if (!(await isSoundRsaKey(readPrivateKeyInfo(bytes).privateKey, MODULUS_BITS[spec]))) return undefined;
  return exported(key);
}

function importEcc(spec: EcdsaSpec, bytes: Buffer): KeyMaterial | undefined {
  const key = parse(bytes, 'ec');
  const { name, spkiPrefix } = CURVES[spec];
  if (key.asymmetricKeyDetails?.namedCurve !== name) return undefined;
  const ecdh = createECDH(name);
  // Refuses 0 and what is not below the order of the curve.
  ecdh.setPrivateKey(readEcScalar(bytes));
  const material = exported(key);
  // OpenSSL believes a public key that stands beside the private one, and keeps a curve written out by its parameters.
  const spki = Buffer.concat([spkiPrefix, ecdh.getPublicKey()]);
  if (spki.equals(material.publicKey)) return material;
  material.secret.dispose();
  return undefined;
}

/** How the private keys of a lattice spec are told apart, made anew from their seed, and compared. */
interface Lattice {
  oid: Buffer;
  seedBytes: number;
  expand(seed: Buffer): { secretKey: Secret };
  material(seed: Buffer): KeyMaterial;
}

function latticeOf(spec: MlDsaSpec | MlKemSpec): Lattice {
  return isMlKem(spec)
    ? {
        oid: mlKemOid(spec),
        seedBytes: ML_KEM_SEED_BYTES,
        expand: (seed) => expandKemSeed(spec, seed),
        material: (seed) => mlKemMaterial(spec, seed),
      }
    : {
        oid: mlDsaOid(spec),
        seedBytes: ML_DSA_SEED_BYTES,
        expand: (seed) => expandSeed(spec, seed),
        material: (seed) => mlDsaMaterial(spec, seed),
      };
}

function importLattice(lattice: Lattice, bytes: Buffer): KeyMaterial | undefined {
  const { oid, privateKey } = readPrivateKeyInfo(bytes);
  if (!oid.equals(lattice.oid)) return undefined;
  const [choice, more] = elements(privateKey);
  if (!choice || more) return undefined;
  let seed: Buffer;
  if (choice.tag === SEED_TAG) seed = choice.content;
  else {
    const [seedElement, expanded, third] = elements(contentOf(choice, TAG.sequence));
    seed = contentOf(seedElement, TAG.octetString);
    if (third || !isExpansionOf(lattice, seed, contentOf(expanded, TAG.octetString))) return undefined;
  }
  if (seed.length !== lattice.seedBytes) return undefined;
  return lattice.material(ownCopy(seed));
}

/** [0] IMPLICIT OCTET STRING: RFC 9881 and RFC 9935, section 6 of both. */
const SEED_TAG = 0x80;

function isExpansionOf(lattice: Lattice, seed: Buffer, expanded: Buffer): boolean {
  if (seed.length !== lattice.seedBytes) return false;
  const { secretKey } = lattice.expand(seed);
  const same = secretKey.expose().equals(expanded);
  secretKey.dispose();
  return same;
}

function parse(bytes: Buffer, type: 'rsa' | 'ec' | 'ed25519'): KeyObject {
  // OpenSSL reads over bytes behind the key.
  only(bytes, TAG.sequence);
  const key = createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' });
  if (key.asymmetricKeyType !== type) throw incorrect();
  return key;
}

function exported(key: KeyObject): Required<KeyMaterial> {
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { secret: new Secret(key.export({ format: 'der', type: 'pkcs8' })), publicKey };
}

function exactly(bytes: Buffer, length: number): Secret {
  if (bytes.length !== length) throw incorrect();
  return new Secret(ownCopy(bytes));
}

const incorrect = (): KmsError =>
  new KmsError('IncorrectKeyMaterialException', 'The key material is invalid or does not match the key spec.');
