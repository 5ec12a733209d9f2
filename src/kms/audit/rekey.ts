import { StoreDamaged } from '../../base/damaged.js';
import { META_COMMIT_MAX_BYTES, META_VALUE_MAX_BYTES } from '../../base/limits.js';
import type { Secret } from '../../base/secret.js';
import type { RecordSealer } from '../../seal/ports.js';
import type { MetaStore, Row } from '../../store/ports.js';
import { CommitBuilder, type Stored, Table } from '../../store/table.js';
import { AuditChain, macOf, placeOfCheckpoint } from './chain.js';
import { type ChainNames, chainsOf } from './chain-names.js';
import { findGap, gapText } from './gap.js';
import { HeadFile } from './head-file.js';
import { buildPage, NO_MAC, parsePage } from './page.js';
import { CHECKPOINT, PAGE_TYPE, REKEY, type RekeyRecord } from './rows.js';

const ROWS_AT_ONCE = 64;
/** Room for the checkpoint and the row of progress beside a last page of full size. */
const COMMIT_BYTES = META_COMMIT_MAX_BYTES - 2 * META_VALUE_MAX_BYTES;

/** What the log is sealed and chained under, before or after the root key is replaced. */
export interface AuditKeys {
  sealer: RecordSealer;
  /** 32 bytes: `rootKey.derive('coffer/audit-chain')`. */
  chainKey: Secret;
}

/**
 * One page under the new chain key. `state`: of the page before; a chain begins with the checkpoint's MAC as both MACs, or 32
 * zeros. A link that was broken stays broken: replacing the root key must not make a forged log look whole.
 * @throws StoreDamaged where the page isn't one of the old chain key
 */
export function rekeyPage(
  keys: { old: Secret; new: Secret },
  state: RekeyRecord,
  sequence: number,
  plaintext: Buffer,
): { plaintext: Buffer; state: RekeyRecord } {
  const page = parsePage(keys.old, sequence, plaintext);
  const follows =
    sequence === state.sequence + 1 && state.oldMac !== undefined && macOf(state.oldMac).equals(page.previous);
  const previous = follows && state.newMac !== undefined ? macOf(state.newMac) : NO_MAC;
  const rebuilt = buildPage(keys.new, { ...page, previous });
  const [oldMac, newMac] = [page.mac, rebuilt.mac].map((mac) => mac.toBytes().toString('hex'));
  return { plaintext: rebuilt.plaintext, state: { sequence, oldMac: oldMac!, newMac: newMac! } };
}

export interface AuditRekeyParts {
  meta: MetaStore;
  old: AuditKeys;
  new: AuditKeys;
  headFile: string;
  onProgress?: (pages: number) => void;
}

/**
 * For the root key's replacement, while no server runs: seals the rows of the chain (those that start with CHAIN_ROWS) under the
 * new root key and computes the chain anew, oldest page first, then rewrites the head file. Pages that don't open stay as they are. May end
 * anywhere and be called again. Rows of last uses are ordinary records, and the caller's to seal.
 *
 * Open and close the log under the old root key before the first call: so that what is wrong by the head file is recorded.
 * @throws StoreDamaged where log and head file don't agree
 * @returns how many pages this call did
 */
export async function rekeyAudit(parts: AuditRekeyParts): Promise<number> {
  let pages = 0;
  for (const names of await chainsOf(parts.meta, parts.headFile)) {
    const keysOf = ({ sealer, chainKey }: AuditKeys): AuditKeys => ({ sealer, chainKey: names.key(chainKey) });
    const own = { ...parts, old: keysOf(parts.old), new: keysOf(parts.new), names };
    const before = pages;
    const onProgress = parts.onProgress && ((done: number) => parts.onProgress?.(before + done));
    pages += await rekeyChain({ ...own, headFile: names.headFile(parts.headFile), ...(onProgress && { onProgress }) });
  }
  return pages;
}

/** Keys and head file of one chain. */
interface ChainRekeyParts extends AuditRekeyParts {
  names: ChainNames;
}

