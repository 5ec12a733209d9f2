import { randomUUID } from 'node:crypto';
import type { Secret } from '../base/secret.js';
import type { MetaStore } from '../store/ports.js';
import type { KeyRecord } from './key-record.js';
import type { KeyStoreKeyFile } from './key-store-key.js';
import type { Keys } from './keys.js';
import { clearShredMark, findShredMark } from './shred.js';

export interface Destruction {
  keys: Keys;
  meta: MetaStore;
  file: KeyStoreKeyFile;
  /** Before the first key goes: drops what of it is unwrapped elsewhere (S3 Bucket Keys). */
  before?: () => void;
  /** After the last: makes the store let go of the deleted rows. */
  compact?: () => Promise<void>;
}

const KEYS_PER_PASS = 100;

/**
 * Destroys the CMKs whose waiting period is over, and imported material that was deleted, so that no copy of the data directory
 * opens what they encrypted: the key-store key is replaced, and old copies hold their backing keys under the old one alone.
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
  destroyDue(): Promise<number> {
    this.#running ??= this.#destroyDue().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #destroyDue(): Promise<number> {
    const { keys, meta, file, before, compact } = this.parts;
    const { ring } = keys;
    const mark = await findShredMark(meta);
    if (!file.previous) {
      if (!mark && (await this.#due()).length === 0) return 0;
      this.current = await ring.wraps.changeKeyStoreKey(() => file.begin(this.current));
    }
    before?.();
    let destroyed = 0;
    for (let due = await this.#due(); due.length > 0; due = await this.#due()) {
      for (const record of due) if (await this.#remove(record)) destroyed++;
    }
    await ring.rewrapAll();
    await file.replace(this.current);
    ring.wraps.forgetPreviousKeyStoreKey();
    await compact?.();
    if (mark) await clearShredMark(meta, mark);
    return destroyed;
  }

  async #due(): Promise<KeyRecord[]> {
    const { keys } = this.parts;
    const nowMs = keys.clock.now();
    const due = await keys.ring.due(nowMs, KEYS_PER_PASS);
    return due.filter((one) => one.state === 'PendingDeletion' && one.deletionMs! <= nowMs);
  }

  #remove(record: KeyRecord): Promise<boolean> {
    const { keys } = this.parts;
    const event = {
      eventId: randomUUID(),
      timeMs: keys.clock.now(),
      requestId: '',
      action: 'DestroyKey',
      keyArn: keys.arn(record),
      result: 'Success',
    };
    return keys.ring.remove(record, (commit) => keys.parts.audit.commit(commit, event));
  }
}
