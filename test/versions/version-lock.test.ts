import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyLock } from '../../src/s3/object-lock.js';
import type { VersioningStatus, VersionLock } from '../../src/store/records.js';
import { VersionLocked } from '../../src/store/version-lock.js';
import { bucketRecord, ENGINES, type Engine, newVersion } from './engines.js';

const HOUR = 3_600_000;

describe.each(ENGINES)('Object Lock %s', (_name, open) => {
  let engine: Engine;
  beforeEach(async () => {
    engine = await open();
    await engine.buckets.create(bucketRecord('b', { versioning: 'Enabled', objectLock: {} }));
  });
  afterEach(() => engine.close());

  const bucket = async () => (await engine.buckets.get('b'))!;
  const put = async (lock?: VersionLock) => engine.objects.put(await bucket(), 'k', newVersion(lock ? { lock } : {}));
  const remove = async (versionId: string | undefined, bypass = false) =>
    engine.objects.remove(await bucket(), 'k', versionId, '1', undefined, { bypassGovernance: bypass });
  const relock = async (lock: VersionLock, bypass = false) =>
    engine.objects.replace(
      await bucket(),
      'k',
      undefined,
      (record) => ({ ...record, content: { ...record.content!, lock } }),
      { bypassGovernance: bypass },
    );
  const retention = (mode: 'GOVERNANCE' | 'COMPLIANCE', hours: number): VersionLock => ({
    retention: { mode, untilMs: engine.clock.now() + hours * HOUR },
  });

  test('nothing ends a version in COMPLIANCE mode before its time, whoever asks for it and however', async () => {
    const { versionId } = await put(retention('COMPLIANCE', 2));
    const attempts = [
      () => remove(versionId),
      () => remove(versionId, true),
      () => relock({}, true),
      () => relock(retention('COMPLIANCE', 1), true),
      () => relock(retention('GOVERNANCE', 9), true),
      async () => engine.objects.rename(await bucket(), 'k', 'other', (source) => source!),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toThrow(VersionLocked);
    expect(attempts).toHaveLength(6);
    engine.clock.advance(2 * HOUR - 1);
    await expect(remove(versionId)).rejects.toThrow(VersionLocked);
    engine.clock.advance(1);
    expect(await remove(versionId)).toEqual({ versionId, deleteMarker: false });
  });

  test('a locked null version isn’t written over where versioning was suspended by other means', async () => {
    for (const versioning of [undefined, 'Suspended'] as (VersioningStatus | undefined)[]) {
      const name = `odd-${versioning}`;
      const record = bucketRecord(name);
      await engine.buckets.create(versioning ? { ...record, versioning } : record);
      const odd = (await engine.buckets.get(name))!;
      await engine.objects.put(odd, 'k', newVersion({ lock: retention('COMPLIANCE', 1) }));
      await expect(engine.objects.put(odd, 'k', newVersion())).rejects.toThrow(VersionLocked);
      await expect(
        engine.objects.remove(odd, 'k', undefined, '1', undefined, { bypassGovernance: true }),
      ).rejects.toThrow(VersionLocked);
      await engine.objects.put(odd, 'x', newVersion());
      await expect(engine.objects.rename(odd, 'x', 'k', (source) => source!)).rejects.toThrow(VersionLocked);
      expect((await engine.objects.find(odd.record.bucketId, 'x'))?.record.content).toBeDefined();
    }
  });

  test('GOVERNANCE yields to the one who may pass it, a legal hold to nobody', async () => {
    const { versionId } = await put(retention('GOVERNANCE', 1));
    await expect(remove(versionId)).rejects.toThrow(VersionLocked);
    await expect(relock({})).rejects.toThrow(VersionLocked);
    await relock(retention('GOVERNANCE', 2));
    await relock({ ...retention('GOVERNANCE', 1), legalHold: 'ON' }, true);
    await expect(remove(versionId, true)).rejects.toThrow(VersionLocked);
    await relock({ legalHold: 'OFF' }, true);
    await remove(versionId);
    expect(await engine.objects.find((await bucket()).record.bucketId, 'k')).toBeUndefined();
  });

  test('what was unlocked when a deletion began and is locked when it commits, stays', async () => {
    const { versionId } = await put();
    const stale = await bucket();
    let raced = false;
    // The condition runs on what was read; the lock lands between that and the commit.
    const lock = relock(retention('COMPLIANCE', 1));
    const removal = engine.objects.remove(stale, 'k', versionId, '1', () => {
      raced = true;
    });
    const [locked, removed] = await Promise.allSettled([lock, removal]);
    expect(raced).toBe(true);
    const found = await engine.objects.find(stale.record.bucketId, 'k', versionId);
    // One of the two was first, and the other saw it.
    if (found) expect([locked.status, removed.status]).toEqual(['fulfilled', 'rejected']);
    else expect(locked.status === 'fulfilled' ? locked.value : undefined).toBeUndefined();
  });

  test('a version that was begun before the bucket changed is decided on by the bucket as it is', async () => {
    const stale = await bucket();
    const defaultRetention = { mode: 'COMPLIANCE' as const, days: 1 };
    await engine.buckets.update('b', (record) => ({ ...record, objectLock: { defaultRetention } }));
    const version = newVersion();
    const seen: unknown[] = [];
    const record = await engine.objects.put(stale, 'k', version, {
      condition: (_current, now) => {
        seen.push(now.objectLock?.defaultRetention);
        applyLock(version.content, undefined, now, engine.clock.now());
      },
    });
    expect(seen).toEqual([undefined, defaultRetention]);
    expect(record.content?.lock?.retention?.mode).toBe('COMPLIANCE');
    await expect(remove(record.versionId, true)).rejects.toThrow(VersionLocked);
  });
});
