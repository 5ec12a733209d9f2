import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { Lives } from './support/life-model.js';
import { startMs } from './support/opened.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-life-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const STEPS = 600;
const STEPS_OF_LIFE =
  'encrypt,rotate,schedule rotation,disable,enable,delete,cancel,import,import again,delete material,time,keep,restart,create'.split(
    ',',
  );
let rotations = 0;
const done = new Set<string>();

test.each([1, 2, 3, 4, 5, 6])(
  'whatever happens to keys, what they encrypted opens under its context while they live, and nothing else does (seed %i)',
  async (seed) => {
    const place = { meta: new MemoryMetaStore(), path: join(directory, 'keystore'), clock: new ManualClock(startMs) };
    const lives = new Lives(place, seed);
    await lives.start();
    const checked = { opened: 0, refused: 0 };
    for (let i = 0; i < STEPS; i++) {
      await lives.step();
      if (i % 10 !== 9) continue;
      const { opened, refused } = await lives.check();
      checked.opened += opened;
      checked.refused += refused;
    }
    expect(Math.min(checked.opened, checked.refused)).toBeGreaterThan(100);
    for (const name of lives.done.keys()) done.add(name);
    rotations += lives.rotatedByItself;
  },
);

test('all of it happened', () => {
  expect([...done].sort()).toEqual(STEPS_OF_LIFE.sort());
  expect(rotations).toBeGreaterThan(5);
});
