import { connect, type Socket } from 'node:net';
import type { Context } from '../context.js';
import { endpointOf } from '../endpoint.js';
import { bucketOf } from '../modes.js';
import { CREDENTIALS, Presigner, REGION } from '../presign.js';
import type { ServerProcess } from '../server-process.js';

const MiB = 1024 * 1024;
const MB = 1e6;
const OBJECT_BYTES = 64 * MiB;
/** The default of COFFER_ANSWER_MEMORY_MIB. */
const BUDGET_MB = (64 * MiB) / MB;
/**
 * What a connection costs besides: its request, its snapshot, and the garbage of the megabytes that the kernel took from it before
 * it stood still.
 */
const PER_CONNECTION_MB = 0.6;
const GARBAGE_MB = 80;
const HOLD_MS = 3_000;

/** How much more RssAnon clients make who ask for a large object and never read: ahead on one connection, and on many. */
export async function unread(context: Context): Promise<void> {
  const many = context.options.quick ? 64 : 512;
  for (const [connections, requests] of [
    [1, 1000],
    [many, 1],
  ] as const) {
    const grown = await context.withServer({}, async (server) => {
      await context.makeBuckets(server.port);
      const path = `/${bucketOf('SSE-KMS')}/large`;
      const put = { port: server.port, clients: 1, targets: [{ method: 'PUT', path }], bodyBytes: OBJECT_BYTES };
      await context.client.do(put);
      // What the upload left behind is there already.
      await context.client.do({ port: server.port, clients: 1, targets: [{ method: 'GET', path }] });
      const before = server.rssAnonBytes();
      return (await server.peakDuring(() => neverRead(server, path, connections, requests))) - before;
    });
    context.add({
      row: `RssAnon more, ${requests} GETs each on ${connections} connections that never read`,
      mode: 'SSE-KMS',
      measured: grown / MB,
      unit: 'MB',
      against: { name: 'bound', value: BUDGET_MB + connections * PER_CONNECTION_MB + GARBAGE_MB },
      floor: 1,
      below: true,
    });
  }
}

async function neverRead(server: ServerProcess, path: string, connections: number, requests: number): Promise<void> {
  const host = `127.0.0.1:${server.port}`;
  const target = new Presigner(endpointOf(`http://${host}`, CREDENTIALS, REGION)).target({ method: 'GET', path });
  const ahead = Buffer.from(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\n\r\n`.repeat(requests));
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(server.port)));
  for (const socket of sockets) socket.write(ahead);
  await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
  for (const socket of sockets) socket.destroy();
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket.pause()));
    socket.on('error', reject);
  });
}
