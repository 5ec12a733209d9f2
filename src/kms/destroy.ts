import { randomUUID } from 'node:crypto';
import type { Secret } from '../base/secret.js';
import type { DestructionSecrets } from '../seal/destruction-secrets.js';
import type { MetaStore } from '../store/ports.js';
import { isOver, type KeyRecord } from './key-record.js';
import type { KeyStoreGeneration } from './key-store-generation.js';
import type { KeyStoreKeyFile } from './key-store-key.js';
import type { Keys } from './keys.js';
import { withoutReplica } from './multi-region.js';
import { clearShredMark, findShredMark, putShredMark } from './shred.js';

export interface Destruction {
  keys: Keys;
  meta: MetaStore;
  file: KeyStoreKeyFile;
  /** Absent where the root key comes from no file. */
  secrets?: DestructionSecrets | undefined;
  /** Where others use the key-store key too. */
  generation?: KeyStoreGeneration | undefined;
  /** Before the first key goes: drops what of it is unwrapped elsewhere (S3 Bucket Keys). */
  before?: () => void;
  /** After the last: makes the store let go of the deleted rows. */
  compact?: () => Promise<void>;
  /** What the operator is to do after a destruction, in one line. */
  onNotice?: ((message: string) => void) | undefined;
}

/**
 * Destroys the CMKs whose waiting period is over, and imported material that was deleted, so that no copy of the data directory
 * opens what they encrypted: the key-store key is replaced, and old copies hold their backing keys under the old one alone. Nor does
 * an old copy of the key-store file open with the root key file any more: the destruction secret is replaced with it.
 *
 * Safe to end anywhere: the file holds both key-store keys from before the first row goes until every survivor is wrapped under
 * the new one. A file that holds both is taken up where it was left; the mark of `shred.ts` stays until all is done, and makes
 * whatever was interrupted be done again as a whole.
 */
export class KeyDestroyer {
  #running: Promise<number> | undefined;
  /** Of several gateways: what is to be said when all have let go, and for which it was last said to wait. */
  #notice = 'KMS key material was destroyed';
  #waitsFor = '';

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
    const { keys, meta, file, before, compact, generation } = this.parts;
    const { wraps } = keys.ring;
    if (generation) {
      await generation.notice();
      // Whatever is due by now waits: one replacement after the other.
      if (generation.isAwaiting) return this.#await(0);
      if (!generation.isUnderWay && !(await findShredMark(meta)) && !(await this.#isAnyDue())) return 0;
      await generation.claim();
      this.current = generation.current;
      if (generation.isReplacing) {
        const notice = await this.#endReplacement();
        await compact?.();
        // What it was begun for is done again as a whole.
        await generation.end(undefined);
        return this.#await(0, notice);
      }
      await this.parts.secrets?.takeUp(() => file.replace(this.current));
    }
    // Ended first: survivors of then, wrapped under the new key already, may be what is deleted or due by now.
    if (file.previous) await this.#endReplacement();
    let mark = await findShredMark(meta);
    if (!mark && !(await this.#isAnyDue())) return 0;
    mark ??= await putShredMark(meta);
    this.current = generation
      ? await generation.begin()
      : await wraps.changeKeyStoreKey(() => file.begin(this.current));
    before?.();
    let destroyed = 0;
    for (const one of keys.everywhere) {
      for await (const record of this.#due(one)) if (await this.#remove(one, record)) destroyed++;
    }
    const notice = await this.#endReplacement();
    await compact?.();
    if (generation) {
      await generation.end(mark);
      return this.#await(destroyed, notice);
    }
    await clearShredMark(meta, mark);
    this.parts.onNotice?.(notice);
    return destroyed;
  }

  /** Destroyed is what no gateway can open any more: it isn't said before. */
  async #await(destroyed: number, notice?: string): Promise<number> {
    const { generation, meta, onNotice } = this.parts;
    this.#notice = notice ?? this.#notice;
    const waitsFor = (await generation!.waitsFor()).join(', ');
    if (waitsFor !== '') {
      if (waitsFor !== this.#waitsFor) {
        onNotice?.(`KMS key material that was destroyed may still be in the memory of gateway ${waitsFor}`);
      }
      this.#waitsFor = waitsFor;
      return destroyed;
    }
    const mark = await generation!.settled();
    if (mark) await clearShredMark(meta, mark);
    onNotice?.(this.#notice);
    this.#waitsFor = '';
    return destroyed;
  }

  /** At start: the secret's replacement may have been interrupted, or was impossible then. */
  async takeUpSecret(): Promise<void> {
    // Where others may be about to replace it, that waits for a claim.
    if (this.parts.generation) return;
    const { secrets, file, onNotice } = this.parts;
    const stays = await secrets?.takeUp(() => file.replace(this.current));
    if (stays === undefined) return;
    onNotice?.(`a destruction secret of before is still there (${stays}): old copies of ${file.path} may open with it`);
  }

  /** @returns what the operator is to do. */
  async #endReplacement(): Promise<string> {
    const { keys, file, secrets } = this.parts;
    for (const one of keys.everywhere) await one.ring.rewrapAll();
    const hadSecret = secrets?.all[0] !== undefined;
    const reseal = (): Promise<void> => file.replace(this.current);
    const stays = secrets ? await secrets.replace(reseal) : await reseal().then(() => undefined);
    keys.ring.wraps.forgetPreviousKeyStoreKey();
    return noticeOf(file.path, secrets?.file, hadSecret, stays);
  }

  async *#due({ ring, clock }: Keys): AsyncGenerator<KeyRecord> {
    const nowMs = clock.now();
    for await (const record of ring.due(nowMs)) if (isOver(record, nowMs)) yield record;
  }

  async #isAnyDue(): Promise<boolean> {
    for (const keys of this.parts.keys.everywhere) for await (const _ of this.#due(keys)) return true;
    return false;
  }

  #remove(keys: Keys, record: KeyRecord): Promise<boolean> {
    const event = {
      eventId: randomUUID(),
      timeMs: keys.clock.now(),
      requestId: '',
      action: 'DestroyKey',
      keyArn: keys.arn(record),
      result: 'Success',
    };
    return keys.ring.remove(
      record,
      (newest) => isOver(newest, event.timeMs),
      (commit) => {
        keys.stores.book.leave(commit, record);
        return keys.parts.audit.commit(commit, event);
      },
      (primary, place) => withoutReplica(primary, place, event.timeMs, keys.dayMs),
    );
  }
}

const noticeOf = (
  keyStore: string,
  root: string | undefined,
  hadSecret: boolean,
  stays: string | undefined,
): string => {
  const what = 'KMS key material was destroyed';
  if (root === undefined) return `${what}: back up ${keyStore} again, and delete its old copies`;
  const open = `old copies of ${keyStore} still open with the root key`;
  if (stays !== undefined)
    return `${what}, but ${root} can't be replaced (${stays}): ${open}, delete them; back it up again`;
  const again = `back up ${root} and ${keyStore} again, they open only with each other, and delete the copies of before`;
  return hadSecret ? `${what}: ${again}` : `${what}: ${again}: ${open}`;
};
