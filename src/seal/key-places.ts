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

  get rootKeyFile(): string {
    return this.#beside('.key');
  }

  get saltFile(): string {
    return this.#beside('.salt');
  }

  get credentialsFile(): string {
    return this.#beside('.credentials');
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
