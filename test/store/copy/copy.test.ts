import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Copied, type CopiedStore, type CopyMessage, copyStore } from '../../../src/store/copy/copy.js';
import { COPY_MARK_KEY, requireNoCopy } from '../../../src/store/copy/mark.js';
import { compareRows } from '../../../src/store/copy/rows.js';
import { compareRuns, countRuns } from '../../../src/store/copy/runs.js';
import { MemoryBlobStore } from '../../../src/store/memory/blob-store.js';
import { MemoryMetaStore } from '../../../src/store/memory/meta-store.js';
import type { BlobStore, MetaStore } from '../../../src/store/ports.js';
import { key, openTestStore, put, temporaryDirectory } from '../harness.js';

const STORE_ID = '4f9a3c1e-0000-4000-8000-000000000001';
const ROWS = 700;

const target = (storeId: string): CopiedStore => ({
  storeId,
  meta: new MemoryMetaStore(true),
  blobs: new MemoryBlobStore(60_000),
});

async function run(from: CopiedStore, to: CopiedStore): Promise<{ messages: CopyMessage[]; copied: Copied }> {
  const messages: CopyMessage[] = [];
  const steps = copyStore(from, to);
  for (;;) {
    const { value, done } = await steps.next();
    if (done) return { messages, copied: value };
    messages.push(value);
  }
}

/** Whether everything, and nothing else, is in the target. */
async function expectAlike(from: CopiedStore, to: CopiedStore): Promise<void> {
  for await (const { differences } of compareRows(from.meta, to.meta, [])) expect(differences).toEqual([]);
  for await (const { fault } of compareRuns({ from: from.blobs, to: to.blobs })) expect(fault).toBeUndefined();
  expect(await countRuns(to.blobs)).toBe(await countRuns(from.blobs));
}

/** Its calls of these names count down, and fail once nothing is left, as where the process ends there. */
function failing<T extends object>(port: T, names: readonly string[], left: { calls: number }): T {
  return new Proxy(port, {
    get(object, name) {
      const member = Reflect.get(object, name);
      if (typeof member !== 'function') return member;
      if (!names.includes(String(name))) return member.bind(object);
      return async (...args: unknown[]) => {
        if (left.calls-- <= 0) throw new Error('cut off');
        const done = await member.apply(object, args);
        if (left.calls === 0) throw new Error('cut off');
        return done;
      };
    },
  });
}

