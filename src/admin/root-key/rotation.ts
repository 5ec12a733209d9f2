import { CHECK_VALUE_KEY, checkValueOf } from '../../seal/check-value.js';
import { fileOf, type KeyPlaces, type RootKeyPlace } from '../../seal/key-places.js';
import { RootSealer } from '../../seal/record-sealer.js';
import { type RootKey, RootKeyError } from '../../seal/root-key.js';
import { ROTATION_MARK_KEY, RotationMark, type RotationPlan } from '../../seal/rotation-mark.js';
import { StoreDamaged } from '../../store/errors.js';
import type { MetaStore, Row } from '../../store/ports.js';
import { CommitBuilder } from '../../store/table.js';
import { line, type Message } from '../message.js';
import { exists, nextOf, putInPlace, takeBack } from './place.js';
import { RECORD_KINDS, type RecordKind } from './record-kinds.js';
import { Resealer } from './reseal.js';
import { ROTATION_STEPS, type RotationStep, type StepContext } from './steps.js';

export interface RotationParts {
  meta: MetaStore;
  compactMeta(): Promise<void>;
  places: KeyPlaces;
  plan: RotationPlan;
  /** Undefined only where everything was sealed anew before and the old key is gone: then the rest of the work is done. */
  from: RootKey | undefined;
  to: RootKey;
  /** For tests; everything else takes what there is. */
  kinds?: readonly RecordKind[];
  steps?: readonly RotationStep[];
}

/**
 * From one root key to another. The new key is durable before anything else; then
 *
 *  1. the mark: from here on no server starts, and `carryOn` takes up whatever was interrupted;
 *  2. the new key's file gets its name, the one it replaces is kept beside it;
 *  3. every sealed row is sealed anew, with the wraps under the store key in it;
 *  4. the key-store key's file, and what else isn't one row at a time (`steps.ts`);
 *  5. the check value, and a mark with nothing of the old key in it, which is needed no more;
 *  6. `meta` is rewritten, so that no file holds what was sealed under the old key;
 *  7. the mark goes.
 *
 * Rows carry the id of the key they are sealed under, so each step tells what is left to do.
 */
export class Rotation {
  constructor(private readonly parts: RotationParts) {}

