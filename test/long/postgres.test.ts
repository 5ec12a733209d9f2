import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { chmod, chown, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openPostgres } from '../../src/store/postgres/open.js';
import { b, named, options, put } from '../store/postgres/harness.js';
import { lacking as lackingPatroni, PatroniCluster } from '../support/patroni.js';
import { idOf, isRoot, lacking, PostgresServer } from '../support/postgres.js';

const MiB = 1024 * 1024;
const WITHIN = { timeout: 600_000, interval: 50 };

/** A small file system of its own; needs root. */
function mount(size: string): string | undefined {
  if (!isRoot) return undefined;
  const at = mkdtempSync(join(tmpdir(), 'coffer-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', at], { stdio: 'ignore' });
    return at;
  } catch {
    return undefined;
  }
}

const disk = lacking ? undefined : mount('64m');
const why = lacking ?? (disk === undefined ? 'a file system can only be mounted by root' : undefined);

afterAll(async () => {
  if (disk === undefined) return;
  execFileSync('umount', ['-l', disk]);
  await rm(disk, { recursive: true, force: true });
});

describe.skipIf(why)(`PostgreSQL whose tables fill their disk${why ? ` (left out: ${why})` : ''}`, () => {
  test('refuses what takes room and goes on reading and deleting, until there is room', async () => {
    const server = await PostgresServer.start({ settings: { autovacuum: 'off' } });
    try {
      await chown(disk!, idOf('-u'), idOf('-g'));
      await chmod(disk!, 0o700);
      // What an administrator keeps to be removed: VACUUM needs a page or two before it gives any back.
      const reserve = join(disk!, 'reserve');
      await writeFile(reserve, Buffer.alloc(2 * MiB, 1));
      await server.sql(`CREATE TABLESPACE small LOCATION '${disk}'`);
      await server.sql('ALTER ROLE postgres SET default_tablespace = small');
      const store = await openPostgres(server.url(), options());
      const value = Buffer.alloc(60_000, 1);
      const owner = Buffer.alloc(16, 1);
      let rows = 0;
      let blobs = 0;
      let full: unknown;
      const fill = async () => {
        for (;;) {
          await store.meta.commit({ puts: [{ key: b(`k/${rows}`), value }, put(`small/${rows}`)] });
          rows++;
          await store.blobs.put(owner, [Buffer.alloc(MiB / 2, blobs)], blobs);
          blobs++;
        }
      };
      await fill().catch((error: unknown) => {
        full = error;
      });
      expect(full).toMatchObject({ name: 'StoreReadOnly' });
      expect(rows).toBeGreaterThan(50);
      // All that was acknowledged is there, and nothing of what was refused.
      expect(await store.meta.range({ gte: b('k/'), lt: b('k0'), limit: 10_000, keysOnly: true })).toHaveLength(rows);
      for (let n = 0; n < blobs; n++) {
        const [blob] = await store.blobs.snapshot().read(owner, { first: n, count: 1 }, 0, 1);
        expect(blob!.equals(Buffer.alloc(MiB / 2, n))).toBe(true);
      }
      for (let n = 0; n < rows; n++) expect(await store.meta.commit({ dels: [b(`k/${n}`)] })).toBe(true);
      await store.blobs.delete(
        owner,
        Array.from({ length: blobs }, (_, first) => ({ first, count: 1 })),
      );
      await rm(reserve);
      await store.compactMeta();
      expect(await store.meta.commit({ puts: [{ key: b('k/again'), value }] })).toBe(true);
      expect(await store.trouble()).toBeUndefined();
      await store.close();
    } finally {
      await server.stop();
    }
  });
});

describe.skipIf(lackingPatroni)(
  `PostgreSQL under Patroni${lackingPatroni ? ` (left out: ${lackingPatroni})` : ''}`,
  () => {
    test('whose primary is killed under load: commits wait, or are refused, and go on; none is lost, none is made twice', async () => {
      const cluster = await PatroniCluster.start();
      try {
        const url = `postgres://postgres@127.0.0.1:${cluster.port}/postgres?patience_ms=2000&resolve_ms=300000`;
        const store = await openPostgres(url, options());
        const names = ['n0', 'n1', 'n2', 'n3'];
        await store.meta.commit({ puts: names.map((name) => put(name, '0')) });
        let stop = false;
        let total = 0;
        let refusals = 0;
        let longestMs = 0;
        let lastMs = performance.now();
        const writers = names.map(async (name) => {
          let acknowledged = 0;
          let revision: Buffer | undefined;
          while (!stop) {
            try {
              revision ??= (await store.meta.get(b(name)))!.revision;
              const puts = [put(name, String(acknowledged + 1))];
              expect(await store.meta.commit({ checks: [{ key: b(name), revision }], puts })).toBe(true);
            } catch (error) {
              // Surely not applied: it is tried again.
              expect(error).toEqual(named('StoreUnavailable'));
              refusals++;
              continue;
            }
            revision = undefined;
            acknowledged++;
            total++;
            longestMs = Math.max(longestMs, performance.now() - lastMs);
            lastMs = performance.now();
          }
          return acknowledged;
        });
        await expect.poll(() => total, WITHIN).toBeGreaterThan(200);
        const killed = await cluster.killPrimary();
        const atKill = total;
        await expect.poll(() => total, WITHIN).toBeGreaterThan(atKill + 200);
        stop = true;
        const acknowledged = await Promise.all(writers);
        expect(Object.entries(await cluster.roles()).find(([name]) => name !== killed)![1]).toMatch(
          /^(leader|master) running/,
        );
        const values = await Promise.all(names.map(async (name) => (await store.meta.get(b(name)))!.value.toString()));
        expect(values).toEqual(acknowledged.map(String));
        const { resolved } = store.counts();
        expect(resolved.unknown).toBe(0);
        console.log(`failover: ${(longestMs / 1000).toFixed(1)} s without a commit, ${refusals} refused`, resolved);
        await store.close();
      } finally {
        await cluster.stop();
      }
    });
  },
);
