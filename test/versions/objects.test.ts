import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { randomId } from '../../src/base/ids.js';
import type { RecordSealer } from '../../src/seal/ports.js';
import { Buckets } from '../../src/store/buckets.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { Objects } from '../../src/store/objects.js';
import type { BucketRecord, ObjectContent, VersioningStatus } from '../../src/store/records.js';

const plain: RecordSealer = {
  seal: (_type, _key, plaintext) => Buffer.from(plaintext),
  open: (_type, _key, sealed) => Buffer.from(sealed),
  openMany: (_type, rows) => rows.map(({ value }) => Buffer.from(value)),
};

function content(etag: string): ObjectContent {
  return {
    size: 1,
    etag,
    storageClass: 'STANDARD',
    system: {},
    metadata: {},
    encryption: { mode: 'SSE-S3' },
    body: { partId: randomId().toString('hex'), size: 1, inline: true, chunkBytes: 16384 },
  };
}

interface ModelVersion {
  id: string;
  etag: string | undefined;
}

/** The same in a few lines that keep whole lists: newest first. */
class Model {
  readonly keys = new Map<string, ModelVersion[]>();

  versions(key: string): ModelVersion[] {
    return this.keys.get(key) ?? [];
  }

  place(key: string, version: ModelVersion): void {
    const rest = this.versions(key).filter((one) => !(version.id === 'null' && one.id === 'null'));
    this.keys.set(key, [version, ...rest]);
  }

  drop(key: string, id: string): void {
    this.keys.set(
      key,
      this.versions(key).filter((one) => one.id !== id),
    );
  }
}

describe('versions of objects', () => {
  let meta: MemoryMetaStore;
  let buckets: Buckets;
  let objects: Objects;
  const clock = new ManualClock(1_700_000_000_000);

  beforeEach(async () => {
    meta = new MemoryMetaStore();
    buckets = new Buckets(meta, plain);
    objects = new Objects(meta, plain, buckets, clock);
    const record: BucketRecord = {
      bucketId: randomId().toString('hex'),
      name: 'b',
      ownerAccountId: '111111111111',
      createdMs: 0,
      locationConstraint: '',
      encryption: { algorithm: 'AES256', bucketKeyEnabled: false, blockSseC: false, explicit: false },
    };
    expect(await buckets.create(record)).toBe(true);
  });

  const bucket = async () => (await buckets.get('b'))!;
  const setVersioning = (versioning: VersioningStatus) => buckets.update('b', (record) => ({ ...record, versioning }));
  const put = async (key: string, etag: string) =>
    objects.put(await bucket(), key, {
      objectId: randomId().toString('hex'),
      ownerAccountId: '1',
      content: content(etag),
    });

  test('random histories of puts, deletes, renames and versioning changes read as a naive model says', async () => {
    let seed = 42;
    const next = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    let checked = 0;
    let renames = 0;
    for (let round = 0; round < 20; round++) {
      const model = new Model();
      const prefix = `r${round}-`;
      let status: VersioningStatus | undefined = (await bucket()).record.versioning;
      for (let step = 0; step < 80; step++) {
        const key = `${prefix}${'k\0x'.slice(0, 1 + next(3))}`;
        const other = `${prefix}${'k\0x'.slice(0, 1 + next(3))}`;
        const action = next(12);
        if (action < 4) {
          const record = await put(key, `${round}-${step}`);
          model.place(key, { id: record.versionId, etag: `${round}-${step}` });
        } else if (action < 6) {
          const removal = await objects.remove(await bucket(), key, undefined, '1');
          if (status === undefined) model.drop(key, 'null');
          else model.place(key, { id: removal.versionId!, etag: undefined });
        } else if (action < 9) {
          const versions = model.versions(key);
          const victim = versions[next(Math.max(1, versions.length))];
          if (victim) {
            await objects.remove(await bucket(), key, victim.id, '1');
            model.drop(key, victim.id);
          }
        } else if (action < 11) {
          const moved = model.versions(key)[0];
          if (moved?.etag !== undefined && other !== key) {
            const record = await objects.rename(await bucket(), key, other, (source) => source!);
            model.drop(key, moved.id);
            model.place(other, { id: record.versionId, etag: moved.etag });
            const { record: old } = (await objects.find((await bucket()).record.bucketId, key)) ?? {};
            if (status !== undefined) model.place(key, { id: old!.versionId, etag: undefined });
            renames++;
          }
        } else if (round > 2) {
          status = next(2) === 0 ? 'Enabled' : 'Suspended';
          await setVersioning(status);
        }
        for (const one of [key, other]) {
          const expected = model.versions(one);
          const current = await objects.find((await bucket()).record.bucketId, one);
          expect(current?.record.versionId).toBe(expected[0]?.id);
          expect(current?.record.content?.etag).toBe(expected[0]?.etag);
          for (const version of expected) {
            const found = await objects.find((await bucket()).record.bucketId, one, version.id);
            expect(found?.record.content?.etag).toBe(version.etag);
            expect(found?.isCurrent).toBe(version === expected[0]);
            checked++;
          }
        }
      }
    }
    expect(checked).toBeGreaterThan(1000);
    expect(renames).toBeGreaterThan(50);
  });

  test('of concurrent If-None-Match puts exactly one wins', async () => {
    const stored = await bucket();
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        objects.put(
          stored,
          'k',
          { objectId: randomId().toString('hex'), ownerAccountId: '1', content: content(`${i}`) },
          {
            condition: (current) => {
              if (current?.content) throw new Error('precondition');
            },
          },
        ),
      ),
    );
    expect(attempts.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
  });

  test('a put into a bucket that is deleted meanwhile fails, and an empty bucket can be deleted', async () => {
    const stored = await bucket();
    expect(await buckets.remove((await buckets.get('b'))!.record, async () => {})).toBe('removed');
    await expect(
      objects.put(stored, 'k', { objectId: randomId().toString('hex'), ownerAccountId: '1', content: content('x') }),
    ).rejects.toThrow('b');
  });

  test('a bucket with only a delete marker is not empty', async () => {
    await setVersioning('Enabled');
    await objects.remove(await bucket(), 'k', undefined, '1');
    expect(await buckets.remove((await buckets.get('b'))!.record, async () => {})).toBe('notEmpty');
    expect(await buckets.get('b')).toBeDefined();
  });

  test('what a put replaces is handed to the sweeper in the same commit', async () => {
    await put('k', 'a');
    await put('k', 'b');
    const dead = await meta.range({ gte: Buffer.from('d/'), lt: Buffer.from('d0'), limit: 10 });
    expect(dead).toHaveLength(1);
  });
});