  /** Checks that every row opens before it changes anything. @throws StoreDamaged, RootKeyError: nothing was changed */
  async *begin(): AsyncGenerator<Message> {
    const { meta, plan, to } = this.parts;
    const from = this.#from();
    if (to.id.equals(from.id))
      throw new RootKeyError('the new root key has the id of the old one: remove it and begin again');
    const resealer = this.#resealer(from);
    const total = await resealer.count();
    for await (const done of resealer.verify()) yield { type: 'progress', task: 'checking', done, total };
    for (const step of this.#steps) await step.prepare?.(this.#context(from));
    const mark = RotationMark.encode(from, to, plan);
    const begun = await meta.commit(
      new CommitBuilder().expect(ROTATION_MARK_KEY, undefined).put({ key: ROTATION_MARK_KEY, value: mark }).build(),
    );
    if (!begun) throw new RootKeyError('another rotation has begun');
    try {
      await putInPlace(fileOf(plan.to), from.id);
    } catch (error) {
      // Where the new key has its name already, the rotation is to be taken up instead.
      if (await exists(nextOf(fileOf(plan.to)))) await this.#undo(from);
      throw error;
    }
    yield* this.carryOn();
  }

  /** From wherever it was interrupted to the end. */
  async *carryOn(): AsyncGenerator<Message> {
    const { compactMeta, plan } = this.parts;
    const markRow = await this.#row(ROTATION_MARK_KEY);
    const mark = RotationMark.decode(markRow.value);
    const kept = await putInPlace(fileOf(plan.to), mark.fromId);
    if (!mark.isSettled) {
      yield* this.#reseal();
      await this.#settle(mark, markRow);
    }
    yield line('compacting: what was sealed under the old root key leaves the files');
    // FMT-ROT-3.
    await compactMeta();
    await this.#removeMark();
    yield* this.#farewell(mark.fromId, kept);
  }

  async *#reseal(): AsyncGenerator<Message> {
    const from = this.#from();
    const resealer = this.#resealer(from);
    const total = await resealer.count();
    for await (const done of resealer.run()) yield { type: 'progress', task: 're-sealing', done, total };
    for (const step of this.#steps) yield* step.run(this.#context(from));
  }

  /** FMT-ROT-2. */
  async #settle(mark: RotationMark, markRow: Row): Promise<void> {
    const value = checkValueOf(new RootSealer(this.parts.to));
    const commit = new CommitBuilder()
      .expect(CHECK_VALUE_KEY, await this.#row(CHECK_VALUE_KEY))
      .expect(ROTATION_MARK_KEY, markRow)
      .put({ key: CHECK_VALUE_KEY, value })
      .put({ key: ROTATION_MARK_KEY, value: mark.settled() });
    if (!(await this.parts.meta.commit(commit.build()))) throw new Error('another writer changed the check value');
  }

  async *#farewell(fromId: Buffer, kept: string | undefined): AsyncGenerator<Message> {
    const { plan, places, to } = this.parts;
    const id = to.id.toString('hex');
    const [target, source] = [fileOf(plan.to), fileOf(plan.from)];
    yield line(`the root key is rotated: ${fromId.toString('hex')} opens nothing any more, ${id} does`, {
      from: fromId.toString('hex'),
      to: id,
      file: target,
    });
    if ('tokenFile' in plan.to) {
      const [keyStore, head] = [places.keyStoreFile(plan.to), places.auditHeadFile(plan.to)];
      yield line(`start with COFFER_ROOT_KEY_PKCS11='${plan.to.uri}', and its PIN in COFFER_ROOT_KEY_PKCS11_PIN_FILE`);
      yield line(`back up ${target} together with ${keyStore} and ${head}, where they are there`);
    }
    if ('saltFile' in plan.to) {
      yield line(
        `start with the new passphrase in COFFER_ROOT_KEY_PASSPHRASE; its salt lies in ${target}: keep it safe`,
      );
    } else if ('file' in plan.to && ('saltFile' in plan.from || source !== target)) {
      yield line(`start with COFFER_ROOT_KEY_FILE=${target}`);
    }
    if ('file' in plan.to)
      yield line(`back up ${target} together with ${target}.keystore and ${target}.audit, where they are there`);
    const old = source === target ? kept : source;
    if (old !== undefined && (await exists(old))) {
      const what = oldOne(plan.from);
      yield line(
        `${what}, ${old}, may be destroyed; backups of the data from before need it, and the key-store file of that time`,
      );
    }
    if ('tokenFile' in plan.from) {
      const prefix = `coffer-destruction:${places.storeId}:`;
      yield line(
        `destruction keys of before are still in the token ${plan.from.uri}: backups of before need them, until they are deleted: by ${
          'tokenFile' in plan.to ? 'the next destruction, where this token is used on, else by you' : 'you'
        } (their labels begin with ${prefix})`,
      );
    }
  }

  get #steps(): readonly RotationStep[] {
    return this.parts.steps ?? ROTATION_STEPS;
  }

  #context(from: RootKey): StepContext {
    const { meta, places, plan, to } = this.parts;
    return { meta, places, plan, from, to };
  }

  #from(): RootKey {
    const { from } = this.parts;
    if (!from) throw new RootKeyError('the old root key is not there, and some rows are still sealed under it');
    return from;
  }

  #resealer(from: RootKey): Resealer {
    const { meta, to, kinds = RECORD_KINDS } = this.parts;
    return new Resealer(meta, from, to, kinds);
  }

  /** The new key couldn't get its name, and no row is sealed under it. */
  async #undo(from: RootKey): Promise<void> {
    await this.#removeMark();
    await takeBack(fileOf(this.parts.plan.to), from.id);
  }

  async #removeMark(): Promise<void> {
    const mark = await this.#row(ROTATION_MARK_KEY);
    const commit = new CommitBuilder().expect(ROTATION_MARK_KEY, mark).del(ROTATION_MARK_KEY);
    if (!(await this.parts.meta.commit(commit.build()))) throw new Error('another writer changed the mark');
  }

  async #row(key: Uint8Array): Promise<Row> {
    const row = await this.parts.meta.get(key);
    if (!row) throw new StoreDamaged(`row ${Buffer.from(key).toString('latin1')} is missing`);
    return row;
  }
}

function oldOne(place: RootKeyPlace): string {
  if ('file' in place) return 'the old root key';
  return 'saltFile' in place ? 'the salt of the old passphrase' : 'what the token wrapped of the old root key';
}
