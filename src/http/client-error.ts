import type { Socket } from 'node:net';
import { hostId, requestId } from '../base/ids.js';
import { xmlDocument } from '../base/xml/write.js';
import { ERRORS } from '../s3/errors.js';

/** So long, and so much, a client may go on sending before its connection is cut: cut at once it would lose the answer. */
const LINGER_MS = 5_000;
const LINGER_BYTES = 16 * 1024 * 1024;

/** A request that node:http could not read, answered as S3 does. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, headersMaxBytes: number): void {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    const { message } = ERRORS.RequestHeaderSectionTooLarge;
    badRequest(socket, 'RequestHeaderSectionTooLarge', message, [['MaxSizeAllowed', headersMaxBytes]]);
  } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    badRequest(socket, 'RequestTimeout', ERRORS.RequestTimeout.message);
  } else badRequest(socket, 'BadRequest', 'An error occurred when parsing the HTTP request.');
}

/** An answer without a request, the last of its connection. */
export function badRequest(
  socket: Socket,
  code: string,
  message: string,
  extra: readonly (readonly [string, string | number])[] = [],
): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const id = requestId();
  const host = hostId();
  const ids = [
    ['RequestId', id],
    ['HostId', host],
  ] as const;
  const body = xmlDocument('Error', [['Code', code], ['Message', message], ...extra, ...ids]);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nx-amz-request-id: ${id}\r\nx-amz-id-2: ${host}\r\nServer: Coffer\r\nContent-Type: application/xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  throwAway(socket);
}

/** What still comes is read and forgotten, for a moment. */
function throwAway(socket: Socket): void {
  let left = LINGER_BYTES;
  socket.on('data', (bytes: Buffer) => {
    left -= bytes.length;
    if (left <= 0) socket.destroy();
  });
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
}
