import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serverEnvironment, startServer, type TestServer } from '../support/server.js';

let dir: string;
let child: ChildProcess | undefined;
const sockets: Socket[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-ending-'));
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  child?.kill('SIGKILL');
  child = undefined;
  await rm(dir, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

type Output = number | 'pipe';

/** A server that says nowhere that it serves: it is asked until it does. */
async function serveTo(stdout: Output, stderr: Output, told?: (child: ChildProcess) => void) {
  const port = await freePort();
  const started = spawn(process.execPath, ['dist/main.js'], {
    env: serverEnvironment(dir, { COFFER_PORT: String(port) }),
    stdio: ['ignore', stdout, stderr],
  });
  child = started;
  told?.(started);
  const ended = new Promise<number | string | null>((resolve) =>
    started.once('exit', (code, signal) => resolve(signal ?? code)),
  );
  const url = `http://127.0.0.1:${port}`;
  const health = () => fetch(`${url}/-/health`).then((answer) => answer.text().then(() => answer.status));
  let gone = false;
  void ended.then(() => {
    gone = true;
  });
  while (!gone && (await health().catch(() => 0)) !== 200) await sleep(50);
  expect(gone).toBe(false);
  const end = (signal: NodeJS.Signals) => {
    started.kill(signal);
    return ended;
  };
  return { url, health, end };
}

describe('a log that can’t be written doesn’t stop the service, nor its end', () => {
  test('on a full disk', async () => {
    const full = openSync('/dev/full', 'w');
    const { url, health, end } = await serveTo(full, full);
    closeSync(full);
    for (let i = 0; i < 50; i++) expect(await health()).toBe(200);
    const metrics = await (await fetch(`${url}/-/metrics`)).text();
    expect(metrics).toMatch(/^coffer_log_lines_lost_total \d+$/m);
    expect(await end('SIGTERM')).toBe(0);
  });

  test('into a pipe whose reader is gone', async () => {
    const { url, health, end } = await serveTo('pipe', 'pipe', ({ stdout, stderr }) => {
      stdout!.destroy();
      stderr!.destroy();
    });
    for (let i = 0; i < 50; i++) expect(await health()).toBe(200);
    const metrics = await (await fetch(`${url}/-/metrics`)).text();
    expect(Number(/^coffer_log_lines_lost_total (\d+)$/m.exec(metrics)![1])).toBeGreaterThan(0);
    expect(await end('SIGTERM')).toBe(0);
  });

  test('into a pipe that nobody reads', async () => {
    const { health, end } = await serveTo('pipe', 'pipe', ({ stdout }) => void stdout!.pause());
    // More lines than a pipe holds (64 KiB).
    for (let i = 0; i < 800; i++) expect(await health()).toBe(200);
    expect(await end('SIGTERM')).toBe(0);
  });
});

/** A connection that sends this and then nothing more, and never reads. */
async function stuck(server: TestServer, text: string): Promise<void> {
  const socket = connect(server.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {}).pause();
  await new Promise((resolve) => socket.once('connect', resolve));
  if (text !== '') await new Promise((resolve) => socket.write(text, resolve));
}

/** An upload that stops in its body. */
async function upload(server: TestServer): Promise<void> {
  const s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket: 'stuck' }));
  const url = new URL(await getSignedUrl(s3, new PutObjectCommand({ Bucket: 'stuck', Key: 'k' })));
  s3.destroy();
  await stuck(server, `PUT ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Length: 100\r\n\r\n1`);
  const metrics = async () => (await fetch(`${server.url}/-/metrics`)).text();
  while (!(await metrics()).includes('coffer_requests_in_flight 2\n')) await sleep(20);
}

describe('SIGTERM ends the process', () => {
  test.each([
    ['http', {}],
    ['https', { COFFER_TLS: 'self-signed' }],
  ])('with clients on %s that are stuck before and in a request', async (scheme, env) => {
    const server = await startServer({ dir, env: { COFFER_SHUTDOWN_SECONDS: '1', ...env } });
    expect(server.url).toMatch(new RegExp(`^${scheme}:`));
    for (const text of ['', 'GET / HT']) await stuck(server, text);
    if (scheme === 'http') await upload(server);
    expect(await server.end('SIGTERM')).toBe(0);
  });

  test('at the second time without waiting for clients, and in order', async () => {
    const server = await startServer({ dir, env: { COFFER_SHUTDOWN_SECONDS: '3600' } });
    await upload(server);
    const ended = server.end('SIGTERM');
    // The first one has arrived as soon as no connection is taken any more.
    while (
      await fetch(`${server.url}/-/health`).then(
        (answer) => answer.text(),
        () => undefined,
      )
    )
      await sleep(20);
    process.kill(server.pid, 'SIGTERM');
    expect(await ended).toBe(0);
    const again = await startServer({ dir });
    expect(again.output()).not.toContain('recover');
    expect(await again.end('SIGINT')).toBe(0);
  });

  test('during a start', async () => {
    child = spawn(process.execPath, ['dist/main.js'], {
      // Stretching the passphrase takes half a second.
      env: serverEnvironment(dir, { COFFER_ROOT_KEY_PASSPHRASE: 'a long start' }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => child!.once('exit', (code, signal) => resolve(signal ?? code)));
    let output = '';
    child.stdout!.on('data', (text) => {
      output += text;
    });
    await new Promise((resolve) => child!.once('spawn', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe('SIGTERM');
    expect(output).toBe('');
    const again = await startServer({ dir, env: { COFFER_ROOT_KEY_PASSPHRASE: 'a long start' } });
    expect(await again.end('SIGTERM')).toBe(0);
  });
});
