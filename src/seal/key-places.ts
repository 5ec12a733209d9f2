import { join } from 'node:path';

/** What the root key is made from: a key file, or a passphrase and the salt that lies in a file. Paths are absolute. */
export type RootKeyPlace = { file: string } | { saltFile: string };

/** The one file that a kind of root key has. */
export const fileOf = (place: RootKeyPlace): string => ('file' in place ? place.file : place.saltFile);

/** Where the keys of a store lie unless settings say otherwise: beside each other in the config home, named by the store id. */
export class KeyPlaces {
  constructor(
    private readonly configHome: string,
    private readonly storeId: string,
  ) {}

  /** As settings say it: a passphrase, a file, or neither. */
  rootOf({
    rootKeyFile,
    rootKeyPassphrase,
  }: {
    rootKeyFile?: string | undefined;
    rootKeyPassphrase?: unknown;
  }): RootKeyPlace {
    return rootKeyPassphrase ? { saltFile: this.saltFile } : { file: rootKeyFile ?? this.rootKeyFile };
  }

  get rootKeyFile(): string {
    return this.#beside('.key');
  }

  get saltFile(): string {
    return this.#beside('.salt');
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
