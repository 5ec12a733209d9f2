import { randomUUID } from 'node:crypto';
import { utf8 } from '../../base/bytes.js';
import { ConfigError } from '../../base/config-error.js';
import { requireNoRotation } from '../../seal/rotation-mark.js';
import type { BlobStore, Check, MetaStore } from '../ports.js';
import { COPY_MARK_KEY, requireNoCopy } from './mark.js';
import { apply, commitUnder, compareRows, countRows } from './rows.js';
import { compareRuns, copyRuns, countRuns } from './runs.js';

export interface CopiedStore {
  storeId: string;
  meta: MetaStore;
  blobs: BlobStore;
}

export type CopyStep = 'copying bodies' | 'copying rows' | 'comparing bodies' | 'comparing rows';

export type CopyMessage =
  | { step: CopyStep; done: number; total: number }
  /** Only while comparing: the copy isn't what its source is. */
  | { fault: string };

export interface Copied {
  rows: number;
  runs: number;
}

/**
 * Everything of one store into another one, as it lies: nothing is deciphered. Bodies first, since rows name them. A mark in the
 * target keeps gateways from serving it before everything is there and has been read back; what was interrupted anywhere goes on
 * when it is asked for again. Nobody may write to either meanwhile.
 *
 * @throws ConfigError where the target holds anything else than a copy of this source that was begun
 */
export async function* copyStore(from: CopiedStore, to: CopiedStore): AsyncGenerator<CopyMessage, Copied> {
  await requireNoCopy(from.meta);
  await requireNoRotation(from.meta);
  const { resumed, mark } = await begin(from, to);
  const runs = await countRuns(from.blobs);
  const rows = await countRows(from.meta);

  let done = 0;
  for await (const _ of copyRuns({ from: from.blobs, to: to.blobs }, resumed)) {
    yield { step: 'copying bodies', done: ++done, total: runs };
  }
  done = 0;
  for await (const page of compareRows(from.meta, to.meta, [COPY_MARK_KEY])) {
    await apply(to.meta, page.differences, mark);
    done += page.rows;
    yield { step: 'copying rows', done, total: rows };
  }

  let faults = 0;
  done = 0;
  for await (const { run, fault } of compareRuns({ from: from.blobs, to: to.blobs })) {
    if (fault) {
      faults++;
      yield {
        fault: `run ${run.run.first} of ${run.owner.toString('hex')} ${fault === 'missing' ? 'is missing' : 'differs'}`,
      };
    }
    yield { step: 'comparing bodies', done: ++done, total: runs };
  }
  done = 0;
  for await (const page of compareRows(from.meta, to.meta, [COPY_MARK_KEY])) {
    for (const { key } of page.differences) {
      faults++;
      yield { fault: `row ${key.toString('hex')} differs` };
    }
    done += page.rows;
    yield { step: 'comparing rows', done, total: rows };
  }
  if (faults === 0) await commitUnder(mark, to.meta, { dels: [COPY_MARK_KEY] });
  return { rows, runs };
}

/** A copy that goes on: nobody else goes on with it, and whoever began it before is stopped at the next commit. */
interface Begun {
  /** Whether an earlier attempt may have left something. */
  resumed: boolean;
  /** Joins every commit. */
  mark: Check;
}

async function begin(from: CopiedStore, to: CopiedStore): Promise<Begun> {
  const { meta } = to;
  const before = await meta.get(COPY_MARK_KEY);
  const [source] = before?.value.toString('utf8').split(' ') ?? [];
  if (source !== undefined && source !== from.storeId) {
    throw new ConfigError(`the target holds the beginning of a copy of another store (${source})`);
  }
  if (!before && !(await isEmptyBut(meta, COPY_MARK_KEY))) throw new ConfigError(NOT_EMPTY);
  if (to.storeId !== from.storeId) {
    throw new ConfigError(
      'the target has an identity of its own already: it has to be empty, and to take over this store’s',
    );
  }
  // Drawn anew for every run.
  const value = utf8(`${from.storeId} ${randomUUID()}`);
  const checks = [{ key: COPY_MARK_KEY, revision: before?.revision ?? ('absent' as const) }];
  const isMine = await meta.commit({ checks, puts: [{ key: COPY_MARK_KEY, value }] });
  const now = await meta.get(COPY_MARK_KEY);
  if (!isMine || !now?.value.equals(value)) throw new ConfigError('the target is being copied to by another process');
  const mark = { key: COPY_MARK_KEY, revision: now.revision };
  // Again: a gateway that began meanwhile has seen no mark, and one that begins now sees it.
  if (!before && !(await isEmptyBut(meta, COPY_MARK_KEY))) {
    await meta.commit({ checks: [mark], dels: [COPY_MARK_KEY] });
    throw new ConfigError(NOT_EMPTY);
  }
  return { resumed: before !== undefined, mark };
}

const NOT_EMPTY = 'the target is no empty store: nothing was copied';

async function isEmptyBut(meta: MetaStore, key: Buffer): Promise<boolean> {
  const rows = await meta.range({ gte: Buffer.of(1), lt: Buffer.of(0xff), limit: 2, keysOnly: true });
  return rows.every((row) => row.key.equals(key));
}
