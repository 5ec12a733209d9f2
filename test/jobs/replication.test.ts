import { setImmediate as soon } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.js';
import { TargetRefused, TargetUnreachable } from '../../src/jobs/replication/target.js';
import { OutcomeUnknown, StoreUnavailable } from '../../src/store/errors.js';
import { TAG, under } from '../../src/store/keys.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import { meddled } from './lifecycle-world.js';
import { DAY, FakeTarget, START, World } from './replication-world.js';

const ONE = 'arn:aws:s3:::one';
const TWO = 'arn:aws:s3:::two';

async function world(destinations = [ONE], keysAtOnce = 8) {
  const [one, two] = [new FakeTarget(), new FakeTarget()];
  const meta = new MemoryMetaStore();
  const made = new World(meta, new ManualClock(START), { [ONE]: one, [TWO]: two }, keysAtOnce);
  await made.create('b', destinations);
  return { world: made, one, two, meta };
}
const away = async () => {
  throw new TargetUnreachable('away');
};

describe('the queue of replication', () => {
  test('gives versions of a key in their order, while other keys go by', async () => {
    const { world: w, one } = await world([ONE], 2);
    const ids = [];
    for (const body of ['1', '2', '3']) ids.push((await w.put('slow', body)).versionId);
    await w.remove('slow');
    const other = await w.put('quick', 'x');
    let open: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    one.before = async (_replica, key) => (key === 'slow' ? gate : undefined);
    w.job.start();
    while (!one.taken.some((line) => line.startsWith('quick'))) await soon();
    expect(one.taken).toEqual([`quick ${other.versionId} x`]);
    expect(one.requests.filter((line) => line.startsWith('slow'))).toHaveLength(1);
    open!();
    await w.job.idle();
    const slow = one.taken.slice(1).map((line) => line.split(' '));
    expect(slow.map((line) => line[2])).toEqual(['1', '2', '3', 'marker']);
    expect(slow.slice(0, 3).map((line) => line[1])).toEqual(ids);
    for (const id of ids) expect(await w.status('slow', id)).toBe('COMPLETED');
    expect(await w.queue.count()).toBe(0);
    expect([w.counts.completed, w.counts.pending]).toEqual([5, 0]);
  });

  test('waits with back-off for a destination that is away, and writes nothing while it pauses', async () => {
    const { world: w, one, meta } = await world();
    one.before = away;
    await w.put('k', '1');
    await w.put('k2', '1');
    await w.run();
    expect([await w.status('k'), await w.queue.count()]).toEqual(['PENDING', 2]);
    let commits = 0;
    const commit = meta.commit.bind(meta);
    meta.commit = async (asked) => {
      commits++;
      return commit(asked);
    };
    for (let i = 0; i < 20; i++) await w.run();
    expect(commits).toBe(0);
    const before = one.requests.length;
    for (let minute = 0; minute < 60; minute++) {
      w.clock.advance(60_000);
      await w.run();
    }
    // Five minutes at most between two attempts.
    const tried = one.requests.length - before;
    expect(tried).toBeGreaterThan(15);
    expect(tried).toBeLessThan(40);
    one.before = async () => {};
    w.clock.advance(10 * 60_000);
    await w.run();
    expect([await w.status('k'), await w.status('k2'), await w.queue.count()]).toEqual(['COMPLETED', 'COMPLETED', 0]);
  });

  test('gives a destination up that is away for a week, and says so', async () => {
    const { world: w, one } = await world();
    one.before = away;
    await w.put('k', '1');
    for (let day = 0; day < 9; day++) {
      await w.run();
      w.clock.advance(DAY);
    }
    expect(await w.status('k')).toBe('FAILED');
    expect(await w.failed()).toEqual([`k ${ONE} DstUnreachable`]);
    expect([...w.counts.failed]).toEqual([['DstUnreachable', 1]]);
  });

  test('what a destination refuses fails at once, with its reason; later versions go on', async () => {
    const { world: w, one } = await world();
    const refused = await w.put('k', '1');
    one.before = async (replica) => {
      if (replica.versionId === refused.versionId) throw new TargetRefused('AccessDenied', 403, 'no');
    };
    await w.put('k', '2');
    await w.run();
    expect([await w.status('k', refused.versionId), await w.status('k')]).toEqual(['FAILED', 'COMPLETED']);
    expect(await w.failed()).toEqual([`k ${ONE} DstPutObjectNotPermitted`]);
    await w.remove('k', refused.versionId);
    expect(await w.failed()).toEqual([]);
  });

  test('of two destinations the one that is served isn’t asked again', async () => {
    const { world: w, one, two } = await world([ONE, TWO]);
    two.before = away;
    await w.put('k', '1');
    await w.run();
    expect([await w.status('k'), one.taken.length, two.taken.length]).toEqual(['PENDING', 1, 0]);
    two.before = async () => {};
    w.clock.advance(60_000);
    await w.run();
    expect([await w.status('k'), one.requests.length, two.taken.length]).toEqual(['COMPLETED', 1, 1]);
  });

  test('of two destinations one that fails makes the version FAILED, and the other has it', async () => {
    const { world: w, one, two } = await world([ONE, TWO]);
    one.before = async () => {
      throw new TargetRefused('NoSuchBucket', 404, 'none');
    };
    two.before = away;
    await w.put('k', '1');
    await w.run();
    two.before = async () => {};
    w.clock.advance(60_000);
    await w.run();
    expect([await w.status('k'), two.taken.length]).toEqual(['FAILED', 1]);
    expect(await w.failed()).toEqual([`k ${ONE} DstBucketNotFound`]);
  });

  test('tags that change while the version is on its way follow it', async () => {
    const { world: w, one } = await world();
    const { versionId } = await w.put('k', '1');
    let changed = false;
    one.after = async () => {
      if (changed) return;
      changed = true;
      await w.tag('k', 'new');
    };
    await w.run();
    expect(await w.status('k')).toBe('COMPLETED');
    await w.tag('k', 'newer');
    await w.run();
    expect(one.requests.at(-1)).toBe(`k ${versionId} changes t=newer`);
    // Once more as a whole, since the change came before the first was noted.
    expect(one.requests.slice(0, 2)).toEqual([`k ${versionId}`, `k ${versionId}`]);
    expect(one.taken).toHaveLength(1);
    expect([await w.status('k'), await w.queue.count()]).toEqual(['COMPLETED', 0]);
  });

  test('a version that is deleted, or a bucket that is gone, leaves nothing behind', async () => {
    const { world: w, one } = await world();
    one.before = away;
    const { versionId } = await w.put('k', '1');
    await w.put('k2', '1');
    await w.run();
    await w.remove('k', versionId);
    expect(await w.queue.count()).toBe(1);
    one.before = async () => {
      await w.remove('k2', (await w.objects.find((await w.buckets.get('b'))!.record.bucketId, 'k2'))!.record.versionId);
    };
    w.clock.advance(60_000);
    await w.run();
    expect([await w.queue.count(), await w.failed()]).toEqual([0, []]);
  });

  test('a rule that is taken away fails what waited', async () => {
    const { world: w, one } = await world();
    one.before = away;
    await w.put('k', '1');
    await w.run();
    await w.configs.write('b', { name: 'replication' }, undefined);
    w.clock.advance(60_000);
    await w.run();
    expect([await w.status('k'), await w.failed()]).toEqual(['FAILED', [`k ${ONE} RuleRemoved`]]);
  });

  test('a role that S3 may not assume any more, or of another account, sends nothing', async () => {
    const { world: w, one } = await world();
    const { role } = w;
    await w.put('before', '1');
    await w.run();
    w.role = undefined;
    await w.put('without', '1');
    await w.run();
    w.role = { ...role!, accountId: '222222222222' };
    await w.put('abroad', '1');
    await w.run();
    expect(await w.failed()).toEqual([`abroad ${ONE} AssumeRoleNotPermitted`, `without ${ONE} AssumeRoleNotPermitted`]);
    expect(one.taken).toHaveLength(1);
  });

  test('what lies under a customer’s key fails in the commit that puts it, and is never sent', async () => {
    const { world: w, one } = await world();
    const record = await w.put('k', '1', { encryption: { mode: 'SSE-C' } });
    expect(record.replication).toEqual({ status: 'FAILED' });
    expect(await w.failed()).toEqual(['k  SseCustomerKeyNotReplicable']);
    await w.run();
    expect([one.requests, await w.queue.count()]).toEqual([[], 0]);
  });

  test('a delete marker of the lifecycle isn’t replicated', async () => {
    const { world: w, one } = await world();
    await w.put('k', '1');
    await w.objects.remove((await w.buckets.get('b'))!, 'k', undefined, '1', undefined, { byLifecycle: true });
    await w.run();
    expect([one.taken.length, await w.status('k')]).toEqual([1, undefined]);
  });

  test('while the store can’t be written nothing is lost', async () => {
    const { world: w, one, meta } = await world();
    await w.put('k', '1');
    let down = true;
    const flaky = meddled(meta, async (commit) => {
      if (down) throw new StoreUnavailable('closed');
      return commit();
    });
    const again = new World(flaky, w.clock, { [ONE]: one });
    await again.run();
    expect([again.failures.length, await w.status('k')]).toEqual([1, 'PENDING']);
    down = false;
    await again.run();
    expect([await w.status('k'), one.taken.length]).toEqual(['COMPLETED', 1]);
    await again.job.stop();
  });
});

