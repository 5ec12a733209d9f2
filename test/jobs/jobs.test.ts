import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import type { Job } from '../../src/jobs/job.js';
import { Jobs } from '../../src/jobs/jobs.js';
import { FencedMeta } from '../../src/store/fenced-meta.js';
import { LocalLeases } from '../../src/store/local-leases.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { SharedLeases } from '../../src/store/shared-leases.js';

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('jobs run when they are due, each by itself, and come round again after a failure', async () => {
  const clock = new ManualClock(0);
  const done: string[] = [];
  const troubles: string[] = [];
  let release!: () => void;
  const all: Job[] = [
    { name: 'often', where: 'everywhere', everyMs: 10, run: () => done.push('often') },
    {
      name: 'fails',
      where: 'once',
      everyMs: 10,
      run: () => {
        throw new Error('no');
      },
    },
    {
      name: 'slow',
      where: 'everywhere',
      everyMs: 10,
      run: () => {
        done.push('slow');
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
    },
    { name: 'at once', where: 'once', everyMs: 1e6, atOnce: true, run: () => done.push('at once') },
  ];
  const jobs = new Jobs({
    clock,
    leases: new LocalLeases(),
    within: async (_, work) => work(),
    onTrouble: (job) => troubles.push(job),
  });
  for (const job of all) jobs.register(job);
  jobs.tick();
  await settle();
  expect(done.splice(0)).toEqual(['at once']);
  for (let i = 0; i < 3; i++) {
    clock.advance(10);
    jobs.tick();
    await settle();
  }
  // What is under way isn't begun a second time.
  expect(done.splice(0)).toEqual(['often', 'slow', 'often', 'often']);
  expect(troubles).toEqual(['fails', 'fails', 'fails']);
  jobs.hurry('at once');
  await settle();
  expect(done.splice(0)).toEqual(['at once']);
  let stopped = false;
  const stopping = jobs.stop().then(() => {
    stopped = true;
  });
  await settle();
  expect(stopped).toBe(false);
  release();
  await stopping;
});

test('a job that runs once runs at one gateway: at another one once that is dead, and what the first still does is fenced', async () => {
  const database = new MemoryMetaStore(true);
  let nowMs = 0;
  const gateway = async () => {
    const clock = new ManualClock(0);
    const meta = new FencedMeta(database);
    const leases = await SharedLeases.open({ meta: database, nowMs: () => nowMs, onTrouble: () => {} });
    const seen = { turns: 0, stops: 0, troubles: [] as unknown[], hold: undefined as Promise<void> | undefined };
    const jobs = new Jobs({
      clock,
      leases,
      within: (lease, work) => meta.within(lease, work),
      onTrouble: (_, error) => seen.troubles.push((error as Error).name),
    });
    const run = async (): Promise<void> => {
      seen.turns++;
      await seen.hold;
      await meta.commit({ puts: [{ key: Buffer.from(`turn ${seen.turns}`), value: Buffer.alloc(0) }] });
    };
    jobs.register({ name: 'work', where: 'once', everyMs: 1000, run, stop: () => void seen.stops++ });
    const pass = async (): Promise<void> => {
      clock.advance(3000);
      await leases.beat();
      jobs.tick();
      await settle();
    };
    return { jobs, leases, meta, seen, pass };
  };
  const [a, b] = [await gateway(), await gateway()];
  const step = async (...alive: { pass(): Promise<void> }[]): Promise<void> => {
    nowMs += 3000;
    for (const one of alive) await one.pass();
  };
  for (let i = 0; i < 10; i++) await step(a, b);
  expect([a.seen.turns, b.seen.turns]).toEqual([10, 0]);
  // `a` is held up in the middle of its turn.
  let goOn!: () => void;
  a.seen.hold = new Promise((resolve) => {
    goOn = resolve;
  });
  await step(a, b);
  const [before] = [a.seen.turns];
  // Within a minute.
  for (let i = 0; i < 12 && b.seen.turns === 0; i++) await step(b);
  expect(b.seen.turns).toBeGreaterThan(0);
  goOn();
  await settle();
  expect(a.seen.troubles).toEqual(['LeaseLost']);
  expect(await database.get(Buffer.from(`turn ${before}`))).toBeUndefined();
  await expect(a.jobs.within('work', () => {})).rejects.toThrow(expect.objectContaining({ name: 'LeaseLost' }));
  for (let i = 0; i < 5; i++) await step(a, b);
  expect(a.seen.turns).toBe(before);
  expect(a.seen.stops).toBe(1);
  await b.jobs.within('work', () => {});
  // An orderly end lets the other one go on at its next look.
  await b.jobs.stop();
  await b.leases.close();
  for (let i = 0; i < 3; i++) await step(a);
  expect(a.seen.turns).toBeGreaterThan(before);
  await a.jobs.stop();
});
