/** How a message becomes what is signed, and with what. `digestBytes`: of a message of type DIGEST. */
export interface SigningScheme {
  scheme: 'pss' | 'pkcs1' | 'ecdsa' | 'ed25519' | 'ed25519ph' | 'ml-dsa';
  hash: 'sha256' | 'sha384' | 'sha512' | 'shake256';
  digestBytes: 32 | 48 | 64;
  messageTypes: readonly MessageType[];
}

export type MessageType = 'RAW' | 'DIGEST' | 'EXTERNAL_MU';

const sha256 = { hash: 'sha256', digestBytes: 32, messageTypes: ['RAW', 'DIGEST'] } as const;
const sha384 = { hash: 'sha384', digestBytes: 48, messageTypes: ['RAW', 'DIGEST'] } as const;
const sha512 = { hash: 'sha512', digestBytes: 64, messageTypes: ['RAW', 'DIGEST'] } as const;

export type SigningAlgorithm = keyof typeof SCHEMES;

const SCHEMES = {
  RSASSA_PSS_SHA_256: { scheme: 'pss', ...sha256 },
  RSASSA_PSS_SHA_384: { scheme: 'pss', ...sha384 },
  RSASSA_PSS_SHA_512: { scheme: 'pss', ...sha512 },
  RSASSA_PKCS1_V1_5_SHA_256: { scheme: 'pkcs1', ...sha256 },
  RSASSA_PKCS1_V1_5_SHA_384: { scheme: 'pkcs1', ...sha384 },
  RSASSA_PKCS1_V1_5_SHA_512: { scheme: 'pkcs1', ...sha512 },
  ECDSA_SHA_256: { scheme: 'ecdsa', ...sha256 },
  ECDSA_SHA_384: { scheme: 'ecdsa', ...sha384 },
  ECDSA_SHA_512: { scheme: 'ecdsa', ...sha512 },
  ED25519_SHA_512: { scheme: 'ed25519', ...sha512, messageTypes: ['RAW'] },
  ED25519_PH_SHA_512: { scheme: 'ed25519ph', ...sha512, messageTypes: ['DIGEST'] },
  /** The 64 bytes of an external mu. */
  ML_DSA_SHAKE_256: { scheme: 'ml-dsa', hash: 'shake256', digestBytes: 64, messageTypes: ['RAW', 'EXTERNAL_MU'] },
} as const;

/** Those of the API model but SM2DSA, which belongs to no key spec here. */
export const SIGNING_ALGORITHMS: Readonly<Record<SigningAlgorithm, SigningScheme>> = SCHEMES;
