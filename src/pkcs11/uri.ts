import { isAbsolute } from 'node:path';
import { ConfigError } from '../base/config-error.js';

/** What a PKCS#11 URI says of one key in one token. Never with a PIN in it. */
export interface Pkcs11Uri {
  /** As it was given. */
  text: string;
  /** Path of the library, absolute. */
  library: string;
  token: TokenMatch;
  object: ObjectMatch;
}

/** Everything that is given must be equal. */
export interface TokenMatch {
  label?: string;
  manufacturer?: string;
  model?: string;
  serial?: string;
  /** Number of the slot (CK_SLOT_ID). */
  slot?: number;
}

export interface ObjectMatch {
  label?: string;
  /** CKA_ID, hex. */
  id?: string;
}

/** Attributes of RFC 7512 that are used; any other would say something that isn't heeded, and is refused. */
const PATH_ATTRIBUTES = ['token', 'manufacturer', 'model', 'serial', 'slot-id', 'object', 'id', 'type'];
const QUERY_ATTRIBUTES = ['module-path'];

/**
 * A URI of RFC 7512 that names a library (`module-path`), a token and a key in it. Errors don't repeat it: somebody may have put a PIN
 * into it.
 *
 * @throws ConfigError
 *
 * @example
 * parsePkcs11Uri('pkcs11:token=coffer;object=root?module-path=/usr/lib/softhsm/libsofthsm2.so', 'COFFER_ROOT_KEY_PKCS11')
 */
export function parsePkcs11Uri(text: string, name: string): Pkcs11Uri {
  const refuse = (why: string): never => {
    throw new ConfigError(`${name} ${why}`);
  };
  const [path = '', query = '', ...more] = text.replace(/^pkcs11:/, '').split('?');
  if (!text.startsWith('pkcs11:') || more.length > 0)
    refuse('is no PKCS#11 URI (RFC 7512): pkcs11:token=…;object=…?module-path=…');
  if (!/^[\x21-\x7e]*$/.test(text)) refuse('has characters that are to be percent-encoded');
  const read = (part: string, separator: string, known: string[]): Map<string, Buffer> => {
    const found = new Map<string, Buffer>();
    for (const one of part.split(separator).filter(Boolean)) {
      const [attribute = '', ...value] = one.split('=');
      if (attribute === 'pin-value') refuse('must hold no PIN: it belongs into a file');
      if (attribute === 'pin-source') refuse('must not name the file of the PIN (pin-source): a setting does');
      if (!/^[a-z-]+$/i.test(attribute) || value.length !== 1) refuse('has an attribute that is not name=value');
      if (!known.includes(attribute))
        refuse(`has the attribute ${attribute}, which is not supported: known are ${known.join(', ')}`);
      if (found.has(attribute)) refuse(`has the attribute ${attribute} twice`);
      found.set(
        attribute,
        decoded(value[0]!) ?? refuse(`has a ${attribute} that is not percent-encoded as RFC 7512 has it`),
      );
    }
    return found;
  };
  const own = read(path, ';', PATH_ATTRIBUTES);
  const library = read(query, '&', QUERY_ATTRIBUTES).get('module-path')?.toString('utf8');
  if (library === undefined || !isAbsolute(library))
    return refuse('needs module-path, the absolute path of the PKCS#11 library');
  const textOf = (attribute: string): string | undefined => own.get(attribute)?.toString('utf8');
  const type = textOf('type');
  if (type !== undefined && type !== 'secret-key') refuse('has another type than secret-key');
  const slot = textOf('slot-id');
  if (slot !== undefined && !/^\d{1,15}$/.test(slot)) refuse('has a slot-id that is not a number');
  const token: TokenMatch = definedOf({
    label: textOf('token'),
    manufacturer: textOf('manufacturer'),
    model: textOf('model'),
    serial: textOf('serial'),
    slot: slot === undefined ? undefined : Number(slot),
  });
  const object: ObjectMatch = definedOf({ label: textOf('object'), id: own.get('id')?.toString('hex') });
  if (token.label === undefined && token.serial === undefined && token.slot === undefined)
    refuse('names no token: give token, serial or slot-id');
  if (Object.keys(object).length === 0) refuse('names no key: give object (its label) or id');
  return { text, library, token, object };
}

/** Whether both say the same of library and token, and so mean the same PIN. */
export const isSameToken = (one: Pkcs11Uri, other: Pkcs11Uri): boolean =>
  one.library === other.library && JSON.stringify(one.token) === JSON.stringify(other.token);

/** Bytes: `id` may hold any. Undefined for a percent sign that begins nothing. */
function decoded(value: string): Buffer | undefined {
  if (value === '' || /%(?![0-9a-f]{2})/i.test(value)) return undefined;
  const parts = value.split(/(%[0-9a-f]{2})/i);
  return Buffer.concat(
    parts.map((part, i) => (i % 2 === 1 ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part, 'utf8'))),
  );
}

const definedOf = <T extends object>(values: { [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
