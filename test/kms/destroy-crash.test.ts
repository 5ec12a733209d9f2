import { randomUUID } from 'node:crypto';
import files, { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { StoreUnavailable } from '../../src/store/errors.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { Commit } from '../../src/store/ports.js';
import { MemoryToken } from '../support/memory-token.js';
import { DAY_MS } from './harness.js';
import { copyOf, openedBy, outcomes, PLAINTEXT, prepare, rowsNaming } from './support/doomed.js';
import { openService, startMs } from './support/opened.js';

/** Steps until the crash: commits, and what is done to files. Behind it nothing works until the next start. */
const steps = {
  left: Number.POSITIVE_INFINITY,
  take(): void {
    if (this.left-- <= 0) throw new Error('dead');
  },
};

// Test files share a process and its modules: what is put in place of Node's own is seen by all, and must be put back.
const { open, rename } = files;
function dying<F extends (...values: never[]) => Promise<unknown>>(work: F): F {
  return (async (...values: Parameters<F>) => {
    steps.take();
    return work(...values);
  }) as F;
}
beforeAll(() => {
  Object.assign(files, { open: dying(open), rename: dying(rename) });
  syncBuiltinESMExports();
});
afterAll(() => {
  Object.assign(files, { open, rename });
  syncBuiltinESMExports();
});

class DyingStore extends MemoryMetaStore {
  override async commit(commit: Commit) {
    try {
      steps.take();
    } catch {
      throw new StoreUnavailable('dead');
    }
    return super.commit(commit);
  }
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-destroy-'));
});
afterEach(async () => {
  steps.left = Number.POSITIVE_INFINITY;
  await rm(directory, { recursive: true, force: true });
});

/** Where the root key lies: in its file, or wrapped in a token, each of whose calls is a step, and two where it changes something. */
const KINDS = ['file', 'token'] as const;
type Kind = (typeof KINDS)[number];

/** A store in which a key is due and, if asked for, imported material was deleted; it dies after `left` steps. */
async function die(left: number, deletes: boolean, kind: Kind) {
  const path = join(directory, `keystore-${randomUUID()}`);
  const token = kind === 'token' ? new MemoryToken(() => steps.take()) : undefined;
  const place = {
    meta: new DyingStore(),
    path,
    rootKeyFile: `${path}.root`,
    clock: new ManualClock(startMs),
    ...(token && { token }),
  };
  const service = await openService(place);
  const prepared = await prepare(service);
  await service.ask('ScheduleKeyDeletion', { KeyId: prepared.ids.doomed, PendingWindowInDays: 7 });
  const before = await copyOf(place.meta);
  await copyFile(path, `${path}.before`);
  await copyFile(place.rootKeyFile, `${path}.before.root`);
  place.clock.advance(7 * DAY_MS);
  if (deletes) await service.ask('DeleteImportedKeyMaterial', { KeyId: prepared.ids.imported });
  steps.left = left;
  const done = await service.destroyer.destroyDue().then(
    () => true,
    () => false,
  );
  steps.left = Number.POSITIVE_INFINITY;
  await copyFile(path, `${path}.crash`);
  await copyFile(place.rootKeyFile, `${path}.crash.root`);
  return { service, place, before, done, atCrash: await copyOf(place.meta), ...prepared };
}

