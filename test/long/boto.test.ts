import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY, startServer, type TestServer } from '../support/server.js';

const run = promisify(execFile);
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { COFFER_SIGV2: 'allow' } });
});
afterAll(() => server?.close());

test.each(['s3v4', 's3'])(
  'an unmodified boto3 posts forms, signs and presigns with signature_version %s',
  async (version) => {
    const env = {
      PATH: process.env.PATH ?? '',
      AWS_ACCESS_KEY_ID: ACCESS_KEY_ID,
      AWS_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY,
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    const { stdout } = await run('python3', ['test/long/boto.py', server.url, version], { env });
    const told = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(told).toEqual([
      ['post', 201],
      ['post without a filename', 201],
      ['get', 100_000],
      ['metadata', { a: 'b, c' }],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: so it stands in forms
      ['list', ['form/${filename}', 'form/a ü.txt', 'k ey']],
      ['delete', ['mp']],
      ['presigned get', [200, 'text/css', 100_000]],
      ['presigned put', 200],
      ['its metadata', { q: 'r' }],
      // V2 moves the digest and all x-amz- headers into the URL; V4 signs them where they are, and they don't come.
      ['a digest in the URL', version === 's3' ? [400, 200] : [403, 403]],
      ['its class', version === 's3' ? ['STANDARD_IA'] : []],
      ['versioning', 'Enabled'],
    ]);
  },
);
