import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import type { Borrow } from '../../src/base/stream.js';
import { Lending } from '../../src/http/lending.js';
import { ClientGone, ResponseWriter } from '../../src/http/writer.js';

const PIECE = 1024 * 1024;

/** A server whose answers have this many pieces, each of them on loan. */
async function serve(pieces: number) {
  const state = { out: 0, responses: [] as ServerResponse[], outcomes: [] as unknown[] };
  const lend = async (borrow: Borrow, signal: AbortSignal): Promise<void> => {
    for (let i = 0; i < pieces; i++) {
      signal.throwIfAborted();
      state.out++;
      const taken = new Promise<void>((resolve) =>
        borrow(Buffer.alloc(PIECE, i), () => {
          state.out--;
          resolve();
        }),
      );
      await Promise.race([taken, new Promise((resolve) => signal.addEventListener('abort', resolve))]);
    }
    signal.throwIfAborted();
  };
  const server = createServer((request, response) => {
    state.responses.push(response);
    const stream = { length: pieces * PIECE, lend, pump: async () => {}, close: async () => {} };
    new ResponseWriter(request, response, 'ID').reply({ stream }).then(
      (written) => state.outcomes.push(written),
      (error) => state.outcomes.push(error),
    );
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { port: (server.address() as AddressInfo).port, state, close: () => server.close() };
}

test('what is on loan is sent as it is, and comes back', async () => {
  const { port, state, close } = await serve(3);
  const answer = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } });
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(bytes).toHaveLength(3 * PIECE);
  for (let i = 0; i < 3; i++) expect(bytes[i * PIECE + 5]).toBe(i);
  await expect.poll(() => state.outcomes).toEqual([{ status: 200, bytes: 3 * PIECE }]);
  expect(state.out).toBe(0);
  close();
});

test('a client that takes nothing keeps its loan until its socket is closed, and no longer', async () => {
  const { port, state, close } = await serve(200);
  const socket = connect(port, '127.0.0.1').pause();
  socket.on('error', () => {});
  // Two at once: the second answer waits behind the first, and has its first piece on loan as well.
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await expect.poll(() => state.out).toBe(2);
  const server = state.responses[0]!.socket!;
  const outWhenClosed = new Promise<number>((resolve) => server.prependOnceListener('close', () => resolve(state.out)));
  socket.destroy();
  expect(await outWhenClosed).toBeGreaterThan(0);
  await expect.poll(() => state.out).toBe(0);
  await expect.poll(() => state.outcomes).toEqual([expect.any(ClientGone), expect.any(ClientGone)]);
  expect(server.listenerCount('close')).toBeLessThan(5);
  close();
});

test('a client that takes nothing for too long is given up', async () => {
  const closed: number[] = [];
  const server = createServer((request, response) => {
    const lending = new Lending(response, request.socket, 50);
    let out = 0;
    const write = (): void => {
      out++;
      response.write(
        Buffer.alloc(16 * PIECE),
        lending.until(() => out--),
      );
    };
    for (let i = 0; i < 8; i++) write();
    lending.signal.addEventListener('abort', () => {
      lending.end();
      closed.push(out);
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await expect.poll(() => closed.length, { timeout: 10_000 }).toBe(1);
  socket.destroy();
  server.close();
});
