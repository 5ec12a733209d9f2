import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../src/admin/registry.js';
import { RECORD_KINDS } from '../src/admin/root-key/record-kinds.js';
import { STEP_TYPES } from '../src/admin/root-key/steps.js';
import { HSM_ACTIONS } from '../src/cloudhsm/registry.js';
import { ACTIONS } from '../src/kms/registry.js';
import { OPERATIONS } from '../src/s3/registry.js';
import { TAG } from '../src/store/keys.js';
import { BESIDE_THE_MODEL, S3_OPERATIONS } from '../tools/s3-operations.js';
import { compatibilityTable, settingsTable } from '../tools/tables.js';

/** Each room imports only rooms of a later group, and itself. */
const ORDER = [
  ['http'],
  ['admin', 'jobs'],
  ['cloudhsm'],
  ['s3', 'kms', 'iam'],
  ['bodies'],
  ['encryption'],
  ['auth'],
  ['policy'],
  ['store'],
  ['seal'],
  ['base'],
];
/** Folders of the doors: they put rooms together. */
const DOORS = ['config', 'cli', 'gateway'];
const SRC = new URL('../src/', import.meta.url).pathname;

function files(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

const sources = files(SRC).filter((path) => path.endsWith('.ts'));
const level = (room: string): number => ORDER.findIndex((group) => group.includes(room));

test('rooms import only rooms to their right', () => {
  let checked = 0;
  for (const path of sources) {
    const from = relative(SRC, path).split('/');
    if (from.length === 1 || DOORS.includes(from[0]!)) continue;
    expect(level(from[0]!), path).toBeGreaterThanOrEqual(0);
    for (const [, target] of readFileSync(path, 'utf8').matchAll(/from '(\.[^']+)'/g)) {
      const to = relative(SRC, join(path, '..', target!)).split('/');
      if (to[0] === from[0]) continue;
      expect(level(to[0]!), `${relative(SRC, path)} imports ${target}`).toBeGreaterThan(level(from[0]!));
      checked++;
    }
  }
  expect(checked).toBeGreaterThan(200);
});

test('Express is imported in one file, LevelDB in the engine alone', () => {
  const importers = (name: string) =>
    sources.filter((path) => readFileSync(path, 'utf8').includes(`from '${name}'`)).map((path) => relative(SRC, path));
  expect(importers('express')).toEqual(['http/server.ts']);
  for (const path of importers('level')) expect(path).toMatch(/^store\/leveldb\//);
});

test('an operation lies in the file of its name, and every file is registered', () => {
  const names = (dir: string) =>
    readdirSync(join(SRC, dir))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => name.slice(0, -3))
      .sort();
  expect(OPERATIONS.map((one) => one.name).sort()).toEqual(names('s3/operations'));
  expect([...ACTIONS.keys()].sort()).toEqual(names('kms/actions'));
  expect([...HSM_ACTIONS.keys()].sort()).toEqual(names('cloudhsm/actions'));
  expect(COMMANDS.map(({ noun, verb }) => `${noun}-${verb}`).sort()).toEqual(names('admin/commands'));
});

test('every type of sealed record is known to the rotation of the root key', () => {
  const known = new Set([...RECORD_KINDS.map(({ type }) => type), ...STEP_TYPES]);
  let found = 0;
  for (const path of sources) {
    for (const [, type] of readFileSync(path, 'utf8').matchAll(/: Shape<.*> = \{\s*type: '([^']+)'/g)) {
      expect(known, `${type} in ${relative(SRC, path)}: add it to admin/root-key/record-kinds.ts`).toContain(type);
      found++;
    }
  }
  expect(found).toBeGreaterThanOrEqual(9);
  for (const [name, tag] of Object.entries(TAG)) {
    expect(
      RECORD_KINDS.some(({ prefix }) => tag.equals(prefix.subarray(0, tag.length))),
      `rows of TAG.${name}: add them to admin/root-key/record-kinds.ts`,
    ).toBe(true);
  }
});

test('the README has the tables of settings and operations as the code has them: `npm run readme` writes them', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(settingsTable());
  expect(readme).toContain(compatibilityTable());
  expect(S3_OPERATIONS.length).toBe(116);
  for (const name of BESIDE_THE_MODEL) expect(S3_OPERATIONS).not.toContain(name);
  for (const { name } of OPERATIONS) expect([...S3_OPERATIONS, ...BESIDE_THE_MODEL]).toContain(name);
});
