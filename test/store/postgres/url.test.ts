import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { openPostgres } from '../../../src/store/postgres/open.js';
import { parsePostgresUrl } from '../../../src/store/postgres/url.js';
import { freshSchema, lacking, sharedPostgres } from '../../support/postgres.js';
import { options, PATIENT } from './harness.js';

test('a URL of PostgreSQL says where the database is, and how it is asked', () => {
  const target = parsePostgresUrl(
    'postgres://u%40x:p%25w@db.example.com:5433/d%2Fb?schema=mine&mode=serializable&pool=40',
  );
  expect(target).toMatchObject({
    host: 'db.example.com',
    port: 5433,
    user: 'u@x',
    password: 'p%w',
    database: 'd/b',
    schema: 'mine',
    ssl: { rejectUnauthorized: true },
    shown: 'postgres://u@x@db.example.com:5433/d/b',
  });
  expect(target.tuning).toMatchObject({ mode: 'serializable', pool: 40, timeoutMs: 10_000 });
  expect(parsePostgresUrl('postgresql://u@[::1]/d')).toMatchObject({ host: '::1', port: 5432, schema: 'coffer' });
  expect(parsePostgresUrl('postgres:///d?host=/run/postgresql')).toMatchObject({
    host: '/run/postgresql',
    ssl: false,
  });
});

test('to another machine it is encrypted and verified unless it says otherwise; what promises nothing is refused', () => {
  const ssl = (text: string) => parsePostgresUrl(`postgres://u@${text}`).ssl;
  expect(ssl('db.example.com/d')).toEqual({ rejectUnauthorized: true });
  expect(ssl('127.0.0.1/d')).toBe(false);
  expect(ssl('db.example.com/d?sslmode=disable')).toBe(false);
  expect(ssl('db.example.com/d?sslmode=require')).toEqual({ rejectUnauthorized: false });
  expect(ssl('127.0.0.1/d?sslmode=verify-ca')).toMatchObject({ rejectUnauthorized: true });
  for (const mode of ['prefer', 'allow', 'no-verify', '']) expect(() => ssl(`h/d?sslmode=${mode}`)).toThrow('sslmode');
  expect(() => ssl('127.0.0.1/d?sslrootcert=/etc/ca.pem')).toThrow('no meaning without sslmode');
  expect(() => ssl('h/d?sslcert=/nowhere')).toThrow("/nowhere can't be read (ENOENT)");
});

test('a URL that does not hold together is refused without its password', () => {
  for (const url of [
    'postgres://u:hunter2@host:port/d',
    'http://u:hunter2@h/d',
    'hunter2',
    'postgres://u:hunter2@h/d?sslmod=disable',
    'postgres://u:hunter2@h/d?schema=Mine',
    'postgres://u:hunter2@h/d?schema=a;drop',
    'postgres://u:hunter2%@h/d',
    'postgres://u:hunter2@h/d?pool=3',
    'postgres://u:hunter2@h/d?timeout_ms=soon',
    'postgres://u:hunter2@h/d?mode=none',
  ]) {
    let error: unknown;
    try {
      parsePostgresUrl(url);
    } catch (thrown) {
      error = thrown;
    }
    expect(error, url).toMatchObject({ name: 'ConfigError' });
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('hunter2');
  }
});

describe.skipIf(lacking)(`TLS to PostgreSQL${lacking ? ` (left out: ${lacking})` : ''}`, () => {
  test('is as strict as sslmode says', async () => {
    const server = await sharedPostgres();
    const dir = await mkdtemp(join(tmpdir(), 'coffer-tls-'));
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
    const subject = ['-subj', '/CN=db.example.com', '-addext', 'subjectAltName=DNS:db.example.com'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '9', ...subject, '-keyout', key, '-out', cert],
      {
        stdio: 'pipe',
      },
    );
    await server.addFile('server.key', await readFile(key));
    await server.addFile('server.crt', await readFile(cert));
    const schema = freshSchema();
    const open = (more: string) => openPostgres(server.url(schema) + PATIENT + more, options());
    await expect(open('&sslmode=require')).rejects.toThrow('does not support SSL');
    await server.set({ ssl: 'on' });
    try {
      await expect.poll(async () => (await server.sql('SHOW ssl'))[0]).toEqual({ ssl: 'on' });
      for (const more of ['&sslmode=require', `&sslmode=verify-ca&sslrootcert=${cert}`]) {
        const store = await open(more);
        await store.meta.commit({ puts: [{ key: Buffer.from('a'), value: Buffer.from('b') }] });
        const [used] =
          await server.sql(`SELECT bool_and(s.ssl) AS ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
          WHERE a.application_name = 'coffer'`);
        expect(used!.ssl).toBe(true);
        await store.close();
      }
      await expect(open('&sslmode=verify-ca')).rejects.toThrow('self-signed certificate');
      // Its certificate is another host's.
      await expect(open(`&sslmode=verify-full&sslrootcert=${cert}`)).rejects.toThrow(/altnames|IP/);
    } finally {
      await server.set({ ssl: null });
      await rm(dir, { recursive: true, force: true });
    }
  });
});
