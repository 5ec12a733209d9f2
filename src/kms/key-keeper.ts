import { randomUUID } from 'node:crypto';
import type { Committing } from './committing.js';
import { dropMaterial } from './import.js';
import type { KeyRecord } from './key-record.js';
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
    const { clock, ring } = this.keys;
    const failures: unknown[] = [];
    for await (const record of ring.due(clock.now())) {
      if (record.state === 'PendingDeletion') continue;
      try {
        if (hasExpired(record, clock.now())) await this.#expire(record);
        await this.#rotate(record);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #expire(key: KeyRecord): Promise<void> {
    const { keys } = this;
    const nowMs = keys.clock.now();
    const gone = key.backingKeys
      .filter((one) => one.wrapped !== undefined && !isThere(one, nowMs))
      .map((one) => one.id);
    await keys.ring.update(
      key,
      this.#committing('ExpireKeyMaterial', key),
      (found) => gone.reduce(dropMaterial, found),
      (commit) => commit.put(shredMark()),
    );
    for (const id of gone) keys.ring.wraps.forget(id);
  }

  async #rotate(key: KeyRecord): Promise<void> {
    const { keys } = this;
    const isDue = ({ rotation, state }: KeyRecord): boolean =>
      rotation !== undefined && state === 'Enabled' && rotation.nextMs <= keys.clock.now();
    if (!isDue(key)) return;
    await keys.rotate(key, 'AUTOMATIC', this.#committing('AutomaticRotation', key), (found) => {
      if (!isDue(found)) return undefined;
      const nextMs = nextRotation(found.rotation!, keys.clock.now(), keys.dayMs);
      return { ...found, rotation: { ...found.rotation!, nextMs } };
    });
  }

  #committing(action: string, record: KeyRecord): Committing {
    const { keys } = this;
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
