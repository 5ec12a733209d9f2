import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Turnstile } from '../../src/http/turnstile.js';
import { RawConnection } from './harness.js';

interface Asked {
  url: string;
  body: string;
  answer(text: string): void;
}

/** Requests that were begun, in their order. */
const asked: Asked[] = [];
const watchers = new Set<() => void>();
const server = createServer((request, response) => {
  turnstiles.get(request.socket)!.enter(request, response, () => {
    const one: Asked = { url: request.url!, body: '', answer: (text) => response.end(text) };
    request.setEncoding('latin1').on('data', (text) => {
      one.body += text;
    });
    request.on('end', () => {
      asked.push(one);
      for (const watcher of watchers) watcher();
    });
  });
});
const turnstiles = new WeakMap<Socket, Turnstile>();
let parserListeners = -1;
server.on('connection', (socket) => {
  parserListeners = socket.listenerCount('data');
  turnstiles.set(socket, new Turnstile(socket));
});

(server as { httpAllowHalfOpen?: boolean }).httpAllowHalfOpen = true;

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  // Some are still at work for a client that has ended its side.
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  return closed;
});
const open: RawConnection[] = [];
afterEach(() => {
  for (const connection of open.splice(0)) connection.destroy();
  asked.length = 0;
});

const connect = async (): Promise<RawConnection> => {
  const connection = await RawConnection.to((server.address() as AddressInfo).port);
  open.push(connection);
  return connection;
};

const begun = (count: number): Promise<void> =>
  new Promise((resolve) => {
    const watcher = (): void => {
      if (asked.length < count) return;
      watchers.delete(watcher);
      resolve();
    };
    watchers.add(watcher);
    watcher();
  });

/** Everything that the process has to do just now is done. */
const settled = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

const GET = (url: string): string => `GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`;
const PUT = (url: string, body: string): string =>
  `PUT ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const CHUNKED = (url: string, ...chunks: string[]): string =>
  `PUT ${url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${[...chunks, ''].map((c) => `${c.length.toString(16)}\r\n${c}\r\n`).join('')}`;

test.each([
  ['in one packet', (requests: string[]) => [requests.join('')]],
  ['in packets of their own', (requests: string[]) => requests],
])('requests that are sent ahead %s are all answered where the client then ends its side', async (_, packets) => {
  const connection = await connect();
  const requests = [GET('/1'), PUT('/2', 'body'), GET('/3'), CHUNKED('/4', 'some', 'more'), GET('/5')];
  for (const packet of packets(requests)) {
    connection.write(packet);
    await settled();
  }
  connection.socket.end();
  for (let i = 0; i < requests.length; i++) {
    await begun(i + 1);
    await settled();
    expect(asked).toHaveLength(i + 1);
    asked[i]!.answer(`answer ${i + 1}`);
  }
  const received = await connection.untilEnd();
  expect(received.match(/answer \d/g)).toEqual([1, 2, 3, 4, 5].map((i) => `answer ${i}`));
});

test('node parses a socket by one listener of its data, which the turnstile takes over', async () => {
  const connection = await connect();
  connection.write(GET('/1'));
  await begun(1);
  expect(parserListeners).toBe(1);
});

describe('of requests that come in one packet, each begins when the one before is answered', () => {
  const cases: [string, string, string[]][] = [
    ['GETs', `${GET('/1')}${GET('/2')}${GET('/3')}`, ['/1', '/2', '/3']],
    [
      'bodies with a length',
      `${PUT('/1', 'a\r\n\r\nb')}${PUT('/2', '')}${PUT('/3', 'c')}`,
      ['/1 a\r\n\r\nb', '/2', '/3 c'],
    ],
    [
      'bodies in chunks',
      `${CHUNKED('/1', 'a\r\n\r\n', 'b')}${CHUNKED('/2')}${GET('/3')}`,
      ['/1 a\r\n\r\nb', '/2', '/3'],
    ],
    ['a blank line before each', `\r\n\r\n${GET('/1')}\r\n${GET('/2')}`, ['/1', '/2']],
  ];

  const told = (): string[] => asked.map(({ url, body }) => (body ? `${url} ${body}` : url));

  test.each(cases)('%s', async (_what, bytes, expected) => {
    const connection = await connect();
    connection.write(bytes);
    for (const i of expected.keys()) {
      await begun(i + 1);
      await settled();
      expect(told()).toEqual(expected.slice(0, i + 1));
      asked[i]!.answer(`answer ${i}`);
    }
    await connection.until(new RegExp(`answer ${expected.length - 1}$`));
  });

  test.each(cases)('%s, cut at every byte', async (_what, bytes, expected) => {
    for (let cut = 1; cut < bytes.length; cut++) {
      asked.length = 0;
      const connection = await connect();
      connection.write(bytes.slice(0, cut));
      await settled();
      connection.write(bytes.slice(cut));
      for (const i of expected.keys()) {
        await begun(i + 1);
        expect(asked.length).toBe(i + 1);
        asked[i]!.answer(`answer ${i}`);
      }
      await connection.until(new RegExp(`answer ${expected.length - 1}$`));
      expect(told()).toEqual(expected);
      connection.destroy();
    }
  });
});

test('a thousand requests ahead are bytes, not requests', async () => {
  const connection = await connect();
  connection.write(Array.from({ length: 1000 }, (_, i) => GET(`/${i}`)).join(''));
  await begun(1);
  await settled();
  expect(asked.length).toBe(1);
  for (let i = 0; i < 1000; i++) {
    await begun(i + 1);
    asked[i]!.answer(i === 999 ? 'the last' : 'one');
  }
  expect((await connection.until(/the last$/)).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(1000);
});

test('an answer that begins before the body has come lets the rest of it come', async () => {
  const connection = await connect();
  connection.write(PUT('/1', 'x'.repeat(100)).slice(0, -50));
  await settled();
  connection.write('x'.repeat(50) + GET('/2'));
  await begun(1);
  asked[0]!.answer('first');
  await begun(2);
  expect([asked[0]!.body.length, asked[1]!.url]).toEqual([100, '/2']);
});

test('a client that goes away while another of its requests waits leaves nothing at work', async () => {
  const connection = await connect();
  connection.write(GET('/1') + GET('/2'));
  await begun(1);
  // Who only ends its side may still read.
  connection.socket.resetAndDestroy();
  await settled();
  asked[0]!.answer('x');
  await settled();
  expect(asked.length).toBe(1);
});