describe('a copy of a LevelDB store', () => {
  let from: CopiedStore;

  beforeEach(async () => {
    const store = await openTestStore(await temporaryDirectory(), { valueLogFromBytes: 10_000 });
    for (let at = 0; at < ROWS; at += 100) {
      await store.meta.commit({ puts: Array.from({ length: 100 }, (_, i) => put(at + i, 50 + i)) });
    }
    await store.meta.commit({
      puts: [put('a large one', 60_000), { key: Buffer.of(0xfe, 0xff, 0xff), value: Buffer.alloc(0) }],
    });
    for (let owner = 1; owner <= 6; owner++) {
      const bytes = Buffer.alloc(16, owner);
      await store.blobs.put(bytes, [randomBytes(owner * 4000), randomBytes(10)], 0);
      await store.blobs.put(bytes, [randomBytes(owner)], 2);
    }
    from = { ...store, storeId: STORE_ID };
  });

  it('has every row and every body under its name, and nothing of its making', async () => {
    const to = target(STORE_ID);
    const { messages, copied } = await run(from, to);
    expect(copied).toEqual({ rows: ROWS + 2, runs: 12 });
    for (const [step, total] of [
      ['copying bodies', 12],
      ['copying rows', ROWS + 2],
      ['comparing bodies', 12],
      ['comparing rows', ROWS + 2],
    ]) {
      expect(messages.filter((one) => 'step' in one && one.step === step).at(-1)).toEqual({ step, done: total, total });
    }
    await expectAlike(from, to);
    await requireNoCopy(to.meta);
  });

  it('goes on wherever it was cut off, and ends as if it hadn’t been', async () => {
    const whole = target(STORE_ID);
    const left = { calls: Number.POSITIVE_INFINITY };
    const counted = (to: CopiedStore): CopiedStore => ({
      ...to,
      meta: failing<MetaStore>(to.meta, ['commit'], left),
      blobs: failing<BlobStore>(to.blobs, ['put'], left),
    });
    left.calls = 1_000_000;
    await run(from, counted(whole));
    const calls = 1_000_000 - left.calls;
    expect(calls).toBeGreaterThan(15);
    for (let cut = 0; cut < calls; cut++) {
      const to = target(STORE_ID);
      left.calls = cut;
      await expect(run(from, counted(to)), `cut after ${cut}`).rejects.toThrow('cut off');
      if (cut > 0) await expect(requireNoCopy(to.meta)).rejects.toThrow('run `coffer store copy` again');
      await run(from, to);
      await expectAlike(from, to);
    }
  });

  it('takes over what the source became between two attempts', async () => {
    const to = target(STORE_ID);
    await run(from, to);
    await to.meta.commit({ puts: [put('the source lost it'), { key: key(3), value: Buffer.from('older') }] });
    await to.meta.commit({ puts: [{ key: COPY_MARK_KEY, value: Buffer.from(STORE_ID) }] });
    await from.meta.commit({ puts: [put(5), put('new')], dels: [key(7)] });
    await run(from, to);
    await expectAlike(from, to);
  });

  it('is stopped by whoever goes on with it elsewhere, and begins nothing beside a gateway that begins', async () => {
    const to = target(STORE_ID);
    const first = copyStore(from, to);
    await first.next();
    await run(from, to);
    const rest = async () => {
      while (!(await first.next()).done);
    };
    await to.meta.commit({ puts: [put('written since, by a gateway')] });
    await expect(rest()).rejects.toThrow('another process has taken this copy over');
    expect(await to.meta.get(key('written since, by a gateway'))).toBeDefined();

    const live = target(STORE_ID);
    const { commit } = live.meta;
    live.meta.commit = async (one) => {
      live.meta.commit = commit;
      // It looked for the mark before, and takes its lease now.
      await live.meta.commit({ puts: [put('lease of a gateway')] });
      return live.meta.commit(one);
    };
    await expect(run(from, live)).rejects.toThrow('the target is no empty store');
    await requireNoCopy(live.meta);
    expect(await live.meta.get(key('lease of a gateway'))).toBeDefined();
  });

  it('tells what reads back otherwise, and stays closed', async () => {
    const to = target(STORE_ID);
    const altered: CopiedStore = {
      ...to,
      blobs: new Proxy(to.blobs, {
        get(object, name) {
          const member = Reflect.get(object, name);
          if (name !== 'put') return typeof member === 'function' ? member.bind(object) : member;
          return (owner: Buffer, values: Buffer[], at: number) =>
            object.put(owner, owner[0] === 3 ? values.map((value) => Buffer.alloc(value.length, 7)) : values, at);
        },
      }),
    };
    const { messages } = await run(from, altered);
    const faults = messages.filter((one) => 'fault' in one);
    expect(faults.map(({ fault }) => fault)).toEqual([
      expect.stringMatching(/^run \d+ of (03){16} differs$/),
      expect.stringMatching(/^run \d+ of (03){16} differs$/),
    ]);
    await expect(requireNoCopy(to.meta)).rejects.toThrow('not whole');
  });

  it('is refused where something else is, where the copy is another store’s, and where bodies would be renamed', async () => {
    const filled = target(STORE_ID);
    await filled.meta.commit({ puts: [put(1)] });
    await expect(run(from, filled)).rejects.toThrow('the target is no empty store');

    await expect(run(from, target('another'))).rejects.toThrow('identity of its own');

    const other = target('another');
    await other.meta.commit({ puts: [{ key: COPY_MARK_KEY, value: Buffer.from('another') }] });
    await expect(run(from, { ...other, storeId: STORE_ID })).rejects.toThrow('copy of another store (another)');
    await expect(run({ ...from, meta: other.meta }, target(STORE_ID))).rejects.toThrow('not whole');

    const numbering = { ...target(STORE_ID), blobs: new MemoryBlobStore() };
    await numbering.blobs.put(Buffer.alloc(16, 9), [Buffer.alloc(1), Buffer.alloc(1)], 0);
    await expect(run(from, numbering)).rejects.toThrow('numbers them itself');
  });
});
