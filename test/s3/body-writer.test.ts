import { expect, test } from 'vitest';
import { Budget } from '../../src/base/budget.js';
import { BLOB_FLUSH_BYTES } from '../../src/base/limits.js';
import { BodyWriter, type BodyWriterParts } from '../../src/s3/body/writer.js';
import { OutcomeUnknown, PutInDoubt, StoreUnavailable } from '../../src/store/errors.js';
import { Intents } from '../../src/store/intents.js';
import { LocalLeases } from '../../src/store/local-leases.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { BlobStore, Commit, Run } from '../../src/store/ports.js';
import { CommitBuilder } from '../../src/store/table.js';
import { plain } from '../versions/engines.js';

const VALUE_BYTES = 512 * 1024;

/** A writer whose chunks are its values, over a blob store whose puts last until `settle`. */
function writerOver(budgetBytes: number) {
  const puts: { values: Buffer[]; at: number; settle(): void; fail(cause: Error): void }[] = [];
  /** But for the intents. */
  const commits: Commit[] = [];
  const meta = new MemoryMetaStore();
  const commitRow = meta.commit.bind(meta);
  meta.commit = (commit: Commit) => {
    if (commit.checks?.[0]?.revision !== 'absent') commits.push(commit);
    return commitRow(commit);
  };
  const budget = new Budget(budgetBytes);
  const parts = {
    budget,
    intents: new Intents(meta, { mark: () => 0 } as BlobStore, plain, new LocalLeases()),
    dead: {
      ofRuns: (_: Buffer, __: Buffer, runs: Run[]) =>
        runs.map(({ first }) => ({ key: Buffer.of(first), value: Buffer.alloc(0) })),
    },
    blobs: {
      put: (_: Buffer, values: Buffer[], at: number) =>
        new Promise<Run>((resolve, fail) => {
          const first = puts.length + 1;
          puts.push({ values, at, fail, settle: () => resolve({ first, count: values.length }) });
        }),
    },
  } as unknown as BodyWriterParts;
  const sealer = { chunkBytes: 16_384, update: (chunk: Buffer) => [chunk], final: () => [], dispose: () => {} };
  const writer = new BodyWriter(parts, Buffer.alloc(16), () => sealer);
  return { writer, meta, puts, commits, budget, intents: parts.intents };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test.each([
  ['a write', 4 * BLOB_FLUSH_BYTES],
  ['room', BLOB_FLUSH_BYTES],
])('a body that is given up while a chunk waits for %s leaves no run that nothing names', async (_, budgetBytes) => {
  const { writer, puts, commits, budget } = writerOver(budgetBytes);
  let taken = true;
  let taking: Promise<void> | undefined;
  while (taken) {
    taken = false;
    taking = Promise.resolve(writer.write(Buffer.alloc(VALUE_BYTES))).then(() => {
      taken = true;
    });
    await turn();
  }
  expect(puts).toHaveLength(1);
  // Who sends is gone; the last chunk still waits.
  const aborted = writer.abort();
  puts[0]!.settle();
  await aborted;
  await taking;
  await turn();
  expect(puts).toHaveLength(1);
  expect(commits).toHaveLength(1);
  expect(commits[0]).toMatchObject({ dels: [expect.any(Buffer)], puts: [{ key: Buffer.of(1) }] });
  expect(budget.tryAcquire(budgetBytes)).toBe(true);
});

test.each([
  ['that is named goes to the sweeper with the others', new PutInDoubt('no answer', { first: 8, count: 8 }), 1, [1, 8]],
  ['that is not named is found by its intent, which stays', new OutcomeUnknown('no answer'), 0, [1]],
])('a run that may be stored although its put failed and %s', async (_, failure, intents, runs) => {
  const { writer, puts, commits } = writerOver(4 * BLOB_FLUSH_BYTES);
  const send = async () => {
    for (let i = 0; i < 8; i++) await writer.write(Buffer.alloc(VALUE_BYTES));
    await turn();
  };
  await send();
  puts[0]!.settle();
  await send();
  expect(puts.map(({ at }) => at)).toEqual([0, 8]);
  puts[1]!.fail(failure);
  await expect(send()).rejects.toThrow('no answer');
  await writer.abort();
  expect(commits).toHaveLength(1);
  expect(commits[0]!.dels ?? []).toHaveLength(intents);
  expect(commits[0]!.puts!.map(({ key }) => key[0])).toEqual(runs);
});

test('a body whose commit went through unknown to whoever made it is no dead one: its abort leaves it alone', async () => {
  const { writer, meta, puts, commits } = writerOver(4 * BLOB_FLUSH_BYTES);
  for (let i = 0; i < 8; i++) await writer.write(Buffer.alloc(VALUE_BYTES));
  await turn();
  puts[0]!.settle();
  const part = await writer.finish();
  expect(part.runs).toHaveLength(1);
  const commit = new CommitBuilder();
  writer.attach(commit);
  // The answer was lost: the caller sees OutcomeUnknown and gives the body up.
  expect(await meta.commit(commit.build())).toBe(true);
  await writer.abort();
  expect(commits).toHaveLength(1);
});

test('a body whose commit may still arrive is no dead one, and its intent stays', async () => {
  const { writer, meta, puts, commits } = writerOver(4 * BLOB_FLUSH_BYTES);
  for (let i = 0; i < 8; i++) await writer.write(Buffer.alloc(VALUE_BYTES));
  await turn();
  puts[0]!.settle();
  await writer.finish();
  const late = new CommitBuilder();
  writer.attach(late);
  await writer.abort(true);
  expect(commits).toEqual([]);
  expect(await meta.commit(late.build())).toBe(true);
  expect(await meta.range({ gte: Buffer.of(1), lt: Buffer.of(0xff), limit: 10 })).toEqual([]);
});

test('what an outage of the rows keeps from being given up is given up afterwards', async () => {
  const { writer, meta, puts, intents } = writerOver(4 * BLOB_FLUSH_BYTES);
  void Promise.resolve(writer.write(Buffer.alloc(BLOB_FLUSH_BYTES))).catch(() => {});
  await turn();
  while (puts.length === 0) {
    void Promise.resolve(writer.write(Buffer.alloc(VALUE_BYTES))).catch(() => {});
    await turn();
  }
  puts[0]!.settle();
  const get = meta.get.bind(meta);
  const away = async (): Promise<never> => {
    throw new StoreUnavailable('the database is away');
  };
  meta.get = away;
  await writer.abort();
  await expect(intents.abandonRest()).rejects.toThrow('the database is away');
  meta.get = get;
  await intents.abandonRest();
  // The dead run's row alone: the intent is gone.
  const rows = await meta.range({ gte: Buffer.of(1), lt: Buffer.of(0xff), limit: 10 });
  expect(rows.map(({ key }) => key)).toEqual([Buffer.of(1)]);
  await intents.abandonRest();
});