/** What clients do; those whose call fails were never told that it was done. */
async function history(w: World): Promise<void> {
  await w.put('a', '1');
  await w.put('a', '2');
  await w.remove('a');
  await w.put('b', '1', { tags: [['t', 'old']] });
  await w.run();
  await w.tag('b', 'new');
  await w.put('c', '1', { encryption: { mode: 'SSE-C' } });
  await w.run();
}

test('a crash before or behind any commit loses nothing and doubles nothing', async () => {
  const fresh = async () => {
    const [one, meta, clock] = [new FakeTarget(), new MemoryMetaStore(), new ManualClock(START)];
    await new World(meta, clock, { [ONE]: one }).create('b', [ONE]);
    return { one, meta, clock };
  };
  const reference = await fresh();
  let commits = 0;
  const counting = meddled(reference.meta, (commit) => {
    commits++;
    return commit();
  });
  await history(new World(counting, reference.clock, { [ONE]: reference.one }));
  expect(commits).toBeGreaterThan(10);
  let crashes = 0;
  for (let at = 1; at <= commits; at++) {
    for (const applied of [false, true]) {
      const { one, meta, clock } = await fresh();
      let n = 0;
      let gone = false;
      const crashing = meddled(meta, async (commit) => {
        if (gone) throw new StoreUnavailable('the process is gone');
        if (++n < at) return commit();
        gone = true;
        if (applied) await commit();
        throw new OutcomeUnknown('the process is gone');
      });
      const dying = new World(crashing, clock, { [ONE]: one });
      await history(dying).catch(() => {});
      await dying.job.stop();
      const w = new World(meta, clock, { [ONE]: one });
      clock.advance(60_000);
      await w.run();
      await w.job.stop();
      // Every version that is there is at the destination, once; none is pending.
      const { bucketId } = (await w.buckets.get('b'))!.record;
      const expected: string[] = [];
      for (const tag of [TAG.current, TAG.version]) {
        const range = under(Buffer.concat([tag, Buffer.from(bucketId, 'hex')]));
        for await (const { record } of w.objects.table.scan(range)) {
          const isCustomers = record.content?.encryption.mode === 'SSE-C';
          expect(record.replication?.status).toBe(isCustomers ? 'FAILED' : 'COMPLETED');
          if (!isCustomers) expected.push(record.versionId);
        }
      }
      expect(one.taken.map((line) => line.split(' ')[1]).sort()).toEqual(expected.sort());
      expect(await w.queue.count()).toBe(0);
      const tags = (await w.objects.find(bucketId, 'b'))?.record.content?.tags;
      if (tags?.[0]?.[1] === 'new') expect(one.requests.some((line) => line.endsWith('changes t=new'))).toBe(true);
      crashes++;
    }
  }
  expect(crashes).toBe(2 * commits);
});
