import { join } from 'node:path';
import type { Secret } from '../base/secret.js';
import type { Pkcs11Uri } from '../pkcs11/uri.js';

/**
 * What the root key is made from: a key file, a passphrase and the salt that lies in a file, or a token and what it wrapped, which lies
 * in a file. Paths are absolute; `uri` is a PKCS#11 URI.
 */
export type RootKeyPlace = { file: string } | { saltFile: string } | { tokenFile: string; uri: string };

/** The one file that a kind of root key has. */
export function fileOf(place: RootKeyPlace): string {
  if ('file' in place) return place.file;
  return 'saltFile' in place ? place.saltFile : place.tokenFile;
}

/** What of the settings says where the root key comes from. */
export interface RootKeySettings {
  rootKeyFile?: string | undefined;
  rootKeyPassphrase?: Secret | undefined;
  rootKeyPkcs11?: { uri: Pkcs11Uri; pin: Secret } | undefined;
}

/** Where the keys of a store lie unless settings say otherwise: beside each other in the config home, named by the store id. */
export class KeyPlaces {
  constructor(
    private readonly configHome: string,
    readonly storeId: string,
  ) {}

  /** As settings say it: a token, a passphrase, a file, or none of them. */
  rootOf({ rootKeyFile, rootKeyPassphrase, rootKeyPkcs11 }: RootKeySettings): RootKeyPlace {
    if (rootKeyPkcs11) return { tokenFile: this.tokenFile, uri: rootKeyPkcs11.uri.text };
    return rootKeyPassphrase ? { saltFile: this.saltFile } : { file: rootKeyFile ?? this.rootKeyFile };
  }

  get rootKeyFile(): string {
    return this.#beside('.key');
  }

  get saltFile(): string {
    return this.#beside('.salt');
  }

  /** What a token wrapped. */
  get tokenFile(): string {
    return this.#beside('.token');
  }

  /** Beside a chosen root key file, under its name; else under the store's. */
  credentialsFile(root: RootKeyPlace): string {
    return 'file' in root && root.file !== this.rootKeyFile ? `${root.file}.credentials` : this.formerCredentialsFile;
  }

  /** Where they were made before they lay beside a chosen root key file, too. */
  get formerCredentialsFile(): string {
    return this.#beside('.credentials');
  }

  /** Says which data directory has these keys, for the day when that is missing. */
  storeFile(root: RootKeyPlace): string {
    return 'file' in root ? `${root.file}.store` : this.#beside('.store');
  }

  /** The key-store key's file: beside the root key file, or under the store's name where there is none. */
  keyStoreFile(root: RootKeyPlace): string {
    return 'file' in root ? `${root.file}.keystore` : this.#beside('.keystore');
  }

  /** The audit log's head: beside the root key, too, out of reach of who writes the data directory. */
  auditHeadFile(root: RootKeyPlace): string {
    return 'file' in root ? `${root.file}.audit` : this.#beside('.audit');
  }

  #beside(suffix: string): string {
    return join(this.configHome, `${this.storeId}${suffix}`);
  }
}

/** What says that a store has used this root key file. It may well have been there before: a key can be provided. */
export const tracesOf = (rootKeyFile: string): string[] =>
  ['.store', '.keystore', '.audit'].map((suffix) => `${rootKeyFile}${suffix}`);
