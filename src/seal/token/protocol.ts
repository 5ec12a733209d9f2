import type { ObjectMatch, TokenMatch } from '../../pkcs11/uri.js';

/** Given to the process as its arguments, in JSON: nothing of it is secret. */
export interface RootTokenPlace {
  library: string;
  token: TokenMatch;
  object: ObjectMatch;
}

/** A destruction key: CKA_LABEL and CKA_ID. */
export interface DestructionKey {
  label: string;
  id: Buffer;
}

interface Sealing {
  /** 12 bytes. */
  iv: Buffer;
  aad: Buffer;
}

/** What the process with the library is asked to do. Key material and PIN travel in messages, nowhere else. */
export interface RootTokenCalls {
  /** First of all: finds the token and the key in it. One attempt with the PIN. */
  login(request: { pin: Buffer }): void;
  /** Under the token key. @returns ciphertext ‖ tag */
  wrap(request: Sealing & { plaintext: Buffer }): Buffer;
  unwrap(request: Sealing & { ciphertext: Buffer }): Buffer;
  makeDestructionKey(request: DestructionKey): void;
  /** Under a destruction key. @throws NO_DESTRUCTION_KEY */
  seal(request: DestructionKey & Sealing & { plaintext: Buffer }): Buffer;
  open(request: DestructionKey & Sealing & { ciphertext: Buffer }): Buffer;
  /** Those whose label begins so. */
  destructionKeys(request: { prefix: string }): DestructionKey[];
  deleteDestructionKey(request: DestructionKey): void;
}

/** Codes beside those of PKCS#11. */
export const NO_TOKEN = 'NO_TOKEN';
export const AMBIGUOUS_TOKEN = 'AMBIGUOUS_TOKEN';
export const NO_KEY = 'NO_KEY';
export const AMBIGUOUS_KEY = 'AMBIGUOUS_KEY';
/** The message says what is wrong with it. */
export const UNFIT_KEY = 'UNFIT_KEY';
export const LAST_ATTEMPT = 'LAST_ATTEMPT';
export const NO_DESTRUCTION_KEY = 'NO_DESTRUCTION_KEY';
/** The tag is wrong: another key, or changed bytes. */
export const NOT_OPENED = 'NOT_OPENED';
