import { createPublicKey } from 'node:crypto';
import { Library, TokenError, type Values } from '../../pkcs11/library.js';
import type { Attribute, Handle, Mechanism } from '../../pkcs11/pkcs11.js';
import { LABEL_PREFIX, type MemberCalls, type MemberToken, NO_KEY, NO_TOKEN } from './protocol.js';

/** Objects of Coffer's own among those of the token's owner. */
const MEMBER_LABEL = 'coffer member';
const MEMBER_ID = Buffer.from('coffer-member');
const RSA_BITS = 2048;
/** Handles of keys that are kept. */
const HANDLES_MAX = 10_000;

/** One token of one library, in the process that has the library to itself. */
export class Token implements MemberCalls {
  readonly #library: Library;
  readonly #js: Library['js'];
  readonly #p: Library['p'];
  #session: Handle | undefined;
  /** Of keys, by reference. */
  readonly #handles = new Map<string, Handle>();

  constructor(private readonly token: MemberToken) {
    this.#library = new Library(token.library);
    this.#js = this.#library.js;
    this.#p = this.#library.p;
  }

  make({ soPin, userPin }: { soPin: string; userPin: string }): Buffer {
    const js = this.#js;
    if (this.token.initialized) this.checkOfficer({ soPin });
    else {
      if (!this.#found()) this.#p.C_InitToken(this.#freeSlot(), soPin, this.token.label.padEnd(32));
      this.#as(js.CKU_SO!, soPin, (session) => this.#p.C_InitPIN(session, userPin));
    }
    return this.#as(js.CKU_USER!, userPin, (session) => {
      this.#requireEmpty(session);
      const { publicKey } = this.#p.C_GenerateKeyPair(
        session,
        { mechanism: js.CKM_RSA_PKCS_KEY_PAIR_GEN! },
        this.#library.attributes({
          ...{ CKA_TOKEN: true, CKA_PRIVATE: false, CKA_VERIFY: true, CKA_WRAP: true, CKA_ENCRYPT: false },
          ...{ CKA_MODULUS_BITS: RSA_BITS, CKA_PUBLIC_EXPONENT: Buffer.of(1, 0, 1) },
          ...{ CKA_LABEL: MEMBER_LABEL, CKA_ID: MEMBER_ID },
        }),
        this.#library.attributes({
          ...{ CKA_TOKEN: true, CKA_PRIVATE: true, CKA_SENSITIVE: true, CKA_EXTRACTABLE: false },
          ...{ CKA_SIGN: true, CKA_UNWRAP: true, CKA_DECRYPT: false, CKA_LABEL: MEMBER_LABEL, CKA_ID: MEMBER_ID },
        }),
      );
      const [n, e] = this.#p.C_GetAttributeValue(session, publicKey, [
        { type: js.CKA_MODULUS! },
        { type: js.CKA_PUBLIC_EXPONENT! },
      ]);
      const jwk = { kty: 'RSA', n: n!.value.toString('base64url'), e: e!.value.toString('base64url') };
      return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' });
    });
  }

  sign({ userPin, data }: { userPin: string; data: Buffer }): Buffer {
    return this.#as(this.#js.CKU_USER!, userPin, (session) => {
      this.#p.C_SignInit(session, { mechanism: this.#js.CKM_SHA256_RSA_PKCS! }, this.#ownKey(session));
      return Buffer.from(this.#p.C_Sign(session, data, Buffer.alloc(RSA_BITS / 8)));
    });
  }

  checkOfficer({ soPin }: { soPin: string }): void {
    this.#as(this.#js.CKU_SO!, soPin, () => {});
  }

  setOfficer({ soPin, newPin }: { soPin: string; newPin: string }): void {
    this.#as(this.#js.CKU_SO!, soPin, (session) => this.#p.C_SetPIN(session, soPin, newPin));
  }

  setUser({ soPin, userPin }: { soPin: string; userPin: string }): void {
    this.#as(this.#js.CKU_SO!, soPin, (session) => this.#p.C_InitPIN(session, userPin));
  }

  changeUser({ userPin, newPin }: { userPin: string; newPin: string }): void {
    this.#as(this.#js.CKU_USER!, userPin, (session) => this.#p.C_SetPIN(session, userPin, newPin));
  }

  login({ userPin }: { userPin: string }): void {
    const session = this.#open();
    this.#p.C_Login(session, this.#js.CKU_USER!, userPin);
    this.#session = session;
  }

  /** Asks the library too: a process that answers alone would not show that its token hangs. */
  ping(): void {
    this.#p.C_GetTokenInfo(this.#slot());
  }

  list(): string[] {
    const js = this.#js;
    const session = this.#required();
    const found = this.#library.find(session, { CKA_CLASS: js.CKO_SECRET_KEY!, CKA_TOKEN: true });
    return found
      .map((handle) => this.#p.C_GetAttributeValue(session, handle, [{ type: js.CKA_ID! }, { type: js.CKA_LABEL! }]))
      .filter(([id, label]) => id!.value.length === ID_BYTES && isKeyStores(label!.value.toString('utf8')))
      .map(([id]) => id!.value.toString('hex'));
  }

  makeKey({ reference, label }: { reference: string; label: string }): void {
    const mechanism = { mechanism: this.#js.CKM_AES_KEY_GEN! };
    const template = this.#keyTemplate(reference, label, { CKA_VALUE_LEN: 32 });
    this.#handles.set(reference, this.#p.C_GenerateKey(this.#required(), mechanism, template));
  }

  deleteKey({ reference }: { reference: string }): void {
    const session = this.#required();
    this.#handles.delete(reference);
    for (const handle of this.#keysOf(session, reference)) this.#p.C_DestroyObject(session, handle);
  }

  wrapKey({ reference, publicKey }: { reference: string; publicKey: Buffer }): { wrapped: Buffer; label: string } {
    const js = this.#js;
    const session = this.#required();
    const key = this.#key(session, reference);
    const { n, e } = createPublicKey({ key: publicKey, type: 'spki', format: 'der' }).export({ format: 'jwk' });
    const wrappingKey = this.#p.C_CreateObject(
      session,
      this.#library.attributes({
        ...{ CKA_CLASS: js.CKO_PUBLIC_KEY!, CKA_KEY_TYPE: js.CKK_RSA!, CKA_TOKEN: false, CKA_WRAP: true },
        ...{ CKA_MODULUS: Buffer.from(n!, 'base64url'), CKA_PUBLIC_EXPONENT: Buffer.from(e!, 'base64url') },
      }),
    );
    try {
      const wrapped = this.#p.C_WrapKey(session, this.#oaep(), wrappingKey, key, Buffer.alloc(RSA_BITS / 8));
      const [label] = this.#p.C_GetAttributeValue(session, key, [{ type: js.CKA_LABEL! }]);
      return { wrapped: Buffer.from(wrapped), label: label!.value.toString('utf8') };
    } finally {
      this.#p.C_DestroyObject(session, wrappingKey);
    }
  }

  unwrapKey({ reference, wrapped, label }: { reference: string; wrapped: Buffer; label: string }): void {
    const session = this.#required();
    if (this.#keysOf(session, reference).length > 0) return;
    const template = this.#keyTemplate(reference, label, {
      CKA_CLASS: this.#js.CKO_SECRET_KEY!,
      CKA_KEY_TYPE: this.#js.CKK_AES!,
    });
    const handle = this.#p.C_UnwrapKey(session, this.#oaep(), this.#ownKey(session), wrapped, template);
    this.#handles.set(reference, handle);
  }

  encrypt({ reference, iv, plaintext, aad }: { reference: string; iv: Buffer; plaintext: Buffer; aad: Buffer }) {
    const session = this.#required();
    return this.#library.encrypt(session, this.#key(session, reference), iv, aad, plaintext);
  }

  decrypt({ reference, iv, ciphertext, aad }: { reference: string; iv: Buffer; ciphertext: Buffer; aad: Buffer }) {
    const session = this.#required();
    return this.#library.decrypt(session, this.#key(session, reference), iv, aad, ciphertext);
  }

  /** In a session of its own, logged in for as long as `work` runs. */
  #as<T>(userType: number, pin: string, work: (session: Handle) => T): T {
    const session = this.#open();
    try {
      this.#p.C_Login(session, userType, pin);
      try {
        return work(session);
      } finally {
        this.#p.C_Logout(session);
      }
    } finally {
      this.#p.C_CloseSession(session);
    }
  }

  #open(): Handle {
    return this.#p.C_OpenSession(this.#slot(), this.#js.CKF_SERIAL_SESSION! | this.#js.CKF_RW_SESSION!);
  }

  #slot(): Handle {
    const slot = this.#found();
    if (!slot) throw new TokenError(NO_TOKEN);
    return slot;
  }

  #found(): Handle | undefined {
    const { slot: number, initialized, label } = this.token;
    return this.#p
      .C_GetSlotList(true)
      .find((slot) =>
        initialized ? numberOf(slot) === number : this.#p.C_GetTokenInfo(slot).label.trimEnd() === label,
      );
  }

  /** A member's token is its cluster's alone. A key pair of a member that was begun goes, nothing else. */
  #requireEmpty(session: Handle): void {
    const js = this.#js;
    const classes = [js.CKO_SECRET_KEY!, js.CKO_PRIVATE_KEY!, js.CKO_PUBLIC_KEY!];
    const found = classes.flatMap((one) => this.#library.find(session, { CKA_CLASS: one, CKA_TOKEN: true }));
    const isBegun = (one: Handle): boolean =>
      this.#p.C_GetAttributeValue(session, one, [{ type: js.CKA_ID! }])[0]!.value.equals(MEMBER_ID);
    if (!found.every(isBegun)) throw new TokenError('TOKEN_NOT_EMPTY');
    for (const one of found) this.#p.C_DestroyObject(session, one);
  }

  /** A token that somebody uses is never initialized anew: that would empty it. */
  #freeSlot(): Handle {
    const { slot: number } = this.token;
    const used = this.#js.CKF_TOKEN_INITIALIZED!;
    const free = this.#p.C_GetSlotList(true).find((one) => {
      if (number !== undefined && numberOf(one) !== number) return false;
      return (this.#p.C_GetTokenInfo(one).flags & used) === 0;
    });
    if (!free) throw new TokenError('NO_FREE_SLOT');
    return free;
  }

  #required(): Handle {
    if (!this.#session) throw new TokenError('CKR_USER_NOT_LOGGED_IN');
    return this.#session;
  }

  #key(session: Handle, reference: string): Handle {
    const known = this.#handles.get(reference);
    if (known) return known;
    const [found] = this.#keysOf(session, reference);
    if (!found) throw new TokenError(NO_KEY);
    if (this.#handles.size >= HANDLES_MAX) this.#handles.clear();
    this.#handles.set(reference, found);
    return found;
  }

  #keysOf(session: Handle, reference: string): Handle[] {
    return this.#library.find(session, { CKA_CLASS: this.#js.CKO_SECRET_KEY!, CKA_ID: Buffer.from(reference, 'hex') });
  }

  #ownKey(session: Handle): Handle {
    const [key] = this.#library.find(session, { CKA_CLASS: this.#js.CKO_PRIVATE_KEY!, CKA_ID: MEMBER_ID });
    if (!key) throw new TokenError(NO_KEY);
    return key;
  }

  /** Sensitive: no value of it leaves in clear. Extractable: it can be carried to another member, wrapped. */
  #keyTemplate(reference: string, label: string, more: Values): Attribute[] {
    return this.#library.attributes({
      ...more,
      ...{ CKA_TOKEN: true, CKA_PRIVATE: true, CKA_SENSITIVE: true, CKA_EXTRACTABLE: true },
      ...{ CKA_ENCRYPT: true, CKA_DECRYPT: true, CKA_WRAP: false, CKA_UNWRAP: false },
      ...{ CKA_ID: Buffer.from(reference, 'hex'), CKA_LABEL: label },
    });
  }

  #oaep(): Mechanism {
    const { CKM_RSA_PKCS_OAEP, CK_PARAMS_RSA_OAEP, CKM_SHA_1, CKG_MGF1_SHA1 } = this.#js;
    return {
      mechanism: CKM_RSA_PKCS_OAEP!,
      parameter: { type: CK_PARAMS_RSA_OAEP, hashAlg: CKM_SHA_1, mgf: CKG_MGF1_SHA1, source: 1 },
    };
  }
}

const numberOf = (slot: Handle): number => Number(slot.readBigUInt64LE(0));

const ID_BYTES = 16;
/** So begin labels of keys of key stores: the owner's own keys are left alone. */
const isKeyStores = (label: string): boolean => label.startsWith(LABEL_PREFIX);
