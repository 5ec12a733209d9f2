import { expect, test } from 'vitest';
import { KeyedTurns } from '../../src/base/keyed-turns.js';

function gate() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test('work about one key goes one at a time and in its order, a failure stops nobody, other keys go on', async () => {
  const turns = new KeyedTurns();
  const seen: string[] = [];
  const first = gate();
  const one = turns.take('a', async () => {
    seen.push('one begins');
    await first.opened;
    seen.push('one ends');
    throw new Error('it failed');
  });
  const two = turns.take('a', async () => seen.push('two'));
  await turns.take('b', async () => seen.push('other'));
  expect(seen).toEqual(['one begins', 'other']);
  first.open();
  await expect(one).rejects.toThrow('it failed');
  await two;
  await turns.take('a', async () => seen.push('three'));
  expect(seen).toEqual(['one begins', 'other', 'one ends', 'two', 'three']);
});
