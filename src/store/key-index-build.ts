import { utf8 } from '../base/bytes.js';
import type { RecordSealer } from '../seal/ports.js';
import { StoreDamaged } from './errors.js';
import type { KeyIndex } from './key-index.js';
import { afterPrefix, bucketIdOf, TAG, under } from './keys.js';
import type { MetaStore, Row } from './ports.js';
import { OBJECT } from './records.js';
import { CommitBuilder, marker, type Shape, Table } from './table.js';

/** Raise it where what the index holds changes: stores with an older one build theirs anew. */
const INDEX_VERSION = 1;

/** Which index the store has, and how far it is built. */
interface IndexState {
  indexVersion: number;
  /** The last row that was looked at, hex; absent once the index is complete. */
  after?: string;
}

export const KEY_INDEX: Shape<IndexState> = { type: 'key-index', version: 1 };
export const KEY_INDEX_STATE = Buffer.concat([TAG.system, utf8('key-index')]);

/** Records that are opened at a time, and index rows of one commit at most. */
const PAGE_ROWS = 400;
/** Without any index row to write, the place is noted once in so many pages. */
const NOTE_PLACE_PAGES = 25;

export interface IndexBuild {
  versions: number;
  indexed: number;
  /** Records that don't open. Nothing reads these versions any more, with or without their key: they have no index row. */
  damaged: number;
}

/**
 * Builds the index of a store that was written before there was one. Call at start-up, before anything writes object versions: a
 * version that moved between `c` and `v` meanwhile could be missed. Takes up where an earlier start was cut short. Its commits are
 * taken below the free-space floor: what is stored must be served also where there is no room for more.
 *
 * @returns undefined where the index was complete already
 */
export async function buildKeyIndex(
  meta: MetaStore,
  sealer: RecordSealer,
  index: KeyIndex,
): Promise<IndexBuild | undefined> {
  const states = new Table(meta, sealer, KEY_INDEX);
  const state = (await states.get(KEY_INDEX_STATE))?.record;
  const current = state?.indexVersion === INDEX_VERSION;
  if (current && state.after === undefined) return undefined;
  if (!current) await clear(meta);
  const objects = new Table(meta, sealer, OBJECT);
  const done: IndexBuild = { versions: 0, indexed: 0, damaged: 0 };
  let after: Uint8Array | undefined =
    current && state.after !== undefined ? Buffer.from(state.after, 'hex') : undefined;
  let pages = 0;
  for (const tag of [TAG.current, TAG.version]) {
    const { gte, lt } = under(tag);
    for (;;) {
      const from = after && Buffer.compare(after, gte) > 0 ? Buffer.concat([after, Buffer.of(0)]) : gte;
      // What lies before was done by an earlier start.
      if (Buffer.compare(from, lt) >= 0) break;
      const rows = await meta.range({ gte: from, lt, limit: PAGE_ROWS });
      const commit = new CommitBuilder();
      for (const row of rows) add(commit, row);
      after = rows.at(-1)?.key ?? after;
      if (after && (commit.puts.length > 0 || ++pages % NOTE_PLACE_PAGES === 0)) {
        const place = { indexVersion: INDEX_VERSION, after: Buffer.from(after).toString('hex') };
        await meta.commit(commit.put(states.put(KEY_INDEX_STATE, place)).frees().build());
      }
      if (rows.length < PAGE_ROWS) break;
    }
  }
  const complete = states.put(KEY_INDEX_STATE, { indexVersion: INDEX_VERSION });
  await meta.commit(new CommitBuilder().put(complete).frees().build());
  return done;

  function add(commit: CommitBuilder, row: Row): void {
    done.versions++;
    try {
      const rowKey = index.rowOf(bucketIdOf(row.key), objects.open(row).record);
      if (!rowKey) return;
      commit.put(marker(rowKey));
      done.indexed++;
    } catch (error) {
      // One damaged record must not keep the others from being served.
      if (!(error instanceof StoreDamaged)) throw error;
      done.damaged++;
    }
  }
}

/** Takes away an index of another version. */
async function clear(meta: MetaStore): Promise<void> {
  for (;;) {
    const rows = await meta.range({
      gte: TAG.keyUse,
      lt: afterPrefix(TAG.keyUse),
      limit: PAGE_ROWS,
      keysOnly: true,
    });
    if (rows.length === 0) return;
    const commit = new CommitBuilder();
    for (const { key } of rows) commit.del(key);
    await meta.commit(commit.build());
  }
}
