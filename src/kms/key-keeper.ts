import { randomUUID } from 'node:crypto';
import type { Committing } from './committing.js';
import { dropMaterial } from './import.js';
import { isPrimary, type KeyRecord } from './key-record.js';
import { hasExpired } from './key-timers.js';
import type { Keys } from './keys.js';
import { nextRotation } from './rotation.js';
import { shredMark } from './shred.js';
import { isThere } from './states.js';

/** Does what time asks of keys that live on: rotates them by their schedule, and lets imported material expire. */
export class KeyKeeper {
  #running: Promise<void> | undefined;

  constructor(private readonly keys: Keys) {}

  /** Call at start (what was missed is made up for) and from time to time. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Keys that are to be destroyed are another's work. What fails with one key doesn't keep the others. */
  async #run(): Promise<void> {
    const failures: unknown[] = [];
    for (const keys of this.keys.everywhere) await this.#keep(keys, failures);
    if (failures.length > 0) throw failures[0];
  }

  async #keep(keys: Keys, failures: unknown[]): Promise<void> {
    const { clock, ring } = keys;
    for await (const record of ring.due(clock.now())) {
      if (record.state === 'PendingDeletion') continue;
      try {
        if (hasExpired(record, clock.now())) await this.#expire(keys, record);
        await this.#rotate(keys, record);
      } catch (error) {
        failures.push(error);
      }
    }
  }

  async #expire(keys: Keys, key: KeyRecord): Promise<void> {
    const nowMs = keys.clock.now();
    const gone = key.backingKeys
      .filter((one) => one.wrapped !== undefined && !isThere(one, nowMs))
      .map((one) => one.id);
    await keys.ring.update(
      key,
      this.#committing(keys, 'ExpireKeyMaterial', key),
      (found) => gone.reduce(dropMaterial, found),
      (commit) => commit.put(shredMark()),
    );
    for (const id of gone) keys.ring.wraps.forget(id);
  }

  async #rotate(keys: Keys, key: KeyRecord): Promise<void> {
    const isDue = (record: KeyRecord): boolean => {
      const { rotation, state } = record;
      return rotation !== undefined && state === 'Enabled' && isPrimary(record) && rotation.nextMs <= keys.clock.now();
    };
    if (!isDue(key)) return;
    await keys.rotate(key, 'AUTOMATIC', this.#committing(keys, 'AutomaticRotation', key), (found) => {
      if (!isDue(found)) return undefined;
      const nextMs = nextRotation(found.rotation!, keys.clock.now(), keys.dayMs);
      return { ...found, rotation: { ...found.rotation!, nextMs } };
    });
  }

  #committing(keys: Keys, action: string, record: KeyRecord): Committing {
    const event = {
      eventId: randomUUID(),
      timeMs: keys.clock.now(),
      requestId: '',
      action,
      keyArn: keys.arn(record),
      result: 'Success',
    };
    return (commit) => keys.parts.audit.commit(commit, event);
  }
}
