import { utf8 } from '../base/bytes.js';
import { KmsError } from '../encryption/ports.js';
import type { Xaes } from '../seal/xaes.js';
import { StoreDamaged } from '../store/errors.js';
import type { WrappingAlgorithm } from './crypto/import-wrapping.js';

/** What an ImportToken carries, sealed: nothing of an import that was begun has to be stored. */
export interface ImportTicket {
  accountId: string;
  keyId: string;
  /** Absent: COFFER_REGION. */
  region?: string | undefined;
  algorithm: WrappingAlgorithm;
  validToMs: number;
  /** The private wrapping key, PKCS#8 DER. */
  privateKey: Buffer;
}

const AAD = utf8('coffer/kms/import-token');

/** u32 length of the JSON ‖ JSON ‖ private key, sealed under a key derived from the root key. */
export function sealTicket(cipher: Xaes, { privateKey, ...rest }: ImportTicket): Buffer {
  const json = utf8(JSON.stringify(rest));
  const plaintext = Buffer.alloc(4 + json.length + privateKey.length);
  plaintext.writeUInt32BE(json.length);
  json.copy(plaintext, 4);
  privateKey.copy(plaintext, 4 + json.length);
  const sealed = cipher.seal(AAD, plaintext);
  plaintext.fill(0);
  return sealed;
}

/** @throws KmsError InvalidImportTokenException */
export function openTicket(cipher: Xaes, token: Uint8Array): ImportTicket {
  let plaintext: Buffer;
  try {
    plaintext = cipher.open(AAD, token);
  } catch (error) {
    if (!(error instanceof StoreDamaged)) throw error;
    throw invalidToken();
  }
  const jsonBytes = plaintext.readUInt32BE();
  const rest = JSON.parse(plaintext.toString('utf8', 4, 4 + jsonBytes)) as Omit<ImportTicket, 'privateKey'>;
  const privateKey = Buffer.from(plaintext.subarray(4 + jsonBytes));
  plaintext.fill(0);
  return { ...rest, privateKey };
}

export const invalidToken = (): KmsError =>
  new KmsError('InvalidImportTokenException', 'The import token is not valid for this key.');
