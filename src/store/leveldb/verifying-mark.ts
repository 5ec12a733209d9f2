import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { removeDurably, writeDurably } from './files.js';

/**
 * The file `verifying` is there while the store is open with tables that are not verified yet. LevelDB's own compactions ask
 * nobody: should one of them have met a damaged table and ended the process, the next start finds this file, verifies everything
 * before LevelDB is let in, and names the table.
 */
export class VerifyingMark {
  readonly #path: string;
  isThere: boolean;

  constructor(
    directory: string,
    private readonly onTrouble: (message: string) => void,
  ) {
    this.#path = join(directory, 'verifying');
    this.isThere = existsSync(this.#path);
  }

  async put(): Promise<void> {
    if (this.isThere) return;
    await this.#tolerantly(writeDurably(this.#path, ''));
    this.isThere = true;
  }

  async remove(): Promise<void> {
    if (!this.isThere) return;
    await this.#tolerantly(removeDurably(this.#path));
    this.isThere = false;
  }

  /** A full disk must not keep the store from opening. */
  async #tolerantly(change: Promise<void>): Promise<void> {
    await change.catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') this.onTrouble(`${this.#path}: ${error.message}`);
    });
  }
}
