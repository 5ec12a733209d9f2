import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inspect, promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/base/secret.js';
import { openPostgres } from '../../../src/store/postgres/open.js';
import { freshSchema, lacking, sharedPostgres } from '../../support/postgres.js';
import { afterwards, b, eventually, named, openedBehindProxy, options, PATIENT, put } from './harness.js';

const WRITER = fileURLToPath(new URL('./writer-process.ts', import.meta.url));

describe.skipIf(lacking)(`a PostgreSQL server${lacking ? ` (left out: ${lacking})` : ''}`, () => {
  test('that crashes and restarts under load: nothing acknowledged is lost, nothing is made twice', async () => {
    const { server, store, troubles, valueAt } = await openedBehindProxy();
    const names = ['n0', 'n1', 'n2', 'n3'];
    await store.meta.commit({ puts: names.map((name) => put(name, '0')) });
    let stop = false;
    let total = 0;
    // A second writer of a row would be seen by its check; a commit made twice by what the row says in the end.
    const writers = names.map(async (name) => {
      let acknowledged = 0;
      let { revision } = (await store.meta.get(b(name)))!;
      while (!stop) {
        const puts = [put(name, String(acknowledged + 1))];
        expect(await store.meta.commit({ checks: [{ key: b(name), revision }], puts })).toBe(true);
        acknowledged++;
        total++;
        ({ revision } = (await store.meta.get(b(name)))!);
      }
      return acknowledged;
    });
    for (let restarts = 0; restarts < 3; restarts++) {
      const before = total;
      await expect.poll(() => total).toBeGreaterThan(before + 20);
      await server.down('immediate');
      await server.up();
    }
    const after = total;
    await expect.poll(() => total).toBeGreaterThan(after + 20);
    stop = true;
    const acknowledged = await Promise.all(writers);
    expect(await Promise.all(names.map(valueAt))).toEqual(acknowledged.map(String));
    expect(store.counts().resolved.unknown).toBe(0);
    expect(troubles.some((line) => line.includes('no connection'))).toBe(true);
    expect(troubles.at(-1)).toContain('connected again');
  });

  test('that two processes write to at once loses no update, in either mode', async () => {
    const server = await sharedPostgres();
    for (const mode of ['locks', 'serializable']) {
      const url = `${server.url(freshSchema())}&mode=${mode}${PATIENT}`;
      const store = await openPostgres(url, options());
      afterwards(() => store.close());
      await store.meta.commit({ puts: [put('n', '0')] });
      const run = () => promisify(execFile)(process.execPath, ['--import', 'tsx', WRITER, url, '10', '4']);
      const outputs = await Promise.all([run(), run()]);
      expect((await store.meta.get(b('n')))!.value.toString()).toBe('80');
      expect(outputs.reduce((sum, { stdout }) => sum + Number(stdout), 0)).toBeGreaterThan(0);
    }
  });

  test('that another gateway opens for the first time at the same moment holds one store', async () => {
    const server = await sharedPostgres();
    const url = server.url(freshSchema()) + PATIENT;
    const stores = await Promise.all([1, 2, 3, 4].map(() => openPostgres(url, options())));
    expect(new Set(stores.map(({ storeId }) => storeId)).size).toBe(1);
    await Promise.all(stores.map((store) => store.close()));
  });

  test('with a store in another mode or version, or with none of Coffer’s, is not opened', async () => {
    const server = await sharedPostgres();
    const schema = freshSchema();
    const url = server.url(schema);
    const open = (more = '') => openPostgres(url + PATIENT + more, options());
    const first = await open('&mode=serializable');
    expect(first.mode).toBe('serializable');
    await first.close();
    await expect(open('&mode=locks')).rejects.toThrow('committed to in mode serializable, not locks');
    await (await open()).close();
    const set = (name: string, value: string) =>
      server.sql(`UPDATE ${schema}.store SET value = $2 WHERE name = $1`, [name, value]);
    await set('version', '2');
    await expect(open()).rejects.toThrow(named('StoreTooNew'));
    await set('version', '1');
    await set('mode', 'hope');
    await expect(open()).rejects.toThrow(named('StoreDamaged'));
    await set('mode', 'serializable');
    await set('format', 'somebody-else-v1');
    await expect(open()).rejects.toThrow(named('StoreDamaged'));

    const other = freshSchema();
    await server.sql(`CREATE SCHEMA ${other}; CREATE TABLE ${other}.meta (id int)`);
    await expect(openPostgres(server.url(other), options())).rejects.toThrow(named('ConfigError'));
    expect(await server.sql(`SELECT * FROM ${other}.meta`)).toEqual([]);
  });

  test('whose store was replaced by another, or whose mode was changed, is written to no more', async () => {
    const { server, schema, store, proxy } = await openedBehindProxy(`${PATIENT}&mode=serializable`);
    await store.meta.commit({ puts: [put('a')] });
    await server.sql(`UPDATE ${schema}.store SET value = gen_random_uuid() WHERE name = 'store-id'`);
    proxy.cutNext('commit\0', 'before it is sent');
    await expect(store.meta.commit({ puts: [put('b')] })).rejects.toThrow(/outcome|lost/i);
    await expect(store.meta.commit({ puts: [put('c')] })).rejects.toThrow(`the database holds store`);

    // Whatever a gateway believes: the function knows its mode, and what isolation that takes.
    const wrong = (mode: string) =>
      server.sql(`SELECT ${schema}.commit_v1($1, null, null, '', '{}', '{}', '{}', '{}', '{}', '{}')`, [mode]);
    await expect(wrong('locks')).rejects.toThrow('in mode serializable');
    await expect(wrong('serializable')).rejects.toThrow('at isolation level serializable');
  });

  test('that demands a password: a wrong one is told without being shown, a right one opens', async () => {
    const server = await sharedPostgres();
    const user = freshSchema();
    await server.addRole(user, 'right-password-1');
    const url = server.url(freshSchema(), { user });
    const wrong = url.replace(`${user}@`, `${user}:wrong-password-1@`);
    const errors = await Promise.all([
      openPostgres(wrong, options()).catch((error: Error) => error),
      openPostgres(url, options({ password: new Secret(b('wrong-password-1')) })).catch((error: Error) => error),
    ]);
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'ConfigError' });
      expect((error as Error).message).toContain('password authentication failed');
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('wrong-password-1');
    }
    const store = await openPostgres(url, options({ password: new Secret(b('right-password-1')) }));
    expect(await store.meta.commit({ puts: [put('a')] })).toBe(true);
    expect(inspect(store, { depth: 9, showHidden: true })).not.toContain('right-password-1');
    await store.close();
  });

  test('that forgets or is a standby by its settings is refused; what a role’s settings change of isolation has no effect', async () => {
    const server = await sharedPostgres();
    const user = freshSchema();
    await server.addRole(user, 'password-1');
    const url = server.url(freshSchema(), { user: `${user}:password-1` });
    const open = (patience = PATIENT) => openPostgres(url + patience, options());
    const role = (setting: string) => server.sql(`ALTER ROLE ${user} SET ${setting}`);
    await role("default_transaction_isolation = 'repeatable read'");
    await role("bytea_output = 'escape'");
    const store = await open();
    await store.meta.commit({ puts: [{ key: Buffer.of(1, 255), value: Buffer.of(0, 92, 255) }] });
    expect((await store.meta.get(Buffer.of(1, 255)))!.value).toEqual(Buffer.of(0, 92, 255));
    await store.close();
    await role('default_transaction_read_only = on');
    await expect(open('&patience_ms=2000')).rejects.toThrow('is read-only');
    await role('default_transaction_read_only = off');
    await role('synchronous_commit = off');
    await expect(open()).rejects.toThrow('synchronous_commit is off');
    await role('synchronous_commit = local');
    await (await open()).close();
    await server.set({ synchronous_standby_names: 'nobody' });
    try {
      await expect(open()).rejects.toThrow('synchronous_commit is local');
    } finally {
      await server.set({ synchronous_standby_names: null });
    }
  });

  test('that becomes read-only under a gateway: commits are unavailable, none is lost, and go on when it is a primary again', async () => {
    const { server, store, valueAt } = await openedBehindProxy('&patience_ms=100&resolve_ms=600000&timeout_ms=600000');
    await expect.poll(() => store.meta.commit({ puts: [put('a')] }).catch(() => false)).toBe(true);
    await server.set({ default_transaction_read_only: 'on' });
    await expect
      .poll(() => store.meta.commit({ puts: [put('b')] }).catch((error: Error) => error.name))
      .toBe('StoreUnavailable');
    await server.set({ default_transaction_read_only: null });
    await expect.poll(() => store.meta.commit({ puts: [put('c')] }).catch(() => false)).toBe(true);
    expect(await valueAt('c')).toBe('c');
  });

  test('whose disk is full: what takes room is refused as read-only, deletions and reads go on', async () => {
    const { server, schema, store, valueAt } = await openedBehindProxy();
    await store.meta.commit({ puts: [put('a'), put('b')] });
    await server.sql(`CREATE FUNCTION ${schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON ${schema}.meta EXECUTE FUNCTION ${schema}.refuse()`);
    await expect(store.meta.commit({ puts: [put('c')] })).rejects.toThrow(named('StoreReadOnly'));
    expect(store.readOnly!()).toContain('full');
    expect(await store.trouble()).toBeUndefined();
    expect(await store.meta.commit({ dels: [b('a')] })).toBe(true);
    expect(await valueAt('b')).toBe('b');
    await server.sql(`DROP TRIGGER refuse ON ${schema}.meta`);
    expect(await store.meta.commit({ puts: [put('c')] })).toBe(true);
    expect(store.readOnly!()).toBeUndefined();
  });

  test('has as many listings at once as are allowed; others wait, and what is no listing goes on', async () => {
    const { store } = await openedBehindProxy('&pool=8&patience_ms=2000&timeout_ms=600000');
    await eventually(() => store.meta.commit({ puts: [put('a'), put('b')] }));
    const open = () => store.meta.cursor({ gte: b('a'), lt: b('z') });
    const cursors = [open(), open()];
    for (const cursor of cursors) expect(await eventually(() => cursor.next(1))).toHaveLength(1);
    const third = open();
    const refused = expect(third.next(1)).rejects.toThrow('busy');
    expect(await eventually(() => store.meta.get(b('a')))).toBeDefined();
    await refused;
    await cursors[0]!.close();
    expect(await eventually(() => third.next(2))).toHaveLength(2);
    for (const cursor of [...cursors, third]) await cursor.close();
    await expect.poll(() => store.counts().cursors).toBe(0);
  });

  test('keeps the snapshot of a listing for as long as is allowed and no longer', async () => {
    const { store } = await openedBehindProxy(`${PATIENT}&cursor_ms=1000`);
    await store.meta.commit({ puts: [put('a'), put('b')] });
    const cursor = store.meta.cursor({ gte: b('a'), lt: b('z') });
    expect(await cursor.next(1)).toHaveLength(1);
    await expect.poll(() => store.counts().cursors).toBe(0);
    await expect(cursor.next(1)).rejects.toThrow(named('SnapshotExpired'));
    await cursor.close();
  });

  test('gets its tables tidied up without what was deleted, and a session’s row for no longer than it is used', async () => {
    const { server, schema, store } = await openedBehindProxy(`${PATIENT}&pool=4`);
    for (let i = 0; i < 600; i++) await store.meta.commit({ puts: [put('a', String(i))] });
    const sessions = await server.sql(`SELECT FROM ${schema}.session`);
    expect(sessions.length).toBeLessThanOrEqual(2);
    await store.compactMeta();
    const [dead] = await server.sql(
      `SELECT n_dead_tup::int AS n FROM pg_stat_user_tables WHERE relid = '${schema}.meta'::regclass`,
    );
    expect(dead!.n).toBe(0);
  });
});
