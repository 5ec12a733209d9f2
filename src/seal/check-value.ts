import { utf8 } from '../base/bytes.js';
import { StoreDamaged } from '../base/damaged.js';
import { type RootSealer, rootKeyIdOf } from './record-sealer.js';
import { RootKeyError } from './root-key.js';

export const CHECK_VALUE_KEY = utf8('s/check');
const TYPE = 'check-value';
const PLAINTEXT = utf8('coffer-check-v1');

/** What is needed of a MetaStore (which lies above this room). */
export interface CheckValueRows {
  get(key: Uint8Array): Promise<{ value: Buffer } | undefined>;
  range(query: { gte: Uint8Array; lt: Uint8Array; limit: number; keysOnly: boolean }): Promise<unknown[]>;
  commit(commit: {
    checks: { key: Uint8Array; revision: 'absent' }[];
    puts: { key: Uint8Array; value: Uint8Array }[];
  }): Promise<boolean>;
}

/**
 * Call at start-up, before anything is read or written: finds a wrong root key by one row. The first call on an empty store
 * writes that row.
 *
 * @param isEmpty whether nothing was ever stored, for who knows of rows that say nothing about it
 * @throws RootKeyError the data was sealed under another root key
 * @throws StoreDamaged the row is damaged, or missing beside others
 */
export async function requireRightRootKey(rows: CheckValueRows, sealer: RootSealer, isEmpty?: boolean): Promise<void> {
  const row = await rows.get(CHECK_VALUE_KEY);
  if (row) return verify(sealer, row.value);
  if (!(isEmpty ?? (await hasNoRows(rows)))) throw new StoreDamaged('the check value of the root key is missing');
  const value = checkValueOf(sealer);
  const checks = [{ key: CHECK_VALUE_KEY, revision: 'absent' as const }];
  if (await rows.commit({ checks, puts: [{ key: CHECK_VALUE_KEY, value }] })) return;
  // Another process was first (stores that are shared).
  verify(sealer, (await rows.get(CHECK_VALUE_KEY))!.value);
}

const hasNoRows = async (rows: CheckValueRows): Promise<boolean> =>
  (await rows.range({ gte: Buffer.of(0), lt: Buffer.of(0xff), limit: 1, keysOnly: true })).length === 0;

/** What the row holds under this root key. */
export const checkValueOf = (sealer: RootSealer): Buffer => sealer.seal(TYPE, CHECK_VALUE_KEY, PLAINTEXT);

function verify(sealer: RootSealer, sealed: Buffer): void {
  const id = rootKeyIdOf(sealed);
  if (!id.equals(sealer.rootKey.id)) {
    const [own, theirs] = [sealer.rootKey.id.toString('hex'), id.toString('hex')];
    throw new RootKeyError(`wrong root key: its id is ${own}, the data was sealed under ${theirs}`);
  }
  if (!sealer.open(TYPE, CHECK_VALUE_KEY, sealed).equals(PLAINTEXT)) {
    throw new StoreDamaged('the check value of the root key is damaged');
  }
}