test.each(KINDS.flatMap((kind) => [false, true].map((deletes) => [kind, deletes] as const)))(
  'a crash at any commit and any step of a file is taken up at the next start (root key in a %s, material deleted: %s)',
  async (kind, deletes) => {
    let crashes = 0;
    for (let left = 0; ; left++) {
      const { service: _, place, before, atCrash, done, ...prepared } = await die(left, deletes, kind);
      if (!done) crashes++;
      const { ids, blobs } = prepared;
      // Before it is taken up and after, whatever survives opens, and nothing else.
      for (const takesUp of [false, true]) {
        const next = await openService(place);
        if (takesUp) await next.keep();
        expect(await outcomes(next, blobs.survivor)).toEqual([PLAINTEXT, PLAINTEXT]);
        expect(await outcomes(next, blobs.doomed)).not.toContain(PLAINTEXT);
        expect(await outcomes(next, blobs.imported)).toEqual(deletes ? ['KMSInvalidStateException'] : [PLAINTEXT]);
      }
      expect(await rowsNaming(place.meta, ids.doomed)).toEqual([]);
      // The key, what is written about it, two aliases aside a grant, its index.
      expect(await rowsNaming(place.meta, ids.survivor)).toHaveLength(4);
      // FMT-DESTROY-1: today's root key file opens none of the key-store files of before, with whatever data.
      for (const meta of [before, atCrash, place.meta]) {
        for (const path of [`${place.path}.before`, ...(done ? [] : [`${place.path}.crash`])]) {
          const old = openService({ ...place, meta, path });
          await expect(old, `after ${left} steps`).rejects.toThrow(/from before a KMS key was destroyed/);
        }
      }
      expect((await readFile(place.rootKeyFile, 'latin1')).trim().split('\n')).toHaveLength(2);
      // FMT-TOKEN-2: nor do all files of before, with the token as it is now; only it has what was deleted.
      if (place.token) {
        expect(place.token.keys).toHaveLength(1);
        for (const [meta, name] of [[before, 'before'], ...(done ? [] : [[atCrash, 'crash'] as const])] as const) {
          const [path, rootKeyFile] = [`${place.path}.${name}`, `${place.path}.${name}.root`];
          const old = openService({ ...place, meta, path, rootKeyFile });
          await expect(old, `${name}, after ${left} steps`).rejects.toThrow(/in the token no more/);
        }
      }
      for (const copy of [before, atCrash]) {
        const opened = await openedBy(await copyOf(copy), place, 7 * DAY_MS, prepared);
        expect(opened.doomed).not.toContain(PLAINTEXT);
        if (deletes) expect(opened.imported).not.toContain(PLAINTEXT);
      }
      // What is in the store now opens at another start, too.
      expect(await outcomes(await openService(place), blobs.survivor)).toEqual([PLAINTEXT, PLAINTEXT]);
      if (done) break;
    }
    // The mark, if it isn't there; open, rename, open; 2 aliases, grants, the key; 1 or 2 survivors; twice the root key file, each
    // open to compare, open, rename, open; between them open, rename, open; the mark.
    // In a token: the file's lines, the list, the new key before and after, what is sealed under it; later lines, list, the old key before and after.
    expect(crashes).toBe((deletes ? 20 : 22) + (kind === 'token' ? 9 : 0));
  },
);

test('what is deleted after a crash, before it is taken up, is in no copy of that time that opens', async () => {
  let crashes = 0;
  for (let left = 0; ; left++) {
    const { service: _, place, atCrash, done, ...prepared } = await die(left, false, 'file');
    if (done) break;
    crashes++;
    const next = await openService(place);
    await next.ask('DeleteImportedKeyMaterial', { KeyId: prepared.ids.imported });
    await next.ask('ScheduleKeyDeletion', { KeyId: prepared.ids.survivor, PendingWindowInDays: 7 });
    place.clock.advance(7 * DAY_MS);
    await next.keep();
    const opened = await openedBy(atCrash, place, 14 * DAY_MS, prepared);
    for (const some of Object.values(opened)) expect(some, `after ${left} steps`).not.toContain(PLAINTEXT);
  }
  expect(crashes).toBe(22);
});

test.each(KINDS)(
  'a step that fails once is made up for by the same process, and another crash at any step then loses nothing (%s)',
  async (kind) => {
    let failures = 0;
    for (let left = 0; ; left++) {
      const { service, place, before, done, ...prepared } = await die(left, false, kind);
      if (done) break;
      failures++;
      for (const again of [left % 7, left % 5, Number.POSITIVE_INFINITY]) {
        steps.left = again;
        await service.keep().catch(() => {});
        steps.left = Number.POSITIVE_INFINITY;
        expect(await outcomes(await openService(place), prepared.blobs.survivor)).toEqual([PLAINTEXT, PLAINTEXT]);
      }
      expect(await rowsNaming(place.meta, prepared.ids.doomed)).toEqual([]);
      expect((await readFile(place.rootKeyFile, 'latin1')).trim().split('\n')).toHaveLength(2);
      const old = openService({ ...place, meta: before, path: `${place.path}.before` });
      await expect(old).rejects.toThrow(/from before a KMS key was destroyed/);
    }
    expect(failures).toBe(kind === 'token' ? 31 : 22);
  },
);

test.each(KINDS)(
  'a crash at any step, and then at any step of the next start that takes it up, loses nothing (%s)',
  async (kind) => {
    let crashes = 0;
    // The first one in what is done to the root key file.
    for (let left = 13; left < (kind === 'token' ? 28 : 21); left += kind === 'token' ? 5 : 2) {
      for (let second = 0; ; second++) {
        const { place, before, done, ...prepared } = await die(left, false, kind);
        expect(done).toBe(false);
        const next = await openService(place);
        steps.left = second;
        const ended = await next.recover().then(
          () => true,
          () => false,
        );
        steps.left = Number.POSITIVE_INFINITY;
        const last = await openService(place);
        await last.recover();
        expect(await outcomes(last, prepared.blobs.survivor), `${left}, ${second}`).toEqual([PLAINTEXT, PLAINTEXT]);
        expect((await readdir(directory)).filter((name) => name.endsWith('.new'))).toEqual([]);
        const old = openService({ ...place, meta: before, path: `${place.path}.before` });
        await expect(old).rejects.toThrow(/from before a KMS key was destroyed/);
        if (ended) break;
        crashes++;
      }
    }
    expect(crashes).toBeGreaterThan(60);
  },
);
