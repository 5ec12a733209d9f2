import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/admin/registry.js';
import { coffer } from '../support/cli.js';
import { startServer, type TestServer } from '../support/server.js';
import { type SignedRequestParts, signedRequest } from '../support/signed-request.js';

const ROOT = { accessKeyId: 'AKIAADMINTESTROOT001', secretAccessKey: 'the-secret-of-the-first-root' };
const SECOND = { accessKeyId: 'AKIAADMINTESTROOT002', secretAccessKey: 'the-secret-of-the-second-root' };
const USER = { accessKeyId: 'AKIAADMINTESTUSER001', secretAccessKey: 'the-secret-of-a-powerful-user' };
const STATUS = '/-/admin/store/status';

let dir: string;
let server: TestServer;
let env: Record<string, string>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-admin-http-'));
  const file = join(dir, 'accounts.json');
  const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  const accounts = [
    {
      accountId: '111111111111',
      accessKeys: [ROOT],
      users: [{ userName: 'eve', accessKeys: [USER], policies: [everything] }],
    },
    { accountId: '222222222222', accessKeys: [SECOND] },
  ];
  await writeFile(file, JSON.stringify({ accounts }));
  env = {
    COFFER_ACCESS_KEY_ID: '',
    COFFER_SECRET_ACCESS_KEY: '',
    COFFER_ACCOUNTS_FILE: file,
    COFFER_DOMAIN: 's3.test',
    COFFER_LOG_LEVEL: 'trace',
  };
  server = await startServer({ dir, env });
});
afterAll(() => server.close());

const send = (parts: Partial<SignedRequestParts>) =>
  signedRequest(server.port, { method: 'POST', path: STATUS, key: ROOT, ...parts });

