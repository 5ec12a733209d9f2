import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { leaveTogether } from '../../src/http/leave-together.js';

afterEach(() => vi.restoreAllMocks());

test('answers of one turn of the event loop leave at its end, in their order', async () => {
  const left: string[] = [];
  leaveTogether(() => left.push('first'));
  await Promise.resolve();
  leaveTogether(() => left.push('second'));
  expect(left).toEqual([]);
  await turn();
  expect(left).toEqual(['first', 'second']);
});

test('no answer waits for others that take long: all leave with the next one', async () => {
  let nowMs = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const left: string[] = [];
  leaveTogether(() => left.push('first'));
  nowMs += 1;
  leaveTogether(() => left.push('second'));
  expect(left).toEqual([]);
  nowMs += 1;
  leaveTogether(() => left.push('third'));
  expect(left).toEqual(['first', 'second', 'third']);
  leaveTogether(() => left.push('fourth'));
  expect(left).toHaveLength(3);
  await turn();
  expect(left).toEqual(['first', 'second', 'third', 'fourth']);
});

test('an answer may make another one ready while it leaves', async () => {
  const left: string[] = [];
  leaveTogether(() => {
    left.push('first');
    leaveTogether(() => left.push('second'));
  });
  await turn();
  await turn();
  expect(left).toEqual(['first', 'second']);
});
