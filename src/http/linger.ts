import type { IncomingMessage } from 'node:http';

const LINGER_BYTES = 16 * 1024 * 1024;
const LINGER_MS = 5_000;

/**
 * After an answer to a request whose body nobody wants: what still arrives is thrown away for a moment, then the connection may
 * end. Ended at once, it would be reset under a client that is still sending, and the answer would be lost with it.
 */
export function linger(request: IncomingMessage, end: () => void): void {
  let left = LINGER_BYTES;
  const onData = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left <= 0) finish();
  };
  const finish = (): void => {
    clearTimeout(timer);
    request.off('data', onData);
    request.off('end', finish);
    request.off('close', finish);
    end();
  };
  const timer = setTimeout(finish, LINGER_MS);
  request.on('data', onData);
  request.on('end', finish);
  request.on('close', finish);
  request.resume();
}
