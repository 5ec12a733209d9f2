import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { Housekeeping } from '../../src/jobs/housekeeping.js';

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('chores run when they are due, each by itself, and come round again after a failure', async () => {
  const clock = new ManualClock(0);
  const done: string[] = [];
  const troubles: string[] = [];
  let release!: () => void;
  const housekeeping = new Housekeeping(
    [
      { name: 'often', everyMs: 10, run: () => done.push('often') },
      {
        name: 'fails',
        everyMs: 10,
        run: () => {
          throw new Error('no');
        },
      },
      {
        name: 'slow',
        everyMs: 10,
        run: () => {
          done.push('slow');
          return new Promise<void>((resolve) => {
            release = resolve;
          });
        },
      },
    ],
    clock,
    (chore) => troubles.push(chore),
  );
  housekeeping.tick();
  expect(done).toEqual([]);
  for (let i = 0; i < 3; i++) {
    clock.advance(10);
    housekeeping.tick();
    await settle();
  }
  // What is under way isn't begun a second time.
  expect(done).toEqual(['often', 'slow', 'often', 'often']);
  expect(troubles).toEqual(['fails', 'fails', 'fails']);
  let stopped = false;
  const stopping = housekeeping.stop().then(() => {
    stopped = true;
  });
  await settle();
  expect(stopped).toBe(false);
  release();
  await stopping;
});
