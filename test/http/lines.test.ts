import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { ClientGone, ResponseWriter } from '../../src/http/writer.js';

/** A server that answers every request with these values, one a line. */
async function serve(values: () => AsyncGenerator<unknown>) {
  const outcomes: unknown[] = [];
  const server = createServer((request, response) => {
    const writer = new ResponseWriter(request, response, 'ID');
    writer.lines(values()).then(
      (written) => outcomes.push(written),
      (error) => outcomes.push(error),
    );
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { port: (server.address() as AddressInfo).port, outcomes, close: () => server.close() };
}

test('lines go out as they come', async () => {
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { port, outcomes, close } = await serve(async function* () {
    yield { a: 1 };
    await held;
    yield { b: '\n' };
  });
  const answer = await fetch(`http://127.0.0.1:${port}`);
  expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
  const reader = answer.body!.getReader();
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('{"a":1}\n');
  release();
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('{"b":"\\n"}\n');
  expect((await reader.read()).done).toBe(true);
  await expect.poll(() => outcomes).toEqual([{ status: 200, bytes: 8 + 11 }]);
  close();
});

test('a client that goes away ends what makes the lines, and one that takes nothing holds it up', async () => {
  let made = 0;
  let ended = false;
  const { port, outcomes, close } = await serve(async function* () {
    try {
      for (; ; made++) {
        yield { text: 'x'.repeat(100_000) };
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      ended = true;
    }
  });
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  // Until the buffers between the two are full.
  let last = -1;
  await expect
    .poll(
      () => {
        const stands = made === last;
        last = made;
        return stands;
      },
      { interval: 200 },
    )
    .toBe(true);
  expect(made).toBeLessThan(1000);
  expect(ended).toBe(false);
  socket.destroy();
  await expect.poll(() => ended).toBe(true);
  await expect.poll(() => outcomes[0]).toBeInstanceOf(ClientGone);
  close();
});
