import { type Attribute, type Handle, loadPkcs11js, type Mechanism, type Pkcs11 } from './pkcs11.js';

export const GCM_TAG_BYTES = 16;
const PAGE = 100;

export type Values = Record<string, Attribute['value']>;

/** An error with a code that the parent understands. */
export class TokenError extends Error {
  constructor(
    readonly code: string,
    message = code,
  ) {
    super(message);
  }
}

/** A PKCS#11 library, in the process that has it to itself. */
export class Library {
  readonly js = loadPkcs11js();
  readonly p: Pkcs11 = new this.js.PKCS11();

  constructor(path: string) {
    try {
      this.p.load(path);
    } catch (error) {
      throw new TokenError('NO_LIBRARY', String((error as Error).message));
    }
    this.p.C_Initialize();
  }

  /** By the names that the standard has (`CKA_LABEL`). */
  attributes(values: Values): Attribute[] {
    return Object.entries(values).map(([name, value]) => ({ type: this.js[name]!, value: value! }));
  }

  find(session: Handle, template: Values): Handle[] {
    const found: Handle[] = [];
    this.p.C_FindObjectsInit(session, this.attributes(template));
    try {
      for (;;) {
        const page = this.p.C_FindObjects(session, PAGE);
        if (page.length === 0) return found;
        found.push(...page);
      }
    } finally {
      this.p.C_FindObjectsFinal(session);
    }
  }

  /** Values of attributes in the order of their names. */
  read(session: Handle, object: Handle, ...names: string[]): Buffer[] {
    const template = names.map((name) => ({ type: this.js[name]! }));
    return this.p.C_GetAttributeValue(session, object, template).map(({ value }) => value);
  }

  /** @returns ciphertext ‖ tag */
  encrypt(session: Handle, key: Handle, iv: Buffer, aad: Buffer, plaintext: Buffer): Buffer {
    this.p.C_EncryptInit(session, this.#gcm(iv, aad), key);
    return Buffer.from(this.p.C_Encrypt(session, plaintext, Buffer.alloc(plaintext.length + GCM_TAG_BYTES)));
  }

  /** `ciphertext`: with its tag. */
  decrypt(session: Handle, key: Handle, iv: Buffer, aad: Buffer, ciphertext: Buffer): Buffer {
    this.p.C_DecryptInit(session, this.#gcm(iv, aad), key);
    return Buffer.from(this.p.C_Decrypt(session, ciphertext, Buffer.alloc(ciphertext.length)));
  }

  #gcm(iv: Buffer, aad: Buffer): Mechanism {
    const { CKM_AES_GCM, CK_PARAMS_AES_GCM_v240, CK_PARAMS_AES_GCM } = this.js;
    const type = CK_PARAMS_AES_GCM_v240 ?? CK_PARAMS_AES_GCM;
    return {
      mechanism: CKM_AES_GCM!,
      parameter: { type, iv, aad, ivBits: iv.length * 8, tagBits: GCM_TAG_BYTES * 8 },
    };
  }
}