describe('POST /-/admin/<noun>/<verb>', () => {
  test('answers the root of every account with one JSON message a line, the last one an end', async () => {
    for (const [key, account] of [
      [ROOT, '111111111111'],
      [SECOND, '222222222222'],
    ] as const) {
      for (const body of ['', '{}']) {
        const { status, text } = await send({ key, body });
        expect(status).toBe(200);
        const lines = text
          .trimEnd()
          .split('\n')
          .map((one) => JSON.parse(one));
        expect(lines[0]).toMatchObject({
          type: 'line',
          data: { openIn: 'server', rootKeyId: expect.stringMatching(/^[0-9a-f]{8}$/) },
        });
        expect(lines.at(-2).text).toContain(`arn:aws:iam::${account}:root`);
        expect(lines.at(-1)).toEqual({ type: 'end', findings: 0 });
      }
    }
  });

  const wrongSecret = { ...ROOT, secretAccessKey: 'some-other-secret' };
  const refusals: [string, Partial<SignedRequestParts>, number, string][] = [
    ['nobody', { key: undefined }, 403, 'AccessDenied'],
    ['nobody, for a command that there is not', { key: undefined, path: '/-/admin/no/thing' }, 403, 'AccessDenied'],
    ['a wrong signature', { spoil: true }, 403, 'SignatureDoesNotMatch'],
    ['a wrong secret', { key: wrongSecret }, 403, 'SignatureDoesNotMatch'],
    ['an unknown access key', { key: { ...ROOT, accessKeyId: 'AKIANOBODY0000000001' } }, 403, 'InvalidAccessKeyId'],
    ['a user who may do everything', { key: USER }, 403, 'AccessDenied'],
    ['a body that is not signed', { payload: 'UNSIGNED-PAYLOAD' }, 400, 'InvalidRequest'],
    ['a host that is not signed', { unsigned: ['host'] }, 403, 'AccessDenied'],
    ['a header that is not signed', { headers: { 'x-amz-more': '1' }, unsigned: ['x-amz-more'] }, 403, 'AccessDenied'],
    ['a body in signed chunks', { payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' }, 400, 'InvalidRequest'],
    ['another body than was signed', { body: '{"a":1}', payload: '0'.repeat(64) }, 400, 'XAmzContentSHA256Mismatch'],
    ['GET', { method: 'GET' }, 405, 'MethodNotAllowed'],
    ['an unknown noun', { path: '/-/admin/strore/status' }, 404, 'NoSuchCommand'],
    ['an unknown verb', { path: '/-/admin/store/destroy' }, 404, 'NoSuchCommand'],
    ['no verb', { path: '/-/admin/store' }, 404, 'NoSuchCommand'],
    ['more than a verb', { path: '/-/admin/store/status/now' }, 404, 'NoSuchCommand'],
    ['nothing at all', { path: '/-/admin/' }, 404, 'NoSuchCommand'],
    ['a command for offline', { path: '/-/admin/root-key/rotate' }, 409, 'OfflineOnly'],
    ['an unknown argument', { body: '{"x":1}' }, 400, 'InvalidArgument'],
    ['no JSON', { body: '{' }, 400, 'InvalidArgument'],
    ['JSON that is no object', { body: '[]' }, 400, 'InvalidArgument'],
    ['a prototype', { body: '{"__proto__":{"x":1}}' }, 400, 'InvalidArgument'],
    ['a body that is too large', { body: JSON.stringify({ x: 'x'.repeat(70_000) }) }, 400, 'MaxMessageLengthExceeded'],
  ];
  test.each(refusals)('refuses %s', async (_name, parts, status, code) => {
    const answer = await send(parts);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual({ code, message: expect.any(String) });
  });

  test('refuses a signature in the query', async () => {
    const query = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${ROOT.accessKeyId}`;
    const answer = await send({ key: undefined, query });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'AuthorizationQueryParametersError' });
  });

  test('is logged with its name and its caller, and no secret is', async () => {
    await send({});
    await send({ path: '/-/admin/forged-name/x' });
    await expect.poll(() => server.output()).toContain('"operation":"Admin.store.status"');
    const log = server.output();
    expect(log).toContain('"caller":"arn:aws:iam::111111111111:root"');
    expect(log).not.toContain('forged-name');
    for (const { secretAccessKey } of [ROOT, SECOND, USER]) expect(log).not.toContain(secretAccessKey);
    expect(log).not.toContain('Signature=');
    const metrics = await (await fetch(`${server.url}/-/metrics`)).text();
    expect(metrics).toContain('operation="Admin.store.status"');
    expect(metrics).not.toContain('forged-name');
  });

  test('every command names noun and verb that fit a path and a command line', () => {
    for (const { noun, verb, summary } of COMMANDS) {
      expect(`${noun} ${verb}`).toMatch(/^[a-z][a-z-]* [a-z][a-z-]*$/);
      expect(summary).toMatch(/^[a-z].*[^.]$/);
    }
    expect(COMMANDS.length).toBeGreaterThan(1);
  });
});

describe('coffer, where a server has the data open', () => {
  const status = (words: string[], more: Record<string, string> = {}) =>
    coffer(dir, ['store', 'status', ...words], { ...env, ...more });

  test('asks it as the root of the first account, or of the one that is named', async () => {
    const port = { COFFER_PORT: String(server.port) };
    expect(await status([], port)).toMatchObject({ status: 0, stdout: expect.stringContaining('111111111111:root') });
    const second = await status(['--account', '222222222222', '--json'], port);
    expect(second.status).toBe(0);
    const lines = second.stdout
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one));
    expect(lines).toEqual([expect.objectContaining({ openIn: 'server', askedAs: 'arn:aws:iam::222222222222:root' })]);
    const byUrl = await status(['--url', server.url]);
    expect(byUrl).toMatchObject({ status: 0, stdout: expect.stringContaining('111111111111:root') });
  });

  test('with --url takes credentials as AWS’s tools do: environment, named profile, default profile', async () => {
    const profile = (name: string, { accessKeyId, secretAccessKey }: typeof ROOT) =>
      `[${name}]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    const file = join(dir, 'aws-credentials');
    await writeFile(file, `${profile('default', ROOT)}\n${profile('second', SECOND)}`);
    const none = { COFFER_ACCOUNTS_FILE: '', AWS_EC2_METADATA_DISABLED: 'true' };
    const askedAs = async (more: Record<string, string>) => {
      const ran = await status(['--url', server.url, '--json'], { ...none, ...more });
      expect(ran.stderr).toBe('');
      return JSON.parse(ran.stdout).askedAs;
    };
    const [first, second] = ['arn:aws:iam::111111111111:root', 'arn:aws:iam::222222222222:root'];
    const fromFile = { AWS_SHARED_CREDENTIALS_FILE: file };
    expect(await askedAs(fromFile)).toBe(first);
    expect(await askedAs({ ...fromFile, AWS_PROFILE: 'second' })).toBe(second);
    const { accessKeyId, secretAccessKey } = SECOND;
    expect(await askedAs({ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey })).toBe(second);
    await mkdir(join(dir, '.aws'));
    await writeFile(join(dir, '.aws', 'credentials'), profile('default', SECOND));
    expect(await askedAs({})).toBe(second);
    await rm(join(dir, '.aws'), { recursive: true });
    const missing = await status(['--url', server.url], { ...none, ...fromFile, AWS_PROFILE: 'nobody' });
    expect(missing).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^coffer: no credentials of AWS’s files: .*\n$/),
    });
    expect(missing.stderr).not.toContain(secretAccessKey);
  });

  test('says what is wrong where it can not, with status 1 and no secret', async () => {
    const nowhere = { COFFER_ACCOUNTS_FILE: '' };
    const wrong = { ...nowhere, COFFER_ACCESS_KEY_ID: ROOT.accessKeyId, COFFER_SECRET_ACCESS_KEY: 'not-the-secret' };
    const user = { ...nowhere, COFFER_ACCESS_KEY_ID: USER.accessKeyId, COFFER_SECRET_ACCESS_KEY: USER.secretAccessKey };
    const cases: [string[], Record<string, string>, RegExp][] = [
      [[], {}, /say where with --url/],
      [['--url', server.url], nowhere, /no root credentials/],
      [['--url', server.url, '--account', '333333333333'], {}, /account 333333333333/],
      [['--url', server.url], wrong, /refuses: .*SignatureDoesNotMatch/],
      [['--url', server.url], user, /refuses: .*AccessDenied/],
      [['--url', 'http://127.0.0.1:1'], {}, /ECONNREFUSED/],
      [['--url', 'no url'], {}, /ERR_INVALID_URL/],
      [['--url', `${server.url.replace('http', 'https')}`], {}, /can't be asked/],
    ];
    for (const [words, more, message] of cases) {
      const ran = await status(words, more);
      expect(ran, JSON.stringify([words, ran])).toMatchObject({ status: 1, stderr: expect.stringMatching(message) });
      for (const { secretAccessKey } of [ROOT, SECOND, USER]) {
        expect(ran.stdout + ran.stderr).not.toContain(secretAccessKey);
      }
    }
  });
});

