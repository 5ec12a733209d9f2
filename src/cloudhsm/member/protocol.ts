import type { AnswerFrom, RequestIn } from '../../pkcs11/protocol.js';

/** What the process of a member is asked to do. Buffers travel as they are; PINs travel, and are kept by neither side's files. */
export interface MemberCalls {
  /** Makes the token, its PINs, and the member's key pair in it; what is there of it stays. Answers the public key, SPKI in DER. */
  make(request: { soPin: string; userPin: string }): Buffer;
  /** PKCS#1 v1.5 with SHA-256, by the member's key pair, for a certificate request. */
  sign(request: { userPin: string; data: Buffer }): Buffer;
  /** Answers nothing; throws CKR_PIN_INCORRECT. */
  checkOfficer(request: { soPin: string }): void;
  setOfficer(request: { soPin: string; newPin: string }): void;
  setUser(request: { soPin: string; userPin: string }): void;
  changeUser(request: { userPin: string; newPin: string }): void;
  /** From here on the process works for the crypto user. */
  login(request: { userPin: string }): void;
  ping(request: Record<never, never>): void;
  /** CKA_IDs of the keys of key stores, hex. */
  list(request: Record<never, never>): string[];
  makeKey(request: { reference: string; label: string }): void;
  deleteKey(request: { reference: string }): void;
  /** The key under another member's public key (SPKI): RSA-OAEP. */
  wrapKey(request: { reference: string; publicKey: Buffer }): { wrapped: Buffer; label: string };
  unwrapKey(request: { reference: string; wrapped: Buffer; label: string }): void;
  encrypt(request: { reference: string; iv: Buffer; plaintext: Buffer; aad: Buffer }): Buffer;
  decrypt(request: { reference: string; iv: Buffer; ciphertext: Buffer; aad: Buffer }): Buffer;
}

export type MemberCall = keyof MemberCalls;
export type RequestOf<C extends MemberCall> = RequestIn<MemberCalls, C>;
export type AnswerOf<C extends MemberCall> = AnswerFrom<MemberCalls, C>;

/** Given to the process as its arguments, in JSON: nothing of it is secret. */
export interface MemberToken {
  library: string;
  /** CKA_LABEL of the token: it is found by that, unless it was initialized by somebody else. */
  label: string;
  /** The slot to make it in; absent: the library's first that has none yet (SoftHSM has one such always). */
  slot?: number;
  /** The token is there, with PINs; it is found by its slot. */
  initialized?: true;
}

/** Of an error that the token answered, and not its process' end. */
export const NO_KEY = 'NO_KEY';
export const NO_TOKEN = 'NO_TOKEN';

/** So begin labels (CKA_LABEL) of keys of key stores, which the key's id follows. */
export const LABEL_PREFIX = 'kms:';
