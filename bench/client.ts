/** The client process: takes jobs from its parent, presigns and builds every request, and only then starts the clock. */
import { randomFillSync } from 'node:crypto';
import { authorityOf, type Endpoint } from './endpoint.js';
import type { Job, JobResult } from './job.js';
import { CREDENTIALS, Presigner, REGION } from './presign.js';
import { RawConnection, type RawRequest } from './raw-connection.js';
import { KmsSigner } from './sign-kms.js';

/** A body up to this size is part of the request's one buffer. */
const JOINED_BYTES = 64 * 1024;
const RANDOM_BYTES = 64 * 1024 * 1024;
let random: Buffer | undefined;

process.on('message', (job: Job) => {
  run(job).then(
    (result) => process.send!({ result }),
    (error) => process.send!({ error: String(error?.message ?? error) }),
  );
});

async function run(job: Job): Promise<JobResult> {
  const endpoints = job.endpoints ?? [endpointOf(job)];
  // Each gateway gets every n-th request, over connections of its own.
  const queues = endpoints.map((endpoint, i) => ({
    endpoint,
    next: 0,
    requests: job.kms ? prepareKms(endpoint, job.kms) : prepare(endpoint, everyNth(job, i, endpoints.length)),
  }));
  const [first] = queues[0]!.requests;
  const count = queues.reduce((sum, { requests }) => sum + requests.length, 0);
  if (count === 1 && first) first.keep = true;
  const queueOf = (connection: number): (typeof queues)[number] => queues[connection % queues.length]!;
  const clients = Math.max(job.clients, queues.length);
  const connections = await Promise.all(
    Array.from({ length: clients }, (_, i) => RawConnection.open(queueOf(i).endpoint)),
  );
  try {
    let receivedBytes = 0;
    const started = process.hrtime.bigint();
    const serve = async (connection: RawConnection, i: number): Promise<void> => {
      const queue = queueOf(i);
      while (queue.next < queue.requests.length) {
        // Not `+= await`: that reads the sum before it waits.
        const bytes = await connection.send(queue.requests[queue.next++]!);
        receivedBytes += bytes;
      }
    };
    await Promise.all(connections.map(serve));
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    const text = first?.keep ? { text: connections[0]!.kept } : {};
    return { seconds, requests: count, receivedBytes, ...text };
  } finally {
    for (const connection of connections) connection.close();
  }
}

const everyNth = (job: Job, from: number, n: number): Job =>
  n === 1 ? job : { ...job, targets: job.targets.filter((_, i) => i % n === from) };

const endpointOf = ({ port, endpoint }: Job): Endpoint =>
  endpoint ?? { host: '127.0.0.1', port: port!, tls: false, credentials: CREDENTIALS, region: REGION };

function prepareKms(endpoint: Endpoint, { request, count }: NonNullable<Job['kms']>): RawRequest[] {
  const { headers, body } = new KmsSigner(authorityOf(endpoint)).sign(request);
  const lines = ['POST / HTTP/1.1', ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
  return Array.from({ length: count }, () => ({ head, isHead: false, bodyBytes: 0 }));
}

function prepare(endpoint: Endpoint, { targets, bodyBytes = 0, text }: Job): RawRequest[] {
  const host = authorityOf(endpoint);
  const presigner = new Presigner(endpoint);
  if (text === undefined && bodyBytes > 0) random ??= randomFillSync(Buffer.allocUnsafeSlow(RANDOM_BYTES));
  return targets.map((target) => {
    const { method, headers = {} } = target;
    const own = target.text ?? text;
    const body = own === undefined ? random : Buffer.from(own);
    const bytes = own === undefined ? bodyBytes : Buffer.byteLength(own);
    const lines = [`${method} ${presigner.target(target)} HTTP/1.1`, `host: ${host}`];
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    if (method === 'PUT' || method === 'POST') lines.push(`content-length: ${bytes}`);
    const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
    const isHead = method === 'HEAD';
    if (bytes === 0 || !body) return { head, isHead, bodyBytes: 0 };
    if (bytes > JOINED_BYTES) return { head, isHead, body, bodyBytes: bytes };
    return { head: Buffer.concat([head, body.subarray(0, bytes)]), isHead, bodyBytes: 0 };
  });
}
