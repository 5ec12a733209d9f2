import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { randomId } from '../../src/base/ids.js';
import { keyUseKey, TAG, under, versionsPrefix } from '../../src/store/keys.js';
import { NotVersioned, Objects } from '../../src/store/objects.js';
import { newVersionId } from '../../src/store/version-id.js';
import { bucketRecord, ENGINES, type Engine, newVersion, plain } from './engines.js';

describe.each(ENGINES)('replicas %s', (_name, open) => {
  let engine: Engine;
  beforeEach(async () => {
    engine = await open();
    await engine.buckets.create(bucketRecord('b', { versioning: 'Enabled' }));
  });
  afterEach(() => engine.close());

  const bucket = async () => (await engine.buckets.get('b'))!;
  const own = async (etag: string) => (await engine.objects.put(await bucket(), 'k', newVersion({ etag }))).versionId;
  const replica = (sequence: number, etag: string, lastModifiedMs = 0, versionId = newVersionId(sequence)) => ({
    ...newVersion({ etag }),
    ...{ versionId, lastModifiedMs },
  });
  const take = async (one: ReturnType<typeof replica>) => engine.objects.putReplica(await bucket(), 'k', one);
  /** ETags, newest first. */
  const list = async (): Promise<string[]> => {
    const id = Buffer.from((await bucket()).record.bucketId, 'hex');
    const current = await engine.objects.find((await bucket()).record.bucketId, 'k');
    if (!current) return [];
    const older = await engine.objects.table.range({ ...under(versionsPrefix(id, 'k')), limit: 100 });
    return [current, ...older].map((one) => one.record.content?.etag ?? 'marker');
  };
  const find = async (versionId: string) =>
    (await engine.objects.find((await bucket()).record.bucketId, 'k', versionId))?.record.content?.etag;
  const places = async () => (await engine.meta.range({ ...under(TAG.versionPlace), limit: 100 })).length;

  test('keep id, time and order, in whatever order they come', async () => {
    const all = [1, 2, 3, 4].map((sequence) => replica(sequence, `r${sequence}`, sequence));
    for (const i of [2, 0, 3, 1]) await take(all[i]!);
    expect(await list()).toEqual(['r4', 'r3', 'r2', 'r1']);
    for (const one of all) expect(await find(one.versionId)).toBe(one.content.etag);
    const found = await engine.objects.find((await bucket()).record.bucketId, 'k', all[1]!.versionId);
    expect(found!.record).toMatchObject({ lastModifiedMs: 2, replication: { status: 'REPLICA' } });
    expect(await places()).toBe(0);
  });

  test('that come twice are taken once', async () => {
    const one = replica(1, 'first');
    expect(await take(one)).toMatchObject({ isNew: true });
    const again = await take({ ...replica(1, 'second'), versionId: one.versionId });
    expect(again).toMatchObject({ isNew: false, record: { content: { etag: 'first' } } });
    await own('own');
    expect(await take(one)).toMatchObject({ isNew: false });
    expect(await list()).toEqual(['own', 'first']);
  });

  test('find their places among versions that were put here under the same sequence', async () => {
    const a = await own('a');
    const b = await own('b');
    // Older than both by time, and with the sequence of the first.
    const early = replica(1, 'early', -1);
    await take(early);
    const late = replica(2, 'late', engine.clock.now() + 1);
    await take(late);
    const after = replica(3, 'after');
    await take(after);
    const last = await own('last');
    expect((await list())[0]).toBe('last');
    expect((await list()).slice(0, 3)).toEqual(['last', 'after', 'late']);
    expect((await list()).length).toBe(6);
    const all = { a, b, last, early: early.versionId, late: late.versionId, after: after.versionId };
    for (const [etag, id] of Object.entries(all)) expect(await find(id)).toBe(etag);
    expect(await places()).toBeGreaterThan(0);
    for (const id of Object.values(all)) await engine.objects.remove(await bucket(), 'k', id, '1');
    expect(await list()).toEqual([]);
    expect(await places()).toBe(0);
  });

  test('two buckets that take each other’s end with the same current version', async () => {
    let cases = 0;
    for (const times of [
      [1, 2],
      [2, 1],
      [1, 1],
    ]) {
      const [x, y] = [replica(1, 'x', times[0]), replica(1, 'y', times[1])];
      const ends: string[] = [];
      for (const order of [
        [x, y],
        [y, x],
      ]) {
        const key = randomId().toString('hex');
        for (const one of order) await engine.objects.putReplica(await bucket(), key, one!);
        const found = await engine.objects.find((await bucket()).record.bucketId, key);
        ends.push(found!.record.content!.etag);
        for (const one of order) {
          const version = await engine.objects.find((await bucket()).record.bucketId, key, one!.versionId);
          expect(version!.record.content!.etag).toBe(one!.content.etag);
        }
      }
      expect(ends[0]).toBe(ends[1]);
      cases++;
    }
    expect(cases).toBe(3);
  });

  test('leave the null version what it is', async () => {
    await engine.buckets.update('b', (record) => ({ ...record, versioning: 'Suspended' }));
    await own('null');
    await engine.buckets.update('b', (record) => ({ ...record, versioning: 'Enabled' }));
    await take(replica(1, 'same', -1));
    await take(replica(5, 'newer'));
    expect(await find('null')).toBe('null');
    await own('own');
    expect(await find('null')).toBe('null');
    await engine.objects.remove(await bucket(), 'k', 'null', '1');
    expect(await find('null')).toBeUndefined();
    expect((await list()).sort()).toEqual(['newer', 'own', 'same']);
  });

  test('are delete markers too', async () => {
    await take(replica(1, 'r'));
    const { content: _, ...marker } = replica(2, '');
    await engine.objects.putReplica(await bucket(), 'k', marker);
    expect(await list()).toEqual(['marker', 'r']);
    const current = await engine.objects.find((await bucket()).record.bucketId, 'k');
    expect(current!.record).toMatchObject({ deleteMarker: true, versionId: marker.versionId });
  });

  test('are refused without versioning', async () => {
    for (const versioning of ['Suspended', undefined] as const) {
      await engine.buckets.update('b', ({ versioning: _, ...record }) => ({
        ...record,
        ...(versioning && { versioning }),
      }));
      await expect(take(replica(1, 'r'))).rejects.toThrow(NotVersioned);
    }
  });

  test('are in the index of the keys they lie under, and leave it', async () => {
    const keyMaterialId = 'ab'.repeat(32);
    const one = {
      ...replica(1, 'r'),
      content: { ...newVersion().content, encryption: { mode: 'SSE-KMS', keyMaterialId } },
    };
    const objects = new Objects(engine.meta, plain, engine.buckets, engine.clock);
    await objects.putReplica(await bucket(), 'k', one);
    const id = Buffer.from((await bucket()).record.bucketId, 'hex');
    const row = keyUseKey(Buffer.from(keyMaterialId, 'hex'), id, Buffer.from(one.objectId, 'hex'), 1);
    expect(await engine.meta.get(row)).toBeDefined();
    await objects.remove(await bucket(), 'k', one.versionId, '1');
    expect(await engine.meta.get(row)).toBeUndefined();
  });
});
