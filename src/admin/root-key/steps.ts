import { systemClock } from '../../base/clock.js';
import { credentialsFileOf } from '../../iam/credentials-file.js';
import { chainsOf } from '../../kms/audit/chain-names.js';
import { rekeyAudit } from '../../kms/audit/rekey.js';
import { CHECKPOINT, REKEY } from '../../kms/audit/rows.js';
import { AuditTrail, auditChainKeyOf } from '../../kms/audit/trail.js';
import { headFileOf } from '../../kms/audit/verify.js';
import { KeyStoreKeyFile } from '../../kms/key-store-key.js';
import type { KeyPlaces } from '../../seal/key-places.js';
import { RootSealer } from '../../seal/record-sealer.js';
import type { RootKey } from '../../seal/root-key.js';
import type { RotationPlan } from '../../seal/rotation-mark.js';
import { StoreDamaged } from '../../store/errors.js';
import type { MetaStore } from '../../store/ports.js';
import { line, type Message } from '../message.js';
import { copyOver, exists, removeIfThere } from './place.js';

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

/** The audit log's chain is computed anew under the new root key, page by page, and its head file with it. */
const auditLog: RotationStep = {
  /** What is wrong by the head file becomes an event of the log, and so can't end the rotation midway. */
  async prepare({ meta, places, plan, from }) {
    const headFile = places.auditHeadFile(plan.from);
    for (const { chain } of await chainsOf(meta, headFile)) {
      const trail = await AuditTrail.open({
        ...{ meta, headFile, chain, clock: systemClock },
        sealer: new RootSealer(from),
        chainKey: auditChainKeyOf(from),
        onTrouble: () => {},
      });
      await trail.close();
    }
  },
  async *run({ meta, places, plan, from, to }) {
    const [oldFile, headFile] = [places.auditHeadFile(plan.from), places.auditHeadFile(plan.to)];
    const chains = await chainsOf(meta, oldFile);
    for (const names of chains) {
      // What opens under the new key was done before; anything else at that path is an older rotation's.
      const done = await headFileOf({ headFile, chainKey: auditChainKeyOf(to) }, names).read();
      if (oldFile === headFile || typeof done !== 'string') continue;
      await copyOver(names.headFile(oldFile), names.headFile(headFile));
    }
    const pages = await rekeyAudit({
      meta,
      old: { sealer: new RootSealer(from), chainKey: auditChainKeyOf(from) },
      new: { sealer: new RootSealer(to), chainKey: auditChainKeyOf(to) },
      headFile,
    });
    if (oldFile !== headFile) for (const names of chains) await removeIfThere(names.headFile(oldFile));
    if (pages > 0) yield line(`pages of the audit log chained anew: ${pages}`);
  },
};

/** What else lies beside the root key and isn't sealed: it goes where the new one lies. */
const filesBeside: RotationStep = {
  async *run({ places, plan }) {
    const from = [credentialsFileOf(places, plan.from), places.storeFile(plan.from)] as const;
    const to = [places.credentialsFile(plan.to), places.storeFile(plan.to)] as const;
    for (const [i, old] of from.entries()) {
      if (old === to[i] || !(await exists(old))) continue;
      await copyOver(old, to[i]!);
      await removeIfThere(old);
      yield line(`moved: ${to[i]}`);
    }
  },
};

/** Types of sealed records that a step seals anew. */
export const STEP_TYPES: readonly string[] = [CHECKPOINT.type, REKEY.type];

export const ROTATION_STEPS: readonly RotationStep[] = [keyStoreFile, auditLog, filesBeside];

function keyStoreFiles({ places, plan, from, to }: StepContext): { old: KeyStoreKeyFile; new: KeyStoreKeyFile } {
  return {
    old: new KeyStoreKeyFile(places.keyStoreFile(plan.from), from),
    new: new KeyStoreKeyFile(places.keyStoreFile(plan.to), to),
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
