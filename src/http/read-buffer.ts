import type { Socket } from 'node:net';

/** What one read may bring: more takes fewer turns, less stays in the processor's cache. */
const READ_BYTES = 128 * 1024;

/** Of all connections: what is read is handed on, or copied, before anything else is read. */
let shared: Buffer | undefined;

interface Reading {
  buffer: symbol;
  callback: symbol;
}

/** Node's names for what the option `onread` of `net.connect` sets; the same of every socket. */
let reading: Reading | undefined;

/**
 * Lets a socket read into memory that is used again: node by itself makes 64 KiB for every read, which is most of what its garbage
 * collector does while bodies come. Its option `onread` does this for connections that one makes; there is none for those that a
 * server accepts, so this sets what the option sets (`test/http/read-buffer.test.ts` holds that it works). `data` events go on,
 * but their bytes are only lent. @returns `false` where node doesn't have it: then nothing has changed
 */
export function readIntoSharedBuffer(socket: Socket): boolean {
  const handle = (socket as { _handle?: { useUserBuffer?(buffer: Buffer): void } })._handle;
  reading ??= readingOf(socket);
  // On Windows a read keeps its buffer from when it is begun.
  if (!reading || !handle?.useUserBuffer || process.platform === 'win32' || socket.readableLength > 0) return false;
  shared ??= Buffer.allocUnsafeSlow(READ_BYTES);
  const own = socket as unknown as Record<symbol, unknown>;
  if (own[reading.buffer] !== null || own[reading.callback] !== null) return false;
  own[reading.buffer] = shared;
  own[reading.callback] = (count: number, buffer: Buffer): boolean => socket.emit('data', buffer.subarray(0, count));
  handle.useUserBuffer(shared);
  return true;
}

function readingOf(socket: Socket): Reading | undefined {
  const names = Object.getOwnPropertySymbols(socket);
  const named = (name: string): symbol | undefined => names.find(({ description }) => description === name);
  const buffer = named('kBuffer');
  const callback = named('kBufferCb');
  return buffer && callback && { buffer, callback };
}
