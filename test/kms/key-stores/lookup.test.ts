import type { LookupFunction } from 'node:net';
import { expect, test } from 'vitest';
import { fewLookups } from '../../../src/kms/key-stores/xks/lookup.js';

test('a name is looked up once for all who ask, two names at a time, and again afterwards', async () => {
  const asked: [string, (address: string) => void][] = [];
  const lookup = fewLookups(((name, _, callback) => {
    asked.push([name, (address) => callback(null, address, 4)]);
  }) as LookupFunction);
  const find = (name: string) =>
    new Promise((resolve) => lookup(name, {}, (error, address) => resolve(error ? error.code : address)));
  const found = [find('a'), find('a'), find('b')];
  expect(asked.map(([name]) => name)).toEqual(['a', 'b']);
  expect(await find('c')).toBe('EBUSY');
  for (const [name, answer] of asked.splice(0)) answer(`address of ${name}`);
  expect(await Promise.all(found)).toEqual(['address of a', 'address of a', 'address of b']);
  const again = find('c');
  asked[0]![1]('address of c');
  expect(await again).toBe('address of c');
});
