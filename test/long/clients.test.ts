import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY, startServer, type TestServer } from '../support/server.js';

const run = promisify(execFile);
const CLIENTS = 'test/long/clients';
const BUILD_MS = 600_000;
/** What isn't there is skipped, and `.ci/run` counts and names what was skipped: it installs all of them where it can. */
const has = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

const servers: { http?: TestServer; https?: TestServer } = {};
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-clients-'));
  servers.http = await startServer();
  servers.https = await startServer({ env: { COFFER_TLS: 'self-signed' } });
});
afterAll(async () => {
  await servers.http?.close();
  await servers.https?.close();
  await rm(dir, { recursive: true, force: true });
});

const certificate = (): string => join(servers.https!.dir, 'config', 'coffer', 'tls-self-signed.crt');
const environment = (): Record<string, string> => ({
  ...(process.env as Record<string, string>),
  AWS_ACCESS_KEY_ID: ACCESS_KEY_ID,
  AWS_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY,
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  SSL_CERT_FILE: certificate(),
});

/** What a client told, step by step, with the outcomes that are not as they should be. */
async function steps(command: string, args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(command, args, { env: environment(), maxBuffer: 1e8 });
  const told = stdout.trim().split('\n');
  return Object.fromEntries(told.map((line) => JSON.parse(line)));
}

/** Each step as a line of its own, so that a failure names all that fail. */
function expectAll(told: Record<string, unknown>, count: number): void {
  expect(Object.entries(told).filter(([, outcome]) => outcome !== 'ok')).toEqual([]);
  expect(Object.keys(told)).toHaveLength(count);
}

test.skipIf(!has('python3', '-c', 'import pymongocrypt, bson'))(
  'MongoDB’s client-side encryption makes, seals and opens its keys with Coffer as KMS',
  async () => {
    const server = servers.https!;
    const { stdout } = await run(
      'aws',
      ['--endpoint-url', server.url, '--ca-bundle', certificate(), 'kms', 'create-key', '--output', 'json'],
      { env: environment() },
    );
    const { KeyMetadata } = JSON.parse(stdout) as { KeyMetadata: { Arn: string } };
    const args = [`${CLIENTS}/mongo.py`, `127.0.0.1:${server.port}`, KeyMetadata.Arn, certificate()];
    expect(await steps('python3', args)).toEqual({
      'data key made': true,
      'value encrypted': true,
      'value decrypted': true,
      'wrong secret': true,
    });
  },
);

describe.skipIf(!has('go', 'version'))('for Go', () => {
  beforeAll(async () => {
    await run('go', ['build', '-o', join(dir, 'clients'), '.'], { cwd: `${CLIENTS}/go` });
  }, BUILD_MS);

  test.each([
    ['http', 29],
    ['https', 32],
  ] as const)('AWS’s SDK and MinIO’s client do what they are asked to over %s', async (scheme, count) => {
    expectAll(await steps(join(dir, 'clients'), [servers[scheme]!.url]), count);
  });
});

describe.skipIf(!has('mvn', '--version'))('for Java', () => {
  beforeAll(async () => {
    const target = join(dir, 'java');
    await run('mvn', ['--batch-mode', '--quiet', `-DbuildDirectory=${target}`, 'package'], { cwd: `${CLIENTS}/java` });
  }, BUILD_MS);

  test('AWS’s SDK does what it is asked to', async () => {
    const at = join(dir, 'java');
    const classes = `${at}/classes:${at}/libs/*`;
    expectAll(await steps('java', ['-cp', classes, 'Clients', servers.http!.url]), 10);
  });
});
