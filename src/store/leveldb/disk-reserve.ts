import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MiB } from '../../base/limits.js';
import { syncDirectory } from './files.js';

/**
 * A file that is there to be removed: on a full disk its room is what recovery, deletions and the compactions after them are
 * written into. Its content is random, so that no file system stores it as a hole or compressed.
 */
export class DiskReserve {
  isThere: boolean;
  #filling: Promise<void> | undefined;
  #closed = false;

  constructor(
    readonly path: string,
    readonly bytes: number,
  ) {
    this.isThere = bytes > 0 && existsSync(path) && statSync(path).size === bytes;
  }

  /** Starts to make the file where it isn't there. Failing is no harm: it is tried again. */
  fill(): Promise<void> {
    if (this.isThere || this.bytes === 0 || this.#closed) return Promise.resolve();
    this.#filling ??= this.#fill()
      .catch(() => rm(`${this.path}.new`, { force: true }).catch(() => {}))
      .finally(() => {
        this.#filling = undefined;
      });
    return this.#filling;
  }

  /** Gives the room back. */
  async release(): Promise<void> {
    await rm(this.path, { force: true });
    this.isThere = false;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#filling;
  }

  async #fill(): Promise<void> {
    const temporary = `${this.path}.new`;
    const piece = randomBytes(Math.min(1 * MiB, this.bytes));
    const file = await open(temporary, 'w', 0o600);
    try {
      for (let left = this.bytes; left > 0; left -= piece.length) {
        if (this.#closed) throw new Error('closed');
        await file.write(piece, 0, Math.min(left, piece.length));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.path);
    await syncDirectory(dirname(this.path));
    this.isThere = true;
  }
}
