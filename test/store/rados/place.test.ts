import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openRadosBlobs } from '../../../src/store/rados/open.js';
import { parseRadosPlace } from '../../../src/store/rados/place.js';

test('a pool, and what its URL says of it', () => {
  expect(parseRadosPlace('rados:Blobs.1')).toEqual({
    pool: 'Blobs.1',
    conf: '/etc/ceph/ceph.conf',
    id: 'admin',
    namespace: '',
  });
  expect(parseRadosPlace('rados:p?conf=/c&id=coffer&namespace=n')).toEqual({
    pool: 'p',
    conf: '/c',
    id: 'coffer',
    namespace: 'n',
  });
});

test.each([
  ['rados:', 'The place of blobs is'],
  ['rados:p/q', 'The place of blobs is rados:<pool>'],
  ['rados:p%zz', 'The place of blobs is'],
  ['rados:me:hunter2@p', 'there is no user or password in it'],
  ['rados:p?keyring=/k', 'there is no parameter "keyring"'],
  ['rados:p?id=', '"id" has to have one value'],
  ['rados:p?id=a&id=b', '"id" has to have one value'],
  ['rados:p?conf=ceph.conf', '"conf" is an absolute path'],
  ['rados:p?conf=/nowhere/ceph.conf', "/nowhere/ceph.conf can't be read"],
])('%s is refused in one line', async (url, message) => {
  const options = { onTrouble: () => {}, graceMs: 1000, password: undefined, storeId: randomUUID() };
  const error = (await openRadosBlobs(url, options).catch((failure: Error) => failure)) as Error;
  expect(error).toMatchObject({ name: 'ConfigError', message: expect.stringContaining(message) });
  expect(error.message).not.toMatch(/hunter2|\n/);
});

test('without koffi there is a line that names it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-no-koffi-'));
  try {
    await cp('dist/store/rados/library.js', join(dir, 'store/rados/library.js'));
    await cp('dist/base/config-error.js', join(dir, 'base/config-error.js'));
    await writeFile(join(dir, 'package.json'), '{"type":"module"}');
    const script = `const { loadLibrados } = await import('${dir}/store/rados/library.js');
      try { loadLibrados(); } catch (error) { console.log(error.name + ': ' + error.message); }`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script]).toString();
    expect(said).toBe('ConfigError: Blobs in Ceph need the optional dependency koffi, which is not installed.\n');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
