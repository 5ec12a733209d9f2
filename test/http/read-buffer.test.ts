import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { HttpBody } from '../../src/http/body-source.js';
import { readIntoSharedBuffer } from '../../src/http/read-buffer.js';
import { Turnstile } from '../../src/http/turnstile.js';
import { RawConnection } from './harness.js';

let onRequest: (request: IncomingMessage) => void;
/** Of every piece of the sockets' bytes, in which memory it lay. */
let memory: ArrayBufferLike[];
let copies: number;
const server = createServer((request, response) => {
  const run = (): void => onRequest(request);
  request.once('end', () => response.end('ok'));
  turnstiles.get(request.socket)!.enter(request, response, run);
});
const turnstiles = new WeakMap<Socket, Turnstile>();
server.on('connection', (socket) => {
  turnstiles.set(socket, new Turnstile(socket));
  socket.on('data', (bytes: Buffer) => memory.push(bytes.buffer));
});
const open: RawConnection[] = [];

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  memory = [];
  copies = 0;
});
afterEach(() => {
  for (const connection of open.splice(0)) connection.destroy();
});

const connect = async (): Promise<RawConnection> => {
  const connection = await RawConnection.to((server.address() as AddressInfo).port);
  open.push(connection);
  return connection;
};

/** A body in which every place is told from others. */
const patterned = (bytes: number): Buffer => {
  const body = Buffer.allocUnsafe(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) body.writeUInt32LE(at, at);
  return body;
};

/** What a sink that takes at once got of a body, waiting now and then. */
async function received(connection: RawConnection, body: Buffer, waitEvery = Number.POSITIVE_INFINITY) {
  let pieces = 0;
  const parts: Buffer[] = [];
  const done = new Promise<void>((resolve, reject) => {
    onRequest = (request) => {
      request.on('data', () => copies++);
      const sink = (piece: Buffer): void | Promise<void> => {
        parts.push(Buffer.from(piece));
        if (++pieces % waitEvery === 0) return new Promise((go) => setImmediate(go));
      };
      new HttpBody(request, () => {}).pump(sink, { takesAtOnce: true }).then(() => resolve(), reject);
    };
  });
  connection.write(`PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
  await new Promise((go) => setImmediate(go));
  connection.write(body);
  await done;
  return Buffer.concat(parts);
}

test('what sockets bring is read into one piece of memory, which this version of node lets a server do', async () => {
  const connections = await Promise.all([connect(), connect()]);
  const body = patterned(3_000_000);
  const bodies = [];
  for (const connection of connections) bodies.push((await received(connection, body)).equals(body));
  expect(bodies).toEqual([true, true]);
  expect(new Set(memory).size).toBe(1);
});

test('a body for a sink that takes at once is not copied by the parser, and arrives whole', async () => {
  const body = patterned(5_000_000);
  expect((await received(await connect(), body)).equals(body)).toBe(true);
  // All but what came before anybody took it. The parser of Node.js 26 copies in any case.
  if (Number.parseInt(process.versions.node, 10) < 26) expect(copies).toBeLessThan(3);
});

test.each([1, 2, 5])('a sink that waits after every %i pieces gets every byte in its order', async (waitEvery) => {
  const body = patterned(4_000_000);
  const connection = await connect();
  expect((await received(connection, body, waitEvery)).equals(body)).toBe(true);
  // And the parser is as before.
  expect((await received(connection, body, waitEvery)).equals(body)).toBe(true);
});

test('bodies of many connections at once are not mixed up', async () => {
  const bodies = [1, 2, 3, 4].map((n) => patterned(n * 700_000).fill(n, 0, 1000));
  const parts = new Map<string, Buffer[]>();
  onRequest = (request) => {
    const own: Buffer[] = [];
    parts.set(request.url!, own);
    let pieces = 0;
    const sink = (piece: Buffer): void | Promise<void> => {
      own.push(Buffer.from(piece));
      if (++pieces % 3 === 0) return new Promise((go) => setImmediate(go));
    };
    void new HttpBody(request, () => {}).pump(sink, { takesAtOnce: true });
  };
  const answers = bodies.map(async (body, i) => {
    const connection = await connect();
    connection.write(`PUT /${i} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
    connection.write(body);
    await connection.until(/\r\n\r\nok/);
  });
  await Promise.all(answers);
  expect(bodies.map((body, i) => Buffer.concat(parts.get(`/${i}`)!).equals(body))).toEqual([true, true, true, true]);
});

test('a socket without the means of node is left as it is', () => {
  const plain = { readableLength: 0, _handle: {} } as unknown as Socket;
  expect(readIntoSharedBuffer(plain)).toBe(false);
  expect(Object.keys(plain)).toEqual(['readableLength', '_handle']);
});
