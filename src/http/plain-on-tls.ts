import type { Server, Socket } from 'node:net';
import { badRequest } from './client-error.js';

/** A client that says nothing at all is given up. */
const FIRST_BYTE_MS = 60_000;

/**
 * Tells clients that speak plain HTTP to a TLS port what is wrong; a TLS stack alone would hang up. Looks at the first byte of
 * every connection before TLS does: a handshake begins with 0x16, a request with the letter of its method.
 */
export function answerPlainHttp(server: Server): void {
  const [handshake] = server.listeners('connection');
  if (!handshake) return;
  server.removeListener('connection', handshake as (socket: Socket) => void);
  server.on('connection', (socket) => {
    const timer = setTimeout(() => socket.destroy(), FIRST_BYTE_MS);
    const onError = (): void => {
      socket.destroy();
    };
    socket.on('error', onError);
    socket.once('close', () => clearTimeout(timer));
    socket.once('readable', () => {
      clearTimeout(timer);
      const first: Buffer | null = socket.read();
      if (first === null) {
        socket.destroy();
        return;
      }
      if (isLetter(first[0]!)) {
        badRequest(socket, 'InvalidRequest', 'This port speaks TLS: send the request by https.');
        return;
      }
      socket.off('error', onError);
      socket.unshift(first);
      handshake.call(server, socket);
    });
  });
}

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
