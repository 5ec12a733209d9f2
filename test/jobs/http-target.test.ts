import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';
import type { BodyProducer } from '../../src/base/stream.js';
import { HttpTarget } from '../../src/jobs/replication/http-target.js';
import { TargetRefused, TargetUnreachable } from '../../src/jobs/replication/target.js';

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const targetAt = (port: number, idleMs?: number) => {
  const secretAccessKey = new Secret(Buffer.from('secret'));
  const config = { endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', accessKeyId: 'AKIA', secretAccessKey };
  const target = new HttpTarget({ ...config, virtualHost: false }, systemClock, idleMs);
  open.push(target);
  return target;
};
const portOf = async (server: Server | ReturnType<typeof createServer>) => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  return (server.address() as AddressInfo).port;
};
const overHttp = async (listener: RequestListener, idleMs?: number) =>
  targetAt(await portOf(createHttp(listener)), idleMs);
const overSockets = async (listener: (socket: Socket) => void, idleMs?: number) =>
  targetAt(await portOf(createServer((socket) => void listener(socket.on('error', () => {})))), idleMs);

/** `chunks` of 64 KiB; counts those that were taken, and whether it is still being pumped. */
function bodyOf(chunks: number, fail?: Error) {
  const state = { taken: 0, pumping: false };
  const body: BodyProducer = {
    length: chunks * 65_536,
    async pump(sink) {
      state.pumping = true;
      try {
        for (; state.taken < chunks; state.taken++) {
          if (fail && state.taken === 3) throw fail;
          await sink(Buffer.alloc(65_536, state.taken));
        }
      } finally {
        state.pumping = false;
      }
    },
    async close() {},
  };
  return { state, body };
}
const put = (target: HttpTarget, body: BodyProducer) => target.send({ method: 'PUT', bucket: 'b', key: 'k/ü +', body });

test('a body arrives as it is, signed, under its encoded key', async () => {
  const seen: { url?: string | undefined; bytes: number; authorization?: string | undefined }[] = [];
  const target = await overHttp((request, response) => {
    let bytes = 0;
    request.on('data', (chunk) => {
      bytes += chunk.length;
    });
    request.on('end', () => {
      seen.push({ url: request.url, bytes, authorization: request.headers.authorization });
      response.writeHead(200, { 'x-amz-version-id': 'id' }).end();
    });
  });
  const { body } = bodyOf(40);
  expect((await put(target, body)).headers['x-amz-version-id']).toBe('id');
  expect(seen).toMatchObject([{ url: '/b/k/%C3%BC%20%2B', bytes: 40 * 65_536 }]);
  expect(seen[0]!.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIA\/\d{8}\/us-east-1\/s3\/aws4_request/);
});

test('a refusal before the end of the body counts, and the body is let go', async () => {
  const error = '<Error><Code>AccessDenied</Code><Message>no</Message></Error>';
  for (const close of [true, false]) {
    const target = await overHttp((_request, response) => {
      response.writeHead(403, close ? { connection: 'close' } : {}).end(error);
    });
    const { body, state } = bodyOf(2000);
    const refused = await put(target, body).catch((thrown: unknown) => thrown);
    expect(refused).toBeInstanceOf(TargetRefused);
    expect(refused).toMatchObject({ code: 'AccessDenied', status: 403, isTransient: false });
    expect(state.pumping).toBe(false);
    expect(state.taken).toBeLessThan(2000);
  }
});

test('nobody there, a reset, silence, and an answer without end are all worth another try', async () => {
  const closed = createServer();
  const port = await portOf(closed);
  await new Promise((resolve) => closed.close(resolve));
  const targets: [string, HttpTarget][] = [
    ['nobody', targetAt(port)],
    ['a reset', await overSockets((socket) => socket.once('data', () => socket.resetAndDestroy()))],
    ['an end', await overSockets((socket) => socket.once('data', () => socket.end()))],
    ['silence', await overSockets((socket) => socket.resume(), 200)],
    ['a reader that stops', await overSockets((socket) => socket.pause(), 200)],
    ['no HTTP', await overSockets((socket) => socket.end('hello\r\n\r\n'))],
    [
      'half an answer',
      await overHttp((request, response) => {
        request.resume();
        response.writeHead(200, { 'content-length': '100' });
        response.write('x');
      }, 200),
    ],
  ];
  for (const [what, target] of targets) {
    const { body, state } = bodyOf(2000);
    const failed = await put(target, body).catch((thrown: unknown) => thrown);
    expect(failed, what).toBeInstanceOf(TargetUnreachable);
    expect(state.pumping, what).toBe(false);
  }
  expect(targets).toHaveLength(7);
});

test('what the body itself throws is what is thrown', async () => {
  const target = await overHttp((request, response) => {
    request.on('error', () => {});
    request.resume().on('end', () => response.end());
  });
  const damaged = new Error('the source is damaged');
  const { body } = bodyOf(100, damaged);
  await expect(put(target, body)).rejects.toBe(damaged);
});

test('500s and throttling pass, other refusals stay; 200 with an error inside is one', async () => {
  const cases: [status: number, code: string, transient: boolean][] = [
    [500, 'InternalError', true],
    [503, 'SlowDown', true],
    [501, 'NotImplemented', false],
    [429, '', true],
    [400, 'RequestTimeout', true],
    [400, 'BadDigest', true],
    [403, 'AccessDenied', false],
    [404, 'NoSuchBucket', false],
    [301, 'PermanentRedirect', false],
    [200, 'InternalError', true],
  ];
  let asked = 0;
  const target = await overHttp((_request, response) => {
    const [status, code] = cases[asked++]!;
    response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
  });
  for (const [, code, transient] of cases) {
    const refused = await target.send({ method: 'POST', bucket: 'b', key: 'k', body: '<x/>' }).catch((one) => one);
    expect(refused).toBeInstanceOf(TargetRefused);
    expect([refused.code, refused.isTransient]).toEqual([code, transient]);
  }
  expect(asked).toBe(cases.length);
});
