import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { OutcomeUnknown, StoreUnavailable } from '../../src/store/errors.js';
import { jobKey, TAG, under } from '../../src/store/keys.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { DAY, meddled, START, World } from './lifecycle-world.js';

/** A world whose next commit is preceded by what another client does. */
async function interrupted(
  prepare: (world: World) => Promise<void>,
  meanwhile: (world: World) => Promise<void>,
): Promise<{ world: World; happened: boolean }> {
  const meta = new MemoryMetaStore();
  const clock = new ManualClock(START);
  const world = new World(meta, clock);
  await prepare(world);
  clock.advance(2 * DAY);
  let happened = false;
  const mine = new World(
    meddled(meta, async (commit) => {
      if (!happened) {
        happened = true;
        await meanwhile(world);
      }
      return commit();
    }),
    clock,
  );
  await mine.job.tick();
  return { world, happened };
}

const RULES = [{ expiration: { days: 1 }, noncurrentExpiration: { days: 1 } }];
const versioned = async (world: World): Promise<void> => world.create('b', RULES, { versioning: 'Enabled' });
const current = async (world: World, key = 'k') =>
  (await world.objects.find((await world.buckets.get('b'))!.record.bucketId, key))!.record;

describe('what another client does just before the commit counts', () => {
  test('an object that is overwritten stays', async () => {
    const { world, happened } = await interrupted(
      async (world) => {
        await world.create('b', RULES);
        await world.put('b', 'k');
      },
      async (world) => void (await world.put('b', 'k')),
    );
    expect([happened, await world.versions('b')]).toEqual([true, ['k STANDARD*']]);
  });

  test('an object that is renamed stays, and so does what gets its name', async () => {
    const { world, happened } = await interrupted(
      async (world) => {
        await world.create('b', [{ expiration: { days: 1 }, filter: { prefix: 'k' } }]);
        await world.put('b', 'k');
        await world.put('b', 'other');
      },
      async (world) => {
        const bucket = (await world.buckets.get('b'))!;
        await world.objects.rename(bucket, 'k', 'moved', (source) => source!);
        await world.objects.rename(bucket, 'other', 'k', (source) => source!);
      },
    );
    expect([happened, await world.versions('b')]).toEqual([true, ['k STANDARD*', 'moved STANDARD*']]);
  });

  test('an object that loses the tag stays', async () => {
    const { world, happened } = await interrupted(
      async (world) => {
        await world.create('b', [{ expiration: { days: 1 }, filter: { tags: [['a', '1']] } }]);
        await world.put('b', 'k', { tags: [['a', '1']] });
      },
      async (world) => {
        await world.objects.replace((await world.buckets.get('b'))!, 'k', undefined, (record) => {
          return { ...record, content: { ...record.content!, tags: [] } };
        });
      },
    );
    expect([happened, await world.versions('b')]).toEqual([true, ['k STANDARD*']]);
  });

  test('a version that gets a legal hold stays', async () => {
    const { world, happened } = await interrupted(
      async (world) => {
        await world.create('b', [{ noncurrentExpiration: { days: 1 } }], { versioning: 'Enabled', objectLock: {} });
        await world.put('b', 'k');
        await world.put('b', 'k');
      },
      async (world) => {
        const { bucketId } = (await world.buckets.get('b'))!.record;
        const range = under(Buffer.concat([TAG.version, Buffer.from(bucketId, 'hex')]));
        const [old] = await world.objects.table.range({ ...range, limit: 1 });
        await world.objects.replace((await world.buckets.get('b'))!, 'k', old!.record.versionId, (record) => {
          return { ...record, content: { ...record.content!, lock: { legalHold: 'ON' } } };
        });
      },
    );
    expect([happened, await world.versions('b')]).toEqual([true, ['k STANDARD*', 'k STANDARD']]);
  });

  test('a noncurrent version that becomes the current one again stays', async () => {
    const { world, happened } = await interrupted(
      async (world) => {
        await versioned(world);
        await world.put('b', 'k');
        await world.remove('b', 'k');
      },
      async (world) => world.remove('b', 'k', (await current(world)).versionId),
    );
    expect([happened, await world.versions('b')]).toEqual([true, ['k STANDARD*']]);
  });

  test('a delete marker behind which a version is put stays', async () => {
    const { world, happened } = await interrupted(
      async (world) => {
        await world.create('b', [{ expiration: { expiredDeleteMarker: true } }], { versioning: 'Enabled' });
        await world.remove('b', 'k');
      },
      async (world) => void (await world.put('b', 'k')),
    );
    expect([happened, await world.versions('b')]).toEqual([true, ['k STANDARD*', 'k marker']]);
  });

  test('rules that are taken away don’t apply any more', async () => {
    for (const away of [
      (world: World) => world.rules('b', []),
      (world: World) => world.rules('b', [{ expiration: { days: 9 } }]),
    ]) {
      const { world, happened } = await interrupted(async (world) => {
        await world.create('b', RULES);
        await world.put('b', 'k');
      }, away);
      expect([happened, await world.versions('b')]).toEqual([true, ['k STANDARD*']]);
    }
  });

  test('an object in a bucket that gets versions gets a delete marker', async () => {
    const { world, happened } = await interrupted(
      async (world) => {
        await world.create('b', RULES);
        await world.put('b', 'k');
      },
      async (world) => void (await world.buckets.update('b', (record) => ({ ...record, versioning: 'Enabled' }))),
    );
    expect([happened, await world.versions('b')]).toEqual([true, ['k marker*', 'k STANDARD']]);
  });

  test('a bucket that is emptied and deleted, or made again, is no trouble', async () => {
    for (const again of [false, true]) {
      const { world, happened } = await interrupted(
        async (world) => {
          await world.create('b', RULES);
          await world.put('b', 'k');
          await world.create('z', RULES);
          await world.put('z', 'k');
        },
        async (world) => {
          await world.remove('b', 'k');
          expect(await world.buckets.remove((await world.buckets.get('b'))!.record, async () => {})).toBe('removed');
          if (!again) return;
          await world.create('b', RULES);
          await world.put('b', 'k');
        },
      );
      expect([happened, await world.versions('z')]).toEqual([true, []]);
      if (again) expect(await world.versions('b')).toEqual(['k STANDARD*']);
    }
  });

  test('a transition of a version that changes class otherwise is not made', async () => {
    const { world, happened } = await interrupted(
      async (world) => {
        await world.create('b', [{ transitions: [{ days: 1, storageClass: 'GLACIER' }], filter: { sizeAbove: 0 } }]);
        await world.put('b', 'k');
      },
      async (world) => void (await world.put('b', 'k', { storageClass: 'DEEP_ARCHIVE' })),
    );
    expect([happened, await world.versions('b')]).toEqual([true, ['k DEEP_ARCHIVE*']]);
  });
});

