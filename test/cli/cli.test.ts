import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { readConfig } from '../../src/config.js';
import { explain } from '../../src/explained.js';
import { welcome } from '../../src/welcome.js';

const coffer = (...args: string[]) => spawnSync(process.execPath, ['dist/cli.js', ...args], { encoding: 'utf8' });

test('coffer --version prints the version of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(coffer('--version')).toMatchObject({ status: 0, stdout: `${version}\n` });
});

test.each([[[]], [['sreve']], [['serve', 'me']]])('coffer %j says what there is, with status 2', (args) => {
  const { status, stderr } = coffer(...args);
  expect(status).toBe(2);
  expect(stderr).toContain('coffer serve');
});

test('coffer help says what --help does; of a noun or a command it says more', () => {
  const all = coffer('help');
  expect(all).toMatchObject({ status: 0, stdout: coffer('--help').stdout });
  expect(coffer('help', 'audit').stdout).toBe(coffer('audit', '--help').stdout);
  expect(coffer('help', 'audit', 'tail')).toMatchObject({
    status: 0,
    stdout: coffer('audit', 'tail', '--help').stdout,
  });
  expect(coffer('help', 'audit', 'head')).toMatchObject({ status: 2, stderr: expect.stringContaining('audit head') });
});

test('output that nobody reads is no failure', () => {
  for (const words of ['help', '--version', 'audit tail']) {
    const { stderr } = spawnSync(
      'bash',
      ['-c', `"$0" dist/cli.js ${words} 2>&1 >/dev/full | grep -v 'no store' >&2`, process.execPath],
      {
        encoding: 'utf8',
        env: { ...process.env, COFFER_DATA_DIR: '/none' },
      },
    );
    expect(stderr).toBe('');
  }
});

test('the README shows the two first commands alike', () => {
  const readme = readFileSync('README.md', 'utf8');
  for (const command of ['npm ci && npm start', 'npm ci && npm test'])
    expect(readme).toContain(`\n\n    ${command}\n\n`);
});

test('too few file descriptors are told in one line before anything is loaded', () => {
  for (const file of ['main.js', 'cli.js']) {
    const { status, stdout, stderr } = spawnSync(
      'bash',
      ['-c', `ulimit -n 64; exec "$0" dist/${file}`, process.execPath],
      {
        encoding: 'utf8',
      },
    );
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^coffer: this process may open 64 files, and needs \d+: raise the limit .*\n$/);
  }
});

test('what the system refuses is one line with the path, what is a defect shows its stack', () => {
  const of = (code: string, path?: string) =>
    Object.assign(new Error(`${code}: x, open`), { code, syscall: 'open', path });
  expect(explain(of('ENOSPC', '/data/format.new'))).toBe('/data/format.new: the disk is full (ENOSPC, open)');
  for (const code of [
    'EACCES',
    'ENOENT',
    'EEXIST',
    'EISDIR',
    'ENOTDIR',
    'EROFS',
    'EDQUOT',
    'EMFILE',
    'ESTALE',
    'E2BIG',
  ])
    expect(explain(of(code, '/p'))).not.toContain('\n');
  expect(explain(new TypeError('x is undefined'))).toContain(' at ');
  expect(explain(Object.assign(new Error('odd'), { code: 'ERR_INVALID_ARG_TYPE' }))).toContain(' at ');
});

test.each([['--version'], ['serve'], ['--port', '9000']])('main.js takes no arguments: %s is refused', (...args) => {
  const { status, stderr } = spawnSync(process.execPath, ['dist/main.js', ...args], { encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stderr).toMatch(new RegExp(`^coffer: unexpected argument ${args[0]}: .*\\n$`));
});

test('the welcome shows a secret on a terminal only, and only where it is new', () => {
  const config = readConfig({ HOME: '/home/coffer' });
  const newCredentials = {
    accessKeyId: 'AKIANEW',
    secretAccessKey: new Secret(Buffer.from('the-new-secret')),
    created: true,
  };
  const started = {
    url: 'http://127.0.0.1:9000',
    rootKeyFile: '/k',
    credentialsFile: "/it's/here",
    newCredentials,
    close: async () => {},
    hurry: () => {},
  };
  expect(welcome(started, config, true)).toContain('the-new-secret');
  expect(welcome(started, config, false)).not.toContain('the-new-secret');
  expect(welcome({ ...started, newCredentials: undefined }, config, true)).not.toContain('the-new-secret');
  const commands = welcome(started, config, false)
    .split('\n')
    .filter((line) => line.includes('aws --endpoint-url'));
  expect(commands).toHaveLength(4);
  expect(welcome(started, config, false)).toContain("AWS_SHARED_CREDENTIALS_FILE='/it'\\''s/here'");
});
