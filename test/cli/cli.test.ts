import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { readConfig } from '../../src/config.js';
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
