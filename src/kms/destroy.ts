import type { Secret } from '../base/secret.js';
import type { KeyRing } from './key-ring.js';
import type { KeyStoreKeyFile } from './key-store-key.js';

export interface Destruction {
  ring: KeyRing;
  file: KeyStoreKeyFile;
  /** Before the first key goes: drops what of it is unwrapped elsewhere (S3 Bucket Keys). */
  before?: () => void;
  /** After the last: makes the store let go of the deleted rows. */
  compact?: () => Promise<void>;
}

/**
 * Destroys the CMKs whose waiting period is over, so that no copy of the data directory opens what they encrypted: the key-store
 * key is replaced, and old copies hold their backing keys under the old one alone.
 *
 * Safe to end anywhere: the file holds both key-store keys from before the first row goes until every survivor is wrapped under
 * the new one. A file that holds both is taken up where it was left.
 */
export class KeyDestroyer {
  #running: Promise<number> | undefined;

  /** `current`: the key-store key that `file.load` gave. */
  constructor(
    private readonly parts: Destruction,
    private current: Secret,
  ) {}

  /** Call at start and from time to time. @returns how many keys were destroyed. */
  destroyDue(nowMs: number): Promise<number> {
    this.#running ??= this.#destroyDue(nowMs).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #destroyDue(nowMs: number): Promise<number> {
    const { ring, file, before, compact } = this.parts;
    if (!file.previous) {
      if (!(await ring.hasDue(nowMs))) return 0;
      this.current = await ring.changeKeyStoreKey(() => file.begin(this.current));
    }
    before?.();
    const destroyed = await ring.removeDue(nowMs);
    await ring.rewrapAll();
    await file.replace(this.current);
    ring.forgetPreviousKeyStoreKey();
    await compact?.();
    return destroyed;
  }
}
