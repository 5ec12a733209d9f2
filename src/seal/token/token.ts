import { type Library, TokenError, type Values } from '../../pkcs11/library.js';
import type { Handle, TokenInfo } from '../../pkcs11/pkcs11.js';
import {
  AMBIGUOUS_KEY,
  AMBIGUOUS_TOKEN,
  type DestructionKey,
  LAST_ATTEMPT,
  NO_DESTRUCTION_KEY,
  NO_KEY,
  NO_TOKEN,
  NOT_OPENED,
  type RootTokenCalls,
  type RootTokenPlace,
  UNFIT_KEY,
} from './protocol.js';

const KEY_BYTES = 32;

/** The token that a root key is wrapped in, in the process that has the library to itself. */
export class RootToken implements RootTokenCalls {
  #session: Handle | undefined;
  #key: Handle | undefined;

  constructor(
    private readonly place: RootTokenPlace,
    private readonly library: Library,
  ) {}

  login({ pin }: { pin: Buffer }): void {
    const { js, p } = this.library;
    const { slot, info } = this.#slot();
    if (info.flags & js.CKF_USER_PIN_LOCKED!) throw new TokenError('CKR_PIN_LOCKED');
    // A wrong PIN in a file, and a supervisor that starts the server again: that must not be what locks the token.
    if (info.flags & js.CKF_USER_PIN_FINAL_TRY!) throw new TokenError(LAST_ATTEMPT);
    const session = p.C_OpenSession(slot, js.CKF_SERIAL_SESSION! | js.CKF_RW_SESSION!);
    p.C_Login(session, js.CKU_USER!, pin.toString('utf8'));
    pin.fill(0);
    this.#key = this.#tokenKey(session);
    this.#session = session;
  }

