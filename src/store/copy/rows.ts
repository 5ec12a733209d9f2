import { META_COMMIT_MAX_BYTES, META_COMMIT_MAX_OPERATIONS } from '../../base/limits.js';
import { StoreUnavailable } from '../errors.js';
import type { Check, Commit, MetaStore, Range, Row } from '../ports.js';

const PAGE_ROWS = 200;
/** All keys but the engine's own. */
const ALL: Range = { gte: Buffer.of(1), lt: Buffer.alloc(1, 0xff) };
/** Beyond the last key that a row may have under `ALL`. */
const END = ALL.lt;

/** What stands in one store and not, or otherwise, in the other. */
export interface Difference {
  key: Buffer;
  /** As it has to be; undefined: it has to go. */
  value: Buffer | undefined;
}

/** One page of the source: how many rows were compared, and what the target lacks. */
export interface ComparedRows {
  rows: number;
  differences: Difference[];
}

export async function countRows(meta: MetaStore): Promise<number> {
  let rows = 0;
  for (let gte = ALL.gte; ; ) {
    const page = await meta.range({ gte, lt: END, limit: 5 * PAGE_ROWS, keysOnly: true });
    rows += page.length;
    const last = page.at(-1);
    if (page.length < 5 * PAGE_ROWS || !last) return rows;
    gte = after(last.key);
  }
}

/** Walks both side by side. Neither may change meanwhile. `except`: keys that are the target's own. */
export async function* compareRows(
  from: MetaStore,
  to: MetaStore,
  except: readonly Buffer[],
): AsyncGenerator<ComparedRows> {
  for (let gte = ALL.gte; ; ) {
    const page = await from.range({ gte, lt: END, limit: PAGE_ROWS });
    const last = page.length < PAGE_ROWS ? undefined : page.at(-1);
    const lt = last ? after(last.key) : END;
    const wanted = new Map(page.map((row) => [row.key.toString('latin1'), row]));
    const differences: Difference[] = [];
    for await (const row of rowsOf(to, { gte, lt })) {
      const name = row.key.toString('latin1');
      const want = wanted.get(name);
      wanted.delete(name);
      if (want ? want.value.equals(row.value) : except.some((key) => key.equals(row.key))) continue;
      differences.push({ key: row.key, value: want?.value });
    }
    for (const { key, value } of wanted.values()) differences.push({ key, value });
    yield { rows: page.length, differences };
    if (!last) return;
    gte = lt;
  }
}

/** Each commit checks the copy's mark. @throws StoreUnavailable where another process has taken the copy over */
export async function commitUnder(mark: Check, meta: MetaStore, commit: Commit): Promise<void> {
  if (await meta.commit({ ...commit, checks: [mark] })) return;
  throw new StoreUnavailable('another process has taken this copy over, or has ended it');
}

/** As few commits as the limits of one allow. */
export async function apply(meta: MetaStore, differences: readonly Difference[], mark: Check): Promise<void> {
  let commit: Required<Pick<Commit, 'puts' | 'dels'>> = { puts: [], dels: [] };
  let bytes = mark.key.length;
  const flush = async (): Promise<void> => {
    if (commit.puts.length + commit.dels.length > 0) await commitUnder(mark, meta, commit);
    commit = { puts: [], dels: [] };
    bytes = mark.key.length;
  };
  for (const { key, value } of differences) {
    const size = key.length + (value?.length ?? 0);
    const isFull = commit.puts.length + commit.dels.length === META_COMMIT_MAX_OPERATIONS - 1;
    if (isFull || bytes + size > META_COMMIT_MAX_BYTES) await flush();
    bytes += size;
    if (value) commit.puts.push({ key, value });
    else commit.dels.push(key);
  }
  await flush();
}

async function* rowsOf(meta: MetaStore, { gte, lt }: Range): AsyncGenerator<Row> {
  for (let from = gte; ; ) {
    const page = await meta.range({ gte: from, lt, limit: PAGE_ROWS });
    yield* page;
    const last = page.at(-1);
    if (page.length < PAGE_ROWS || !last) return;
    from = after(last.key);
  }
}

const after = (key: Uint8Array): Buffer => Buffer.concat([key, Buffer.of(0)]);
