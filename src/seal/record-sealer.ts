import { lengthPrefixed, utf8 } from '../base/bytes.js';
import { StoreDamaged } from '../base/damaged.js';
import type { RecordSealer } from './ports.js';
import type { RootKey } from './root-key.js';
import { NotOpened, XAES_OVERHEAD_BYTES, Xaes } from './xaes.js';

const VERSION = 1;
const ID_BYTES = 4;
const HEADER_BYTES = 1 + ID_BYTES;

/** What sealing adds to a record. */
export const SEAL_OVERHEAD_BYTES = HEADER_BYTES + XAES_OVERHEAD_BYTES;

/** The 4-byte id of the root key that `sealed` was sealed under. */
export const rootKeyIdOf = (sealed: Uint8Array): Buffer => Buffer.from(sealed.subarray(1, HEADER_BYTES));

/** Seals records under one key per type, derived from the root key. */
export class RootSealer implements RecordSealer {
  readonly #types = new Map<string, { cipher: Xaes; aadPrefix: Buffer }>();

  constructor(readonly rootKey: RootKey) {}

  seal(type: string, rowKey: Uint8Array, plaintext: Uint8Array): Buffer {
    const { cipher, aadPrefix } = this.#type(type);
    const sealed = cipher.seal(aad(aadPrefix, rowKey), plaintext, HEADER_BYTES);
    sealed[0] = VERSION;
    this.rootKey.id.copy(sealed, 1);
    return sealed;
  }

  open(type: string, rowKey: Uint8Array, sealed: Uint8Array): Buffer {
    const { cipher, aadPrefix } = this.#type(type);
    this.#requireHeader(type, rowKey, sealed);
    try {
      return cipher.open(aad(aadPrefix, rowKey), sealed.subarray(HEADER_BYTES));
    } catch (error) {
      if (error instanceof StoreDamaged) throw damaged(type, rowKey, 'is damaged or was moved');
      throw error;
    }
  }

  openMany(type: string, rows: readonly { key: Uint8Array; value: Uint8Array }[]): Buffer[] {
    const { cipher, aadPrefix } = this.#type(type);
    const values = rows.map(({ key, value }) => {
      this.#requireHeader(type, key, value);
      return { aad: aad(aadPrefix, key), sealed: value.subarray(HEADER_BYTES) };
    });
    try {
      return cipher.openMany(values);
    } catch (error) {
      if (error instanceof NotOpened) throw damaged(type, rows[error.index]!.key, 'is damaged or was moved');
      throw error;
    }
  }

  #requireHeader(type: string, rowKey: Uint8Array, sealed: Uint8Array): void {
    if (sealed.length < SEAL_OVERHEAD_BYTES) throw damaged(type, rowKey, 'is too short');
    if (sealed[0] !== VERSION) throw damaged(type, rowKey, `has the unknown seal version ${sealed[0]}`);
    const { id } = this.rootKey;
    for (let i = 0; i < ID_BYTES; i++) {
      if (sealed[1 + i] !== id[i]) throw damaged(type, rowKey, 'is damaged or sealed under another root key');
    }
  }

  #type(type: string): { cipher: Xaes; aadPrefix: Buffer } {
    let entry = this.#types.get(type);
    if (!entry) {
      const key = this.rootKey.derive(`coffer/record/${type}`);
      entry = { cipher: new Xaes(key), aadPrefix: lengthPrefixed(utf8(type)) };
      key.dispose();
      this.#types.set(type, entry);
    }
    return entry;
  }
}

function aad(prefix: Buffer, rowKey: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(prefix.length + 4 + rowKey.length);
  prefix.copy(out);
  out.writeUInt32BE(rowKey.length, prefix.length);
  out.set(rowKey, prefix.length + 4);
  return out;
}

function damaged(type: string, rowKey: Uint8Array, what: string): StoreDamaged {
  // Row keys hold names that clients chose: escaped, so that they can't forge a line of the log.
  const row = JSON.stringify(Buffer.from(rowKey).toString('latin1'));
  return new StoreDamaged(`record of type ${type} in row ${row} ${what}`);
}