  wrap({ iv, aad, plaintext }: { iv: Buffer; aad: Buffer; plaintext: Buffer }): Buffer {
    return this.library.encrypt(this.#required(), this.#key!, iv, aad, plaintext);
  }

  unwrap({ iv, aad, ciphertext }: { iv: Buffer; aad: Buffer; ciphertext: Buffer }): Buffer {
    return this.#decrypt(this.#required(), this.#key!, iv, aad, ciphertext);
  }

  makeDestructionKey({ label, id }: DestructionKey): void {
    const { js, p } = this.library;
    const template = this.library.attributes({
      ...{ CKA_TOKEN: true, CKA_PRIVATE: true, CKA_SENSITIVE: true, CKA_EXTRACTABLE: false, CKA_VALUE_LEN: KEY_BYTES },
      ...{ CKA_ENCRYPT: true, CKA_DECRYPT: true, CKA_WRAP: false, CKA_UNWRAP: false },
      ...{ CKA_LABEL: label, CKA_ID: id },
    });
    const session = this.#required();
    const made = p.C_GenerateKey(session, { mechanism: js.CKM_AES_KEY_GEN! }, template);
    try {
      // A library may make it another way than it was told to: then it could be copied out before it is deleted.
      this.#requireKept(session, made);
    } catch (error) {
      p.C_DestroyObject(session, made);
      throw error;
    }
  }

  seal({ iv, aad, plaintext, ...key }: DestructionKey & { iv: Buffer; aad: Buffer; plaintext: Buffer }): Buffer {
    return this.library.encrypt(this.#required(), this.#destructionKey(key), iv, aad, plaintext);
  }

  open({ iv, aad, ciphertext, ...key }: DestructionKey & { iv: Buffer; aad: Buffer; ciphertext: Buffer }): Buffer {
    return this.#decrypt(this.#required(), this.#destructionKey(key), iv, aad, ciphertext);
  }

  destructionKeys({ prefix }: { prefix: string }): DestructionKey[] {
    const session = this.#required();
    return this.library
      .find(session, { CKA_CLASS: this.library.js.CKO_SECRET_KEY!, CKA_TOKEN: true })
      .map((handle) => this.library.read(session, handle, 'CKA_LABEL', 'CKA_ID'))
      .map(([label, id]) => ({ label: label!.toString('utf8'), id: Buffer.from(id!) }))
      .filter(({ label }) => label.startsWith(prefix));
  }

  deleteDestructionKey(key: DestructionKey): void {
    const session = this.#required();
    for (const handle of this.#found(session, key)) this.library.p.C_DestroyObject(session, handle);
    // What a library says and doesn't do would be no destruction.
    if (this.#found(session, key).length > 0) throw new TokenError('CKR_ACTION_PROHIBITED', 'it is still there');
  }

  #decrypt(session: Handle, key: Handle, iv: Buffer, aad: Buffer, ciphertext: Buffer): Buffer {
    try {
      return this.library.decrypt(session, key, iv, aad, ciphertext);
    } catch (error) {
      // Libraries tell a wrong tag by several codes.
      const what = String((error as Error).message);
      if (/CKR_(ENCRYPTED_DATA_\w+|GENERAL_ERROR|SIGNATURE_INVALID|DATA_INVALID)|AEAD/.test(what)) {
        throw new TokenError(NOT_OPENED);
      }
      throw error;
    }
  }

  #slot(): { slot: Handle; info: TokenInfo } {
    const { p } = this.library;
    const { label, manufacturer, model, serial, slot: number } = this.place.token;
    const is = (wanted: string | undefined, found: string): boolean =>
      wanted === undefined || wanted === found.replace(/[ \0]+$/, '');
    const found = p
      .C_GetSlotList(true)
      .filter((slot) => number === undefined || Number(slot.readBigUInt64LE(0)) === number)
      .map((slot) => ({ slot, info: p.C_GetTokenInfo(slot) }))
      .filter(({ info }) => is(label, info.label) && is(serial, info.serialNumber))
      .filter(({ info }) => is(manufacturer, info.manufacturerID) && is(model, info.model))
      .filter(({ info }) => (info.flags & this.library.js.CKF_TOKEN_INITIALIZED!) !== 0);
    if (found.length > 1) throw new TokenError(AMBIGUOUS_TOKEN);
    if (!found[0]) throw new TokenError(NO_TOKEN);
    return found[0];
  }

  #tokenKey(session: Handle): Handle {
    const { label, id } = this.place.object;
    const [key, ...others] = this.library.find(session, {
      CKA_CLASS: this.library.js.CKO_SECRET_KEY!,
      ...(label !== undefined && { CKA_LABEL: label }),
      ...(id !== undefined && { CKA_ID: Buffer.from(id, 'hex') }),
    });
    if (!key) throw new TokenError(NO_KEY);
    if (others.length > 0) throw new TokenError(AMBIGUOUS_KEY);
    const [type, length] = this.library.read(session, key, 'CKA_KEY_TYPE', 'CKA_VALUE_LEN').map(ulong);
    if (type !== this.library.js.CKK_AES || length !== KEY_BYTES)
      throw new TokenError(UNFIT_KEY, 'it is no AES-256 key');
    this.#requireKept(session, key);
    return key;
  }

  /** FMT-TOKEN-1. */
  #requireKept(session: Handle, key: Handle): void {
    const names = ['CKA_SENSITIVE', 'CKA_EXTRACTABLE', 'CKA_ENCRYPT', 'CKA_DECRYPT'];
    const [sensitive, extractable, encrypts, decrypts] = this.library
      .read(session, key, ...names)
      .map((value) => value[0] === 1);
    if (!sensitive) throw new TokenError(UNFIT_KEY, 'it is not sensitive');
    if (extractable) throw new TokenError(UNFIT_KEY, 'it is extractable');
    if (!encrypts || !decrypts) throw new TokenError(UNFIT_KEY, 'it is not for encryption and decryption');
  }

  #destructionKey(key: DestructionKey): Handle {
    const [found, ...others] = this.#found(this.#required(), key);
    if (!found || others.length > 0) throw new TokenError(NO_DESTRUCTION_KEY);
    return found;
  }

  #found(session: Handle, { label, id }: DestructionKey): Handle[] {
    const template: Values = { CKA_CLASS: this.library.js.CKO_SECRET_KEY!, CKA_LABEL: label, CKA_ID: id };
    return this.library.find(session, template);
  }

  #required(): Handle {
    if (!this.#session) throw new TokenError('CKR_USER_NOT_LOGGED_IN');
    return this.#session;
  }
}

/** CK_ULONG, as this machine has it. */
const ulong = (value: Buffer): number =>
  value.length === 8 ? Number(value.readBigUInt64LE(0)) : value.readUInt32LE(0);
