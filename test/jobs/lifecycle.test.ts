import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TAG, under } from '../../src/store/keys.js';
import { ENGINES, type Engine } from '../versions/engines.js';
import { DAY, World } from './lifecycle-world.js';

const ONE_DAY = { expiration: { days: 1 } };

describe.each(ENGINES)('lifecycle rules %s', (_name, open) => {
  let engine: Engine;
  let world: World;
  beforeEach(async () => {
    engine = await open();
    world = new World(engine.meta);
  });
  afterEach(() => engine.close());

  const dead = async () => (await engine.meta.range({ ...under(TAG.dead), limit: 500, keysOnly: true })).length;

  test('without versions an object that expires is gone, and its body is left to the sweeper', async () => {
    await world.create('b', [{ ...ONE_DAY, filter: { prefix: 'old/' } }]);
    await world.put('b', 'old/a');
    await world.put('b', 'old/\u0000b');
    await world.put('b', 'other');
    await world.pass(1);
    expect(await world.versions('b')).toEqual(['old/\u0000b STANDARD*', 'old/a STANDARD*', 'other STANDARD*']);
    await world.pass(1);
    expect(await world.versions('b')).toEqual(['other STANDARD*']);
    expect(await dead()).toBe(2);
    expect(world.reports.at(-1)).toMatchObject({ buckets: 1, versions: 2, expired: 2, kept: 0 });
  });

  test('with versions it gets one delete marker, then its versions go, then the marker', async () => {
    await world.create('b', [{ ...ONE_DAY, noncurrentExpiration: { days: 3 } }], { versioning: 'Enabled' });
    await world.put('b', 'k');
    await world.put('b', 'k');
    await world.pass(2);
    expect(await world.versions('b')).toEqual(['k marker*', 'k STANDARD', 'k STANDARD']);
    await world.pass(1);
    expect(await world.versions('b')).toEqual(['k marker*', 'k STANDARD', 'k STANDARD']);
    await world.pass(1);
    expect(await world.versions('b')).toEqual(['k marker*', 'k STANDARD']);
    await world.pass(2);
    expect(await world.versions('b')).toEqual(['k marker*']);
    await world.pass(1);
    expect(await world.versions('b')).toEqual([]);
    expect(await engine.buckets.remove((await engine.buckets.get('b'))!.record, async () => {})).toBe('removed');
  });

  test('where versioning is suspended the null version is replaced by a null marker, others stay', async () => {
    await world.create('b', [ONE_DAY], { versioning: 'Enabled' });
    await world.put('b', 'k');
    await engine.buckets.update('b', (record) => ({ ...record, versioning: 'Suspended' }));
    await world.put('b', 'k');
    await world.put('b', 'only');
    await world.pass(2);
    expect(await world.versions('b')).toEqual(['k marker*', 'k STANDARD', 'only marker*']);
    const marker = await world.objects.find((await engine.buckets.get('b'))!.record.bucketId, 'k');
    expect(marker!.record.versionId).toBe('null');
    await world.pass(2);
    expect(await world.versions('b')).toEqual(['k marker*', 'k STANDARD']);
  });

  test('Object Lock wins: no mode and no hold lets a rule end a version, and each ends when it may', async () => {
    await world.create('b', [{ ...ONE_DAY, noncurrentExpiration: { days: 1 } }], {
      versioning: 'Enabled',
      objectLock: {},
    });
    const until = world.clock.now() + 9 * DAY;
    await world.put('b', 'compliance', { lock: { retention: { mode: 'COMPLIANCE', untilMs: until } } });
    await world.put('b', 'governance', { lock: { retention: { mode: 'GOVERNANCE', untilMs: until } } });
    await world.put('b', 'hold', { lock: { legalHold: 'ON' } });
    await world.pass(2);
    await world.pass(4);
    const hidden = ['compliance', 'governance', 'hold'].flatMap((key) => [`${key} marker*`, `${key} STANDARD`]);
    expect(await world.versions('b')).toEqual(hidden);
    expect(world.reports.at(-1)).toMatchObject({ deletedVersions: 0, kept: 3 });
    await world.pass(5);
    expect(await world.versions('b')).toEqual([
      'compliance marker*',
      'governance marker*',
      'hold marker*',
      'hold STANDARD',
    ]);
  });

  test('a transition is the storage class of the version, which keeps all else', async () => {
    await world.create(
      'b',
      [
        { transitions: [{ days: 1, storageClass: 'GLACIER' }], filter: { sizeAbove: 0 } },
        { noncurrentTransitions: [{ days: 1, storageClass: 'DEEP_ARCHIVE' }], filter: { sizeAbove: 0 } },
      ],
      { versioning: 'Enabled' },
    );
    await world.put('b', 'k', { tags: [['a', '1']] });
    await world.put('b', 'k');
    const { bucketId } = (await engine.buckets.get('b'))!.record;
    const before = (await world.objects.find(bucketId, 'k'))!.record;
    await world.pass(2);
    expect(await world.versions('b')).toEqual(['k GLACIER*', 'k DEEP_ARCHIVE']);
    const after = (await world.objects.find(bucketId, 'k'))!.record;
    expect(after).toEqual({ ...before, content: { ...before.content, storageClass: 'GLACIER' } });
    expect(await dead()).toBe(0);
  });

  test('the index of backing keys knows what is left, whatever went or changed its class', async () => {
    const encryption = { mode: 'SSE-KMS', keyMaterialId: '5a'.repeat(32) };
    const transitions = [{ days: 1, storageClass: 'GLACIER' }];
    await world.create('b', [
      { filter: { prefix: 'gone/' }, expiration: { days: 1 }, noncurrentExpiration: { days: 1 } },
      { filter: { prefix: 'cold/' }, transitions },
    ]);
    await world.buckets.update('b', (record) => ({ ...record, versioning: 'Enabled' }));
    for (const key of ['gone/a', 'gone/b', 'cold/a', 'kept']) {
      for (let i = 0; i < 2; i++) await world.put('b', key, { encryption, size: 200_000 });
    }
    const rows = async () => (await world.meta.range({ ...under(TAG.keyUse), limit: 100, keysOnly: true })).length;
    const before = await rows();
    for (let day = 0; day < 6; day++) await world.pass(1);
    expect(await world.versions('b')).toEqual([
      'cold/a GLACIER*',
      'cold/a STANDARD',
      'kept STANDARD*',
      'kept STANDARD',
    ]);
    expect([before, await rows()]).toEqual([8, 4]);
  });

  test('uploads that were begun long ago are aborted, by prefix', async () => {
    await world.create('b', [{ abortDays: 2, filter: { prefix: 'a' } }]);
    await world.upload('b', 'a');
    await world.upload('b', 'b');
    await world.pass(1);
    const late = await world.upload('b', 'a');
    await world.pass(2);
    const { bucketId } = (await engine.buckets.get('b'))!.record;
    const left: string[] = [];
    for await (const { record } of world.uploads.table.scan(
      under(Buffer.concat([TAG.upload, Buffer.from(bucketId, 'hex')])),
    )) {
      left.push(`${record.key} ${record.uploadId === late}`);
    }
    expect(left).toEqual(['a true', 'b false']);
    expect(world.reports.at(-1)).toMatchObject({ abortedUploads: 1 });
  });

  test('hundreds of keys and of versions of one key, over pages, keep exactly what the rule says', async () => {
    await world.create('b', [{ noncurrentExpiration: { days: 1, newer: 130 } }], { versioning: 'Enabled' });
    for (let i = 0; i < 250; i++) await world.put('b', 'many');
    await Promise.all(Array.from({ length: 250 }, (_, i) => world.put('b', `n${i}`)));
    await world.pass(2);
    const versions = await world.versions('b');
    expect(versions.filter((one) => one.startsWith('many')).length).toBe(131);
    expect(versions).toHaveLength(131 + 250);
    expect(world.reports.at(-1)).toMatchObject({ versions: 500, deletedVersions: 119 });
  });

  test('runs once a day, at midnight; one that was missed is made up for, and a clock that was wrong stops nothing', async () => {
    await world.create('b', [ONE_DAY]);
    await world.job.tick();
    const runs = () => world.reports.length;
    expect(runs()).toBe(1);
    await world.pass(0.5);
    expect(runs()).toBe(1);
    await world.pass(0.1);
    expect(runs()).toBe(2);
    await world.job.tick();
    expect(runs()).toBe(2);
    // Another process, the same day, and one that comes days later.
    const again = new World(engine.meta, world.clock);
    await again.job.tick();
    expect(again.reports).toHaveLength(0);
    world.clock.advance(5 * DAY);
    const later = new World(engine.meta, world.clock);
    await later.job.tick();
    expect(later.reports).toHaveLength(1);
    await later.pass(10_000);
    await later.pass(-9_999);
    expect(later.reports).toHaveLength(3);
  });

  test('a store without rules is not written to', async () => {
    await engine.buckets.create({ ...(await import('../versions/engines.js')).bucketRecord('plain') });
    const rows = async () => (await engine.meta.range({ ...under(TAG.system), limit: 9, keysOnly: true })).length;
    await world.job.tick();
    await world.pass(1);
    expect(await rows()).toBe(0);
    expect(world.reports).toHaveLength(0);
  });

  test('a run that is stopped goes on where it stood', async () => {
    await world.create('b', [ONE_DAY]);
    await world.create('c', [ONE_DAY]);
    await Promise.all(Array.from({ length: 350 }, (_, i) => world.put('b', `k${String(i).padStart(3, '0')}`)));
    await world.put('c', 'k');
    world.clock.advance(2 * DAY);
    let pages = 0;
    const first = new World(engine.meta, world.clock, {
      pagesPerSave: 1000,
      rest: async () => {
        if (++pages === 2) void first.job.stop();
      },
    });
    await first.job.tick();
    expect(first.reports).toMatchObject([{ buckets: 1, versions: 200, expired: 200 }]);
    expect(await world.versions('b')).toHaveLength(150);
    const second = new World(engine.meta, world.clock);
    await second.job.tick();
    expect(second.reports).toMatchObject([{ buckets: 2, versions: 151, expired: 151 }]);
    expect([await world.versions('b'), await world.versions('c')]).toEqual([[], []]);
  });

  test('a run is stopped within a key of many versions, too', async () => {
    await world.create('b', [{ noncurrentExpiration: { days: 1 } }], { versioning: 'Enabled' });
    for (let i = 0; i < 350; i++) await world.put('b', 'k');
    world.clock.advance(2 * DAY);
    const first = new World(engine.meta, world.clock, {
      rest: async () => void first.job.stop(),
    });
    await first.job.tick();
    expect(await world.versions('b')).toHaveLength(250);
    await new World(engine.meta, world.clock).job.tick();
    expect(await world.versions('b')).toEqual(['k STANDARD*']);
  });

  test('a bucket that can’t be read is left as it is, and the others don’t wait for it', async () => {
    for (const name of ['a', 'b', 'c']) {
      await world.create(name, [ONE_DAY]);
      await world.put(name, 'k');
    }
    const { bucketId } = (await engine.buckets.get('b'))!.record;
    const key = Buffer.concat([TAG.current, Buffer.from(bucketId, 'hex'), Buffer.from('a\0\0')]);
    await engine.meta.commit({ puts: [{ key, value: Buffer.from('\u0009damaged') }] });
    await world.pass(2);
    expect(world.troubles).toEqual(['b']);
    expect([await world.versions('a'), await world.versions('c')]).toEqual([[], []]);
    await engine.meta.commit({ dels: [key] });
    expect(await world.versions('b')).toEqual(['k STANDARD*']);
    await world.pass(1);
    expect(await world.versions('b')).toEqual([]);
  });
});
