import { beforeEach, describe, expect, it, test } from 'vitest';
import { OutcomeUnknown, StoreUnavailable } from '../../src/store/errors.js';
import { FencedMeta } from '../../src/store/fenced-meta.js';
import { ALL_LEASES, under } from '../../src/store/keys.js';
import type { Lease } from '../../src/store/leases.js';
import { LocalLeases } from '../../src/store/local-leases.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { Commit } from '../../src/store/ports.js';
import { SharedLeases } from '../../src/store/shared-leases.js';

const TIMES = { beatMs: 3000, expiryMs: 20_000 };
const LOST = expect.objectContaining({ name: 'LeaseLost' });
const put = (key: string) => ({ key: Buffer.from(key), value: Buffer.of(1) });

/** A database that can be away for a while, or lose its answers. */
class Database extends MemoryMetaStore {
  away = false;
  /** The next commit is applied, and nobody hears of it. */
  mute = false;

  override async commit(commit: Commit): Promise<boolean> {
    if (this.away) throw new StoreUnavailable('the database is away');
    const done = await super.commit(commit);
    if (!this.mute) return done;
    this.mute = false;
    throw new OutcomeUnknown('the connection was lost');
  }

  override async range(...query: Parameters<MemoryMetaStore['range']>) {
    if (this.away) throw new StoreUnavailable('the database is away');
    return super.range(...query);
  }
}

