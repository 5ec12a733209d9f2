import { KeyStoreKeyFile, keyStoreSealingKeyOf } from '../../kms/key-store-key.js';
import type { KeyPlaces } from '../../seal/key-places.js';
import type { RootKey } from '../../seal/root-key.js';
import type { RotationPlan } from '../../seal/rotation-mark.js';
import { StoreDamaged } from '../../store/errors.js';
import type { MetaStore } from '../../store/ports.js';
import { line, type Message } from '../message.js';
import { removeIfThere } from './place.js';

export interface StepContext {
  meta: MetaStore;
  places: KeyPlaces;
  plan: RotationPlan;
  from: RootKey;
  to: RootKey;
}

/**
 * What of a rotation isn't sealing one row after the other: files beside the root key, rows that can only be done together. Rows
 * that a step does itself stand in RECORD_KINDS without a type.
 */
export interface RotationStep {
  /**
   * Before the rotation begins, everything being under the old key: throws where `run` would fail for good, and then nothing has
   * changed. May be called where no rotation follows.
   */
  prepare?(context: StepContext): Promise<void>;
  /** When all rows are sealed under the new key. Ended anywhere it is called again, until it has come to its end once. */
  run(context: StepContext): AsyncIterable<Message>;
}

/** The key-store key's file. Of the old one no copy is kept: it would open CMKs that are destroyed from now on. */
const keyStoreFile: RotationStep = {
  async prepare(context) {
    await keyStoreFiles(context).old.opens();
  },
  async *run(context) {
    const files = keyStoreFiles(context);
    if (!(await isSealed(files.new)) && !(await files.old.copyTo(files.new))) return;
    if (files.old.path !== files.new.path) await removeIfThere(files.old.path);
    yield line(`sealed anew: ${files.new.path}`);
  },
};

export const ROTATION_STEPS: readonly RotationStep[] = [keyStoreFile];

function keyStoreFiles({ places, plan, from, to }: StepContext): { old: KeyStoreKeyFile; new: KeyStoreKeyFile } {
  return {
    old: new KeyStoreKeyFile(places.keyStoreFile(plan.from), keyStoreSealingKeyOf(from)),
    new: new KeyStoreKeyFile(places.keyStoreFile(plan.to), keyStoreSealingKeyOf(to)),
  };
}

/** Whether the file is there and sealed under this root key; another one's counts as not done yet. */
async function isSealed(file: KeyStoreKeyFile): Promise<boolean> {
  try {
    return await file.opens();
  } catch (error) {
    if (error instanceof StoreDamaged) return false;
    throw error;
  }
}
