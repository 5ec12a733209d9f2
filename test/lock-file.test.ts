import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (name: string) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));

test('the lock file was made for this package: npm ci refuses any other', () => {
  const stated = read('package.json');
  const locked = read('package-lock.json').packages[''];
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    expect(locked[kind] ?? {}, kind).toEqual(stated[kind] ?? {});
  }
});
