import { BlobMissing, StoreDamaged } from '../errors.js';
import type { BlobSnapshot, BlobStore, OwnedRun } from '../ports.js';

/** Runs under way at once. Each is in memory as a whole (up to 16 MiB). */
const AT_ONCE = 4;

export interface Stores {
  from: BlobStore;
  to: BlobStore;
}

/** What became of one run. */
export type CopiedRun = 'copied' | 'there';

/** What the target has of a run that is named. */
export type ComparedRun = { run: OwnedRun; fault: 'missing' | 'differs' | undefined };

/**
 * Every run of one store into another, under the same name: records, which are sealed, go on to name it.
 * @param mayBeThere whether an earlier attempt may have put some of them: each is looked for first
 * @throws StoreDamaged where the source lacks what it lists, StoreUnavailable
 */
export async function* copyRuns({ from, to }: Stores, mayBeThere: boolean): AsyncGenerator<CopiedRun> {
  const source = from.snapshot();
  const target = to.snapshot();
  try {
    yield* severalAtOnce(from.list(), async ({ owner, run }) => {
      const values = await source.read(owner, run, 0, run.count);
      if (mayBeThere && sameValues(await readIfThere(target, { owner, run }), values)) return 'there';
      const stored = await to.put(owner, values, run.first);
      if (stored.first === run.first && stored.count === run.count) return 'copied';
      await to.delete(owner, [stored]);
      throw new StoreDamaged('the blobs can’t keep their names in that store: it numbers them itself');
    });
  } finally {
    await source.close();
    await target.close();
  }
}

/** Reads every run in both. */
export async function* compareRuns({ from, to }: Stores): AsyncGenerator<ComparedRun> {
  const source = from.snapshot();
  const target = to.snapshot();
  try {
    yield* severalAtOnce(from.list(), async (run) => {
      const there = await readIfThere(target, run);
      if (!there) return { run, fault: 'missing' };
      const values = await source.read(run.owner, run.run, 0, run.run.count);
      return { run, fault: sameValues(there, values) ? undefined : 'differs' };
    });
  } finally {
    await source.close();
    await target.close();
  }
}

export async function countRuns(blobs: BlobStore): Promise<number> {
  let runs = 0;
  for await (const _ of blobs.list()) runs++;
  return runs;
}

async function readIfThere(snapshot: BlobSnapshot, { owner, run }: OwnedRun): Promise<Buffer[] | undefined> {
  try {
    return await snapshot.read(owner, run, 0, run.count);
  } catch (error) {
    if (error instanceof BlobMissing) return undefined;
    throw error;
  }
}

const sameValues = (one: Buffer[] | undefined, other: Buffer[]): boolean =>
  one?.length === other.length && one.every((value, i) => value.equals(other[i]!));

/** In the order they were begun. What is under way when one fails is waited for: nothing writes on afterwards. */
async function* severalAtOnce<T, R>(items: AsyncIterable<T>, work: (item: T) => Promise<R>): AsyncGenerator<R> {
  const underWay: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const one = work(item);
      // It is told when its turn comes.
      one.catch(() => {});
      underWay.push(one);
      if (underWay.length === AT_ONCE) yield await underWay.shift()!;
    }
    while (underWay.length > 0) yield await underWay.shift()!;
  } finally {
    await Promise.allSettled(underWay);
  }
}