/** Every action once or more, in two buckets. */
async function furnished(): Promise<{ meta: MemoryMetaStore; clock: ManualClock }> {
  const meta = new MemoryMetaStore();
  const clock = new ManualClock(START);
  const world = new World(meta, clock);
  const rules = [
    { expiration: { days: 1 }, noncurrentExpiration: { days: 1, newer: 1 }, filter: { prefix: 'e' } },
    { transitions: [{ days: 1, storageClass: 'GLACIER' }], filter: { and: true as const, prefix: 't', sizeAbove: 0 } },
    { abortDays: 1 },
  ];
  await world.create('versioned', rules, { versioning: 'Enabled' });
  await world.create('plain', rules);
  for (const bucket of ['versioned', 'plain']) {
    for (let i = 0; i < 4; i++) await world.put(bucket, 'e1');
    for (const key of ['e2', 't1', 'kept']) await world.put(bucket, key);
    await world.upload(bucket, 'u');
  }
  await world.remove('versioned', 'e-marker');
  await world.put('versioned', 'e3', { lock: { legalHold: 'ON' } });
  clock.advance(2 * DAY);
  return { meta, clock };
}

async function stateOf(meta: MemoryMetaStore, clock: ManualClock): Promise<unknown> {
  const world = new World(meta, clock);
  const [versions, plain] = [await world.versions('versioned'), await world.versions('plain')];
  const count = async (tag: Buffer) => (await meta.range({ ...under(tag), limit: 500, keysOnly: true })).length;
  return { versions, plain, uploads: await count(TAG.upload), dead: await count(TAG.dead) };
}