test('key impact says what is wrong with the name of a key', async () => {
  const cases: [string, RegExp][] = [
    ['arn:bad', /Invalid arn arn:bad/],
    ['alias/missing', /there is no KMS key "alias\/missing"/],
  ];
  for (const [key, message] of cases) {
    const ran = await coffer(dir, ['key', 'impact', key, '--url', server.url], env);
    expect(ran, key).toMatchObject({ status: 1, stderr: expect.stringMatching(message) });
  }
});

test('a server with a certificate of its own is trusted by that certificate, and by nothing else', async () => {
  const own = await startServer({ env: { COFFER_TLS: 'self-signed' } });
  try {
    const words = ['store', 'status', '--url', own.url];
    expect(await coffer(own.dir, words, { COFFER_TLS: 'self-signed' })).toMatchObject({ status: 0 });
    expect(await coffer(own.dir, words)).toMatchObject({ status: 1, stderr: expect.stringMatching(/can't be asked/) });
  } finally {
    await own.close();
  }
});

test('credentials that the first start made are found by the command, with a server and without one', async () => {
  const generated = { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '' };
  const own = await startServer({ env: generated });
  try {
    const asked = await coffer(own.dir, ['store', 'status'], { ...generated, COFFER_PORT: String(own.port) });
    expect(asked).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('asked as arn:aws:iam::000000000000:root'),
    });
    expect(await own.end('SIGTERM')).toBe(0);
    const offline = await coffer(own.dir, ['store', 'status'], generated);
    expect(offline).toMatchObject({ status: 0, stdout: expect.stringContaining('this command') });
  } finally {
    await rm(own.dir, { recursive: true, force: true });
  }
});
