import { utf8 } from '../../base/bytes.js';
import { ConfigError } from '../../base/config-error.js';
import { requireNoRotation } from '../../seal/rotation-mark.js';
import type { BlobStore, MetaStore } from '../ports.js';
import { COPY_MARK_KEY, requireNoCopy } from './mark.js';
import { apply, compareRows, countRows } from './rows.js';
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
  const isResumed = await begin(from, to);
  const runs = await countRuns(from.blobs);
  const rows = await countRows(from.meta);

  let done = 0;
  for await (const _ of copyRuns({ from: from.blobs, to: to.blobs }, isResumed)) {
    yield { step: 'copying bodies', done: ++done, total: runs };
  }
  done = 0;
  for await (const page of compareRows(from.meta, to.meta, [COPY_MARK_KEY])) {
    await apply(to.meta, page.differences);
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
  if (faults === 0) await to.meta.commit({ dels: [COPY_MARK_KEY] });
  return { rows, runs };
}

/** @returns whether an earlier attempt left something. */
async function begin(from: CopiedStore, to: CopiedStore): Promise<boolean> {
  const source = utf8(from.storeId);
  const mark = await to.meta.get(COPY_MARK_KEY);
  if (mark) {
    if (mark.value.equals(source)) return true;
    throw new ConfigError(`the target holds the beginning of a copy of another store (${mark.value.toString('utf8')})`);
  }
  const any = await to.meta.range({ gte: Buffer.of(1), lt: Buffer.of(0xff), limit: 1, keysOnly: true });
  if (any.length > 0) throw new ConfigError('the target is no empty store: nothing was copied');
  if (to.storeId !== from.storeId) {
    throw new ConfigError(
      'the target has an identity of its own already: it has to be empty, and to take over this store’s',
    );
  }
  await to.meta.commit({
    checks: [{ key: COPY_MARK_KEY, revision: 'absent' }],
    puts: [{ key: COPY_MARK_KEY, value: source }],
  });
  return false;
}