/** A delete marker makes one more version noncurrent, so that a second run may find one more that is due. */
async function runTwice(meta: MemoryMetaStore, clock: ManualClock): Promise<void> {
  await new World(meta, clock).job.tick();
  await meta.commit({ dels: [jobKey('lifecycle')] });
  await new World(meta, clock).job.tick();
}

test('a crash before or behind any commit loses nothing and doubles nothing', async () => {
  const reference = await furnished();
  let commits = 0;
  const counting = meddled(reference.meta, (commit) => {
    commits++;
    return commit();
  });
  await new World(counting, reference.clock).job.tick();
  await runTwice(reference.meta, reference.clock);
  const expected = await stateOf(reference.meta, reference.clock);
  expect(expected).toMatchObject({ uploads: 0, plain: ['kept STANDARD*', 't1 GLACIER*'] });
  expect(commits).toBeGreaterThan(10);
  let crashes = 0;
  for (let at = 1; at <= commits; at++) {
    for (const applied of [false, true]) {
      const { meta, clock } = await furnished();
      let n = 0;
      let gone = false;
      const crashing = meddled(meta, async (commit) => {
        if (gone) throw new StoreUnavailable('the process is gone');
        if (++n < at) return commit();
        gone = true;
        if (applied) await commit();
        throw new OutcomeUnknown('the process is gone');
      });
      await expect(new World(crashing, clock).job.tick()).rejects.toThrow('the process is gone');
      await runTwice(meta, clock);
      expect(await stateOf(meta, clock)).toEqual(expected);
      // And once more, the same day: nothing is due.
      const again = new World(meta, clock);
      await meta.commit({ dels: [jobKey('lifecycle')] });
      await again.job.tick();
      expect(again.reports).toMatchObject([{ expired: 0, deletedVersions: 0, transitioned: 0, abortedUploads: 0 }]);
      expect(await stateOf(meta, clock)).toEqual(expected);
      crashes++;
    }
  }
  expect(crashes).toBe(2 * commits);
});

test('on a full disk what is deleted makes room, and classes change later', async () => {
  const reference = await furnished();
  await runTwice(reference.meta, reference.clock);
  const { meta, clock } = await furnished();
  let refused = 0;
  const full = meddled(meta, async (commit, asked) => {
    if (asked.frees || !asked.puts?.length) return commit();
    refused++;
    throw new StoreUnavailable('the disk is full');
  });
  const world = new World(full, clock);
  await world.job.tick();
  expect(refused).toBe(2);
  expect(world.reports).toMatchObject([{ expired: 5, transitioned: 0, abortedUploads: 2 }]);
  await meta.commit({ dels: [jobKey('lifecycle')] });
  await runTwice(meta, clock);
  expect(await stateOf(meta, clock)).toEqual(await stateOf(reference.meta, reference.clock));
});

test('two runs at once, as two processes would do, double nothing', async () => {
  const reference = await furnished();
  await runTwice(reference.meta, reference.clock);
  const { meta, clock } = await furnished();
  await Promise.all([new World(meta, clock).job.tick(), new World(meta, clock).job.tick()]);
  await meta.commit({ dels: [jobKey('lifecycle')] });
  await runTwice(meta, clock);
  expect(await stateOf(meta, clock)).toEqual(await stateOf(reference.meta, reference.clock));
});