async function rekeyChain(parts: ChainRekeyParts): Promise<number> {
  const { names } = parts;
  const newFile = new HeadFile(parts.headFile, parts.new.chainKey);
  const progress = new Table<RekeyRecord>(parts.meta, parts.new.sealer, REKEY);
  let stored = await progress.get(names.rekey);
  if (!stored) {
    const head = await newFile.read();
    // The file is rewritten last: this was done before.
    if (head !== 'absent' && head !== 'damaged') return 0;
    stored = await begin(parts, progress);
  }
  let pages = 0;
  for (;;) {
    const done = await rekeySome(parts, progress, stored);
    if (done === 0) break;
    pages += done;
    parts.onProgress?.(pages);
    stored = (await progress.get(names.rekey))!;
  }
  const { sequence, newMac } = stored.record;
  await newFile.write({ sequence, mac: newMac === undefined ? NO_MAC : macOf(newMac) });
  await parts.meta.commit(new CommitBuilder().del(names.rekey).build());
  return pages;
}

/** Seals the checkpoint anew, and notes where the chain begins, in one commit. */
async function begin(parts: ChainRekeyParts, progress: Table<RekeyRecord>): Promise<Stored<RekeyRecord>> {
  const { meta, old, names } = parts;
  const chain = new AuditChain({ meta, ...old, names });
  const head = await new HeadFile(parts.headFile, old.chainKey).read();
  const gap = await findGap(chain, head);
  if (gap) throw new StoreDamaged(`the audit log and its head file don't agree: ${gapText(gap)}`);
  const checkpoint = await chain.checkpoint();
  const { sequence, mac } = placeOfCheckpoint(checkpoint?.record);
  const hex = mac.toBytes().toString('hex');
  const commit = new CommitBuilder().expect(names.rekey, undefined).expect(names.checkpoint, checkpoint);
  if (checkpoint) commit.put(new Table(meta, parts.new.sealer, CHECKPOINT).put(names.checkpoint, checkpoint.record));
  commit.put(progress.put(names.rekey, { sequence, oldMac: hex, newMac: hex }));
  if (!(await meta.commit(commit.build()))) throw new Error('the audit log changed while its key was replaced');
  return (await progress.get(names.rekey))!;
}

/** One commit. @returns how many rows were passed; 0: there are no more. */
async function rekeySome(
  { meta, old, new: fresh, names }: ChainRekeyParts,
  progress: Table<RekeyRecord>,
  stored: Stored<RekeyRecord>,
): Promise<number> {
  const rows = await nextPages(meta, names, stored.record.sequence);
  const commit = new CommitBuilder().expect(names.rekey, stored);
  let state = stored.record;
  let bytes = 0;
  let passed = 0;
  for (const row of rows) {
    if (bytes + row.value.length > COMMIT_BYTES) break;
    const sequence = names.sequenceOf(row.key)!;
    passed++;
    try {
      const plaintext = old.sealer.open(PAGE_TYPE, row.key, row.value);
      const page = rekeyPage({ old: old.chainKey, new: fresh.chainKey }, state, sequence, plaintext);
      const value = fresh.sealer.seal(PAGE_TYPE, row.key, page.plaintext);
      commit.expect(row.key, row).put({ key: row.key, value });
      state = page.state;
      bytes += row.key.length * 2 + value.length;
    } catch (error) {
      if (!(error instanceof StoreDamaged)) throw error;
      state = { sequence };
    }
  }
  if (passed === 0) return 0;
  commit.put(progress.put(names.rekey, state));
  if (!(await meta.commit(commit.build()))) throw new Error('the audit log changed while its key was replaced');
  return passed;
}

async function nextPages(meta: MetaStore, names: ChainNames, behind: number): Promise<Row[]> {
  let gte = names.page(behind + 1);
  for (;;) {
    const rows = await meta.range({ gte, lt: names.page(Number.MAX_SAFE_INTEGER), limit: ROWS_AT_ONCE });
    const pages = rows.filter(({ key }) => names.sequenceOf(key) !== undefined);
    const last = rows.at(-1);
    if (pages.length > 0 || !last) return pages;
    gte = Buffer.concat([last.key, Buffer.of(0)]);
  }
}
