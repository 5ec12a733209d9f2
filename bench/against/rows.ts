import { bucketOf, headersOf, type Mode } from '../modes.js';
import { type Target, withText } from '../presign.js';
import { type Contestant, objects } from './contestant.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const LIST_KEYS = 10_000;
const PAGE_KEYS = 1000;
const DELETE_KEYS = 1000;
const PART_BYTES = 8 * MiB;
const FILL_CLIENTS = 16;

/** What was done, and in which time: `amount` is in the row's unit times seconds. */
export interface Measured {
  amount: number;
  seconds: number;
  /** What CPU seconds are divided by: GiB of bodies, or thousands of requests. */
  work: number;
}

export interface ClientRow {
  name: string;
  unit: 'MiB/s' | '/s' | 'objects/s';
  modes: readonly Mode[];
  /** Once for each server and mode, before the rounds. */
  fill?(server: Contestant, mode: Mode): Promise<void>;
  measure(server: Contestant, mode: Mode, round: number): Promise<Measured>;
}

const ALL: readonly Mode[] = ['SSE-S3', 'SSE-KMS', 'SSE-C'];
const PLAIN: readonly Mode[] = ['SSE-S3'];

interface Size {
  name: string;
  bytes: number;
  clients: number;
  puts: number;
  gets: number;
}

/** The rows of requests whose bodies have one size. `scale` below 1 shows that everything runs and proves no figure. */
function bodyRows({ name, bytes, clients, puts, gets }: Size, scale: number): ClientRow[] {
  const isSmall = bytes < MiB;
  const stored = Math.max(clients, Math.ceil(Math.min(puts, 64) * scale));
  const measured = (requests: number, seconds: number): Measured =>
    isSmall
      ? { amount: requests, seconds, work: requests / 1000 }
      : { amount: (requests * bytes) / MiB, seconds, work: (requests * bytes) / (1024 * MiB) };
  const unit = isSmall ? '/s' : 'MiB/s';
  const label = `${name.padEnd(6)} ${clients} clients`;
  const read = (i: number): string => `read/${name.replace(' ', '')}/${i % stored}`;
  const reads = (method: 'GET' | 'HEAD'): ClientRow => ({
    name: `${method} ${label}`,
    unit,
    modes: ALL,
    fill: async (server, mode) => {
      await server.do(objects(mode, 'PUT', stored, read), clients, { bytes });
    },
    async measure(server, mode) {
      const count = Math.max(clients, Math.ceil(gets * scale));
      const result = await server.do(objects(mode, method, count, read), clients);
      if (method === 'GET' && result.receivedBytes !== count * bytes) throw new Error(`${result.receivedBytes} bytes`);
      return measured(count, result.seconds);
    },
  });
  const put: ClientRow = {
    name: `PUT ${label}`,
    unit,
    modes: ALL,
    async measure(server, mode) {
      const count = Math.max(clients, Math.ceil(puts * scale));
      // The same names each round: the disk holds what was written last.
      const targets = objects(mode, 'PUT', count, (i) => `put/${name.replace(' ', '')}/${i}`);
      const { seconds } = await server.do(targets, clients, { bytes });
      return measured(count, seconds);
    },
  };
  return isSmall ? [put, reads('GET'), reads('HEAD')] : [put, reads('GET')];
}

function listing(scale: number): ClientRow {
  const keys = Math.max(PAGE_KEYS, Math.ceil((LIST_KEYS * scale) / PAGE_KEYS) * PAGE_KEYS);
  const name = (i: number): string => `list/${String(i).padStart(8, '0')}`;
  return {
    name: `list of ${keys.toLocaleString('en')}`,
    unit: 'objects/s',
    modes: PLAIN,
    fill: async (server, mode) => {
      await server.do(objects(mode, 'PUT', keys, name), FILL_CLIENTS);
    },
    async measure(server, mode) {
      const targets = Array.from({ length: keys / PAGE_KEYS }, (_, page): Target => {
        const after = page === 0 ? 'list/' : name(page * PAGE_KEYS - 1);
        const query = { 'list-type': '2', prefix: 'list/', 'start-after': after, 'max-keys': String(PAGE_KEYS) };
        return { method: 'GET', path: `/${bucketOf(mode)}`, query };
      });
      const { seconds } = await server.do(targets, 1);
      return { amount: keys, seconds, work: keys / 1000 };
    },
  };
}

function deletion(scale: number): ClientRow {
  const keys = Math.ceil(DELETE_KEYS * scale);
  const requests = 4;
  const name = (round: number, i: number): string => `delete/${round}/${i}`;
  return {
    name: `DeleteObjects of ${keys.toLocaleString('en')}`,
    unit: '/s',
    modes: PLAIN,
    async measure(server, mode, round) {
      const puts = objects(mode, 'PUT', requests * keys, (i) => name(round, i));
      await server.do(puts, FILL_CLIENTS, { bytes: KiB });
      const targets = Array.from({ length: requests }, (_, request) => {
        const list = Array.from(
          { length: keys },
          (_, i) => `<Object><Key>${name(round, request * keys + i)}</Key></Object>`,
        );
        const body = `<Delete><Quiet>true</Quiet>${list.join('')}</Delete>`;
        return withText({ method: 'POST', path: `/${bucketOf(mode)}`, query: { delete: '' } }, body);
      });
      const { seconds } = await server.do(targets, 2);
      return { amount: requests * keys, seconds, work: (requests * keys) / 1000 };
    },
  };
}

function multipart(scale: number): ClientRow {
  const parts = Math.max(2, Math.ceil(16 * scale));
  const clients = 4;
  return {
    name: `multipart PUT, 8 MiB parts, ${clients} clients`,
    unit: 'MiB/s',
    modes: PLAIN,
    async measure(server, mode, round) {
      const path = `/${bucketOf(mode)}/multipart/${round}`;
      const { text } = await server.do([{ method: 'POST', path, query: { uploads: '' } }], 1);
      const uploadId = /<UploadId>([^<]+)</.exec(text ?? '')?.[1];
      if (!uploadId) throw new Error('no UploadId came');
      const targets = Array.from({ length: parts }, (_, i) => ({
        method: 'PUT',
        path,
        query: { partNumber: String(i + 1), uploadId },
        headers: headersOf(mode),
      }));
      const { seconds } = await server.do(targets, clients, { bytes: PART_BYTES });
      // Neither server is to keep parts; assembling them is no row of its own.
      await server.do([{ method: 'DELETE', path, query: { uploadId } }], 1);
      return { amount: (parts * PART_BYTES) / MiB, seconds, work: (parts * PART_BYTES) / (1024 * MiB) };
    },
  };
}

export function clientRows(quick: boolean): ClientRow[] {
  const scale = quick ? 0.05 : 1;
  return [
    ...bodyRows({ name: '4 KiB', bytes: 4 * KiB, clients: 32, puts: 10_000, gets: 20_000 }, scale),
    ...bodyRows({ name: '1 MiB', bytes: MiB, clients: 16, puts: 512, gets: 2048 }, scale),
    ...bodyRows({ name: '64 MiB', bytes: 64 * MiB, clients: 8, puts: 16, gets: 48 }, scale),
    multipart(scale),
    listing(scale),
    deletion(scale),
  ];
}
