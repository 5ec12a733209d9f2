import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { get, request } from 'node:https';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Http, serve } from './harness.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('openssl is absent: self-signed certificates are not tested');

describe.skipIf(!hasOpenssl)('a port of TLS', () => {
  let http: Http;
  beforeAll(async () => {
    http = await serve({ COFFER_TLS: 'self-signed' });
  });
  afterAll(() => http.close());

  test('serves HTTPS with a certificate of its own making, for localhost', async () => {
    expect(http.url).toMatch(/^https:/);
    const answer = await new Promise<{ status: number | undefined; names: string | undefined }>((resolve, reject) => {
      const asked = get(`${http.url}/-/health`, { rejectUnauthorized: false, agent: false }, (response) => {
        const { subjectaltname } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate();
        response.resume().on('end', () => resolve({ status: response.statusCode, names: subjectaltname }));
      });
      asked.on('error', reject);
    });
    expect(answer).toMatchObject({ status: 200, names: expect.stringContaining('DNS:localhost') });
  });

  test('takes large bodies and gives them back, to a client that reads them at once and to one that is slow', async () => {
    const content = randomBytes(9 * 1024 * 1024 + 5);
    const send = (method: string, path: string, body?: Buffer, pauseMs = 0) =>
      new Promise<{ status: number | undefined; body: Buffer }>((resolve, reject) => {
        const options = { method, rejectUnauthorized: false, agent: false };
        const asked = request(`${http.url}${http.presign(method, path)}`, options, async (response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of response) {
            if (pauseMs > 0 && chunks.length % 64 === 0) await new Promise((again) => setTimeout(again, pauseMs));
            chunks.push(chunk);
          }
          resolve({ status: response.statusCode, body: Buffer.concat(chunks) });
        });
        asked.on('error', reject);
        asked.end(body);
      });
    expect((await send('PUT', '/secured')).status).toBe(200);
    expect((await send('PUT', '/secured/large', content)).status).toBe(200);
    for (const got of await Promise.all([0, 5].map((pauseMs) => send('GET', '/secured/large', undefined, pauseMs)))) {
      expect(got.status).toBe(200);
      expect(got.body.equals(content)).toBe(true);
    }
  });

  test.each([
    'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
    'PUT /a/b HTTP/1.0\r\n',
    'G',
    'POST / HTTP/1.1\r\n'.padEnd(300_000, 'x'),
  ])('tells a client of plain HTTP what is wrong: %j', async (bytes) => {
    const connection = await http.connect();
    connection.write(bytes);
    connection.socket.end();
    const answer = await connection.untilEnd();
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('This port speaks TLS: send the request by https.');
  });

  test('ends a connection that is neither, or says nothing, and goes on serving', async () => {
    for (const bytes of ['\0\x01', '\x16\x03\x01nonsense-that-is-no-handshake']) {
      const connection = await http.connect();
      connection.write(bytes);
      connection.socket.end();
      expect(await connection.untilEnd()).not.toContain('HTTP');
    }
    const silent = await http.connect();
    silent.socket.end();
    expect(await silent.untilEnd()).toBe('');
  });

  test('answers requests that come ahead on one connection in their order, and what is behind them last', async () => {
    const socket = connectTls({ port: http.port, host: '127.0.0.1', rejectUnauthorized: false });
    let received = '';
    const ended = new Promise<void>((resolve) => {
      socket.on('data', (bytes) => {
        received += bytes.toString('latin1');
      });
      socket.on('close', () => resolve());
    });
    const health = 'GET /-/health HTTP/1.1\r\nHost: h\r\n\r\n';
    socket.write(`${health}GET /-/none HTTP/1.1\r\nHost: h\r\n\r\n${health}nonsense\r\n\r\n`);
    await ended;
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(
      ['200', '404', '200', '400'].map((status) => `HTTP/1.1 ${status}`),
    );
  });
});