describe('leases that gateways share', () => {
  let database: Database;
  let nowMs: number;
  let troubles: string[];

  /** Each gateway's clock reads something else; what counts is how it goes on. */
  const gateway = async (clockMs: number) => {
    const meta = new FencedMeta(database);
    const leases = await SharedLeases.open({
      meta: database,
      nowMs: () => nowMs + clockMs,
      times: TIMES,
      onTrouble: (message) => void troubles.push(message),
    });
    return { meta, leases };
  };
  /** So much time passes, and these show that they are at work. */
  const pass = async (ms: number, ...alive: { leases: SharedLeases }[]) => {
    for (let passed = 0; passed < ms; passed += TIMES.beatMs) {
      nowMs += TIMES.beatMs;
      for (const { leases } of alive) await leases.beat();
    }
  };

  beforeEach(() => {
    database = new Database(true);
    nowMs = 0;
    troubles = [];
  });

  it('one gateway holds it, as long as it shows that it is at work', async () => {
    const [a, b] = [await gateway(0), await gateway(1e9)];
    const held = (await a.leases.take('sweeper'))!;
    expect(await b.leases.take('sweeper')).toBeUndefined();
    expect(await a.leases.take('sweeper')).toBeUndefined();
    await pass(300_000, a, b);
    expect(await b.leases.take('sweeper')).toBeUndefined();
    expect(held.lost).toBe(false);
    expect(await b.leases.hasEnded(a.leases.gateway.id)).toBe(false);
    expect(b.leases.counts()).toEqual({ held: [], gateways: 2, takenOver: 0, lost: 0 });
    expect(a.leases.counts().held).toEqual(['sweeper']);
  });

  it('one that was let go is another’s at once, and nothing stays of a gateway that closed', async () => {
    const [a, b] = [await gateway(0), await gateway(-5e8)];
    const held = (await a.leases.take('sweeper'))!;
    await held.release();
    expect(held.ended).toBe(true);
    const next = (await b.leases.take('sweeper'))!;
    expect(next.lost).toBe(false);
    await a.leases.close();
    expect(await b.leases.hasEnded(a.leases.gateway.id)).toBe(true);
    await b.leases.close();
    expect(await database.range({ ...under(ALL_LEASES), limit: 10 })).toEqual([]);
  });

  it('one of a dead gateway is taken over within half a minute, by one gateway alone', async () => {
    const [a, b, c] = [await gateway(0), await gateway(7e8), await gateway(3)];
    await a.leases.take('sweeper');
    await pass(9000, a, b, c);
    // From here on `a` is gone.
    await pass(15_000, b, c);
    expect(await b.leases.take('sweeper')).toBeUndefined();
    expect(await b.leases.hasEnded(a.leases.gateway.id)).toBe(false);
    await pass(12_000, b, c);
    const taken = await Promise.all([b.leases.take('sweeper'), c.leases.take('sweeper')]);
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await Promise.all([b, c].map(({ leases }) => leases.hasEnded(a.leases.gateway.id)))).toContain(true);
    expect(await c.leases.hasEnded(a.leases.gateway.id)).toBe(true);
  });

  it('a holder that was paused commits nothing under it, knows it, and goes on as another gateway', async () => {
    const [a, b] = [await gateway(0), await gateway(1e6)];
    const held = (await a.leases.take('sweeper'))!;
    const before = a.leases.gateway;
    let goOn!: () => void;
    const paused = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const work = a.meta.within(held, async () => {
      expect(await a.meta.commit({ puts: [put('first')] })).toBe(true);
      await paused;
      await a.meta.commit({ puts: [put('second')] });
    });
    await pass(30_000, b);
    expect(held.lost).toBe(true);
    expect(held.ended).toBe(false);
    expect(await b.leases.take('sweeper')).toBeDefined();
    expect(await b.leases.hasEnded(before.id)).toBe(true);
    goOn();
    await expect(work).rejects.toThrow(LOST);
    expect(await database.get(Buffer.from('second'))).toBeUndefined();
    // An upload's commit carries the fence of its gateway by itself.
    await expect(a.meta.commit({ puts: [put('third')], checks: [...before.fence] })).rejects.toThrow(LOST);
    await a.leases.beat();
    expect(held.ended).toBe(true);
    expect(before.ended).toBe(true);
    expect(a.leases.gateway.id.equals(before.id)).toBe(false);
    expect(a.leases.gateway.lost).toBe(false);
    expect(a.leases.counts()).toMatchObject({ held: [], lost: 2 });
    expect(troubles).toContain('another gateway took the lease sweeper');
    // What is not done under the lease is as free as ever.
    expect(await a.meta.commit({ puts: [put('fourth')] })).toBe(true);
    await expect(a.meta.within(held, () => undefined)).rejects.toThrow(LOST);
  });

  it('a holder that hears nothing from the store takes it for lost before anybody else may, and has it again if nobody did', async () => {
    const [a, b] = [await gateway(0), await gateway(0)];
    const held = (await a.leases.take('sweeper'))!;
    await pass(12_000, b);
    expect(held.lost).toBe(false);
    await pass(3000, b);
    expect(held.lost).toBe(true);
    expect(await b.leases.take('sweeper')).toBeUndefined();
    await a.leases.beat();
    expect(held.lost).toBe(false);
    expect(await b.leases.take('sweeper')).toBeUndefined();
  });

  it('while the database was away nobody died: after a failover everybody holds what he held', async () => {
    const [a, b] = [await gateway(0), await gateway(2e7)];
    const held = (await a.leases.take('sweeper'))!;
    const own = a.leases.gateway;
    database.away = true;
    await pass(120_000, a, b);
    expect(held.lost).toBe(true);
    database.away = false;
    // The one that waits is there first.
    await b.leases.beat();
    expect(await b.leases.take('sweeper')).toBeUndefined();
    expect(await b.leases.hasEnded(own.id)).toBe(false);
    await pass(60_000, a, b);
    expect(held.lost).toBe(false);
    expect(a.leases.gateway).toBe(own);
    expect(troubles[0]).toBe("leases can't be renewed: the database is away");
  });

  it('an observer that was paused himself has watched nobody meanwhile', async () => {
    const [a, b] = [await gateway(0), await gateway(0)];
    await a.leases.take('sweeper');
    await pass(9000, a, b);
    // Both stand still; `b` wakes up first.
    nowMs += 3_600_000;
    await b.leases.beat();
    expect(await b.leases.take('sweeper')).toBeUndefined();
    await pass(24_000, b);
    expect(await b.leases.take('sweeper')).toBeDefined();
  });

  it('whose taking nobody heard of is held all the same, by the row', async () => {
    const [a, b] = [await gateway(0), await gateway(0)];
    database.mute = true;
    const held = (await a.leases.take('sweeper'))!;
    expect(held.lost).toBe(false);
    await b.leases.beat();
    expect(await b.leases.take('sweeper')).toBeUndefined();
    expect(await a.meta.within(held, () => a.meta.commit({ puts: [put('x')] }))).toBe(true);
  });

  it('a commit under a lease that fails for another check is a conflict as ever; what nobody waited for is fenced no more', async () => {
    const a = await gateway(0);
    const held = (await a.leases.take('sweeper'))!;
    const check = { key: Buffer.from('not there'), revision: Buffer.alloc(16) };
    expect(await a.meta.within(held, () => a.meta.commit({ puts: [put('x')], checks: [check] }))).toBe(false);
    let later!: () => Promise<boolean>;
    await a.meta.within(held, () => {
      const made = Promise.resolve();
      later = () => made.then(() => a.meta.commit({ puts: [put('y')] }));
    });
    await held.release();
    expect(await later()).toBe(true);
  });
});

test('leases of a store that one process alone has are nobody else’s: all earlier gateways have ended', async () => {
  const leases = new LocalLeases();
  const held: Lease = (await leases.take('sweeper'))!;
  expect(await leases.take('sweeper')).toBeUndefined();
  expect([held.fence, held.lost, held.ended]).toEqual([[], false, false]);
  expect(await leases.hasEnded(leases.gateway.id)).toBe(false);
  expect(await leases.hasEnded(Buffer.alloc(16, 1))).toBe(true);
  await held.release();
  expect(await leases.take('sweeper')).toBeDefined();
});
