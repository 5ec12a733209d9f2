import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { HttpBody, readBody } from '../../src/http/body-source.js';

const IDLE_MS = 25;

function incoming(length: number): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.headers['content-length'] = String(length);
  return request;
}

function finish(request: IncomingMessage): void {
  request.complete = true;
  request.push(null);
}

test('a client that sends nothing is given up', async () => {
  const body = new HttpBody(incoming(1), () => {}, IDLE_MS);
  await expect(body.pump(() => {})).rejects.toMatchObject({ code: 'RequestTimeout' });
});

test('waiting for the store is no idleness of the client', async () => {
  const request = incoming(2);
  const body = new HttpBody(request, () => {}, IDLE_MS);
  let release = (): void => {};
  const seen: string[] = [];
  const pumped = body.pump((chunk) => {
    seen.push(chunk.toString());
    return new Promise<void>((resolve) => {
      release = resolve;
    });
  });
  request.push('a');
  await expect.poll(() => seen).toEqual(['a']);
  request.push('b');
  finish(request);
  await new Promise((resolve) => setTimeout(resolve, 4 * IDLE_MS));
  expect(seen).toEqual(['a']);
  release();
  await expect.poll(() => seen).toEqual(['a', 'b']);
  release();
  await expect(pumped).resolves.toBeDefined();
  expect(body.received).toBe(2);
});

test('a body ends only when its last chunk was taken, also where the end was known before that chunk was read', async () => {
  const request = incoming(1);
  let release = (): void => {};
  let ended = false;
  request.push('a');
  finish(request);
  const pumped = new HttpBody(request, () => {})
    .pump(() => new Promise<void>((resolve) => (release = resolve)))
    .then(() => (ended = true));
  await expect.poll(() => request.closed).toBe(true);
  expect(ended).toBe(false);
  release();
  await expect(pumped).resolves.toBe(true);
});

test('what a sink throws, at once or later, ends the body', async () => {
  for (const sink of [
    () => {
      throw new Error('full');
    },
    () => Promise.reject(new Error('full')),
  ]) {
    const request = incoming(2);
    const pumped = new HttpBody(request, () => {}).pump(sink);
    request.push('a');
    await expect(pumped).rejects.toThrow('full');
    expect(request.isPaused()).toBe(true);
  }
});

test('a client that left before or while its body is read is IncompleteBody', async () => {
  const gone = incoming(2);
  gone.destroy();
  await expect(new HttpBody(gone, () => {}).pump(() => {})).rejects.toMatchObject({ code: 'IncompleteBody' });
  const leaving = incoming(2);
  const pumped = new HttpBody(leaving, () => {}).pump(() => {});
  leaving.push('a');
  leaving.destroy();
  await expect(pumped).rejects.toMatchObject({ code: 'IncompleteBody' });
});

test('a body is bounded by what is declared and by what arrives', async () => {
  const declared = new HttpBody(incoming(11), () => {});
  await expect(readBody(declared, 10)).rejects.toMatchObject({ code: 'MaxMessageLengthExceeded' });
  expect(declared.started).toBe(false);
  const chunked = new IncomingMessage(new Socket());
  chunked.headers['transfer-encoding'] = 'chunked';
  const read = readBody(new HttpBody(chunked, () => {}), 10);
  chunked.push('123456');
  chunked.push('78901');
  await expect(read).rejects.toMatchObject({ code: 'MaxMessageLengthExceeded' });
});

test('a whole body comes in one piece', async () => {
  const request = incoming(6);
  const read = readBody(new HttpBody(request, () => {}), 10);
  request.push('abc');
  request.push('def');
  finish(request);
  expect((await read).bytes.toString()).toBe('abcdef');
});
