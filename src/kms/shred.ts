import { utf8 } from '../base/bytes.js';
import { TAG, under } from '../store/keys.js';
import type { MetaStore, Range } from '../store/ports.js';
import { CommitBuilder, marker } from '../store/table.js';

/**
 * A row that says: material was deleted, or is about to be, whose wrap may lie in old copies of the data, under the key-store key of
 * now. It is put in the commit that deletes imported material, and before keys are destroyed; it goes when the key-store key has
 * been replaced and the store has let go of the old rows (`destroy.ts`).
 */
export const SHRED_MARK_KEY = Buffer.concat([TAG.kms, utf8('s')]);

/** All rows of the key service. */
export const ALL_ROWS: Range = under(TAG.kms);

export const shredMark = (): { key: Uint8Array; value: Buffer } => marker(SHRED_MARK_KEY);

export async function putShredMark(meta: MetaStore): Promise<Buffer> {
  await meta.commit(new CommitBuilder().put(shredMark()).frees().build());
  return (await findShredMark(meta))!;
}

/** The mark's revision, where there is one. */
export const findShredMark = async (meta: MetaStore): Promise<Buffer | undefined> =>
  (await meta.get(SHRED_MARK_KEY))?.revision;

/** Stays where more was deleted meanwhile. */
export async function clearShredMark(meta: MetaStore, revision: Buffer): Promise<void> {
  await meta.commit(new CommitBuilder().expect(SHRED_MARK_KEY, { revision }).del(SHRED_MARK_KEY).frees().build());
}
