import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { requestId } from '../../src/base/ids.js';
import type { XmlNode } from '../../src/base/xml/ports.js';
import { readConfig } from '../../src/config.js';
import { openGateway as openBehindEdge } from '../../src/gateway/open.js';
import type { Profile } from '../../src/gateway/profile.js';
import type { Loaded } from '../../src/http/operator.js';
import { asS3Error } from '../../src/s3/failures.js';
import type { RequestFields } from '../../src/s3/operation.js';
import { MemoryBlobStore } from '../../src/store/memory/blob-store.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { MetaStore } from '../../src/store/ports.js';
import { SharedLeases } from '../../src/store/shared-leases.js';
import type { Store } from '../../src/store/store.js';
import { serverEnvironment } from '../support/server.js';

export const ACCOUNT = '000000000000';

export interface Ask {
  method?: string;
  key?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export interface Answer {
  /** `''`, or the error's code. */
  code: string;
  headers: Readonly<Record<string, string | undefined>>;
  body: Buffer;
  /** Text of the first such element. */
  element(name: string): string | undefined;
}

/** A whole Coffer without its edge: everything but sockets and signatures. */
export type Gateway = Awaited<ReturnType<typeof openGateway>>;

/** Several of them over one store in memory and one directory of keys. */
export async function openGateways(count = 2, env: Record<string, string> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-gateways-'));
  const meta = new MemoryMetaStore(true);
  const blobs = new MemoryBlobStore();
  const open = (through: MetaStore = meta) => openGateway(dir, through, blobs, env);
  const gateways: Gateway[] = [];
  for (let i = 0; i < count; i++) gateways.push(await open());
  const close = async (): Promise<void> => {
    for (const { coffer } of gateways) {
      await coffer.sweeping.stop();
      await coffer.kms.builtIn?.close();
      await coffer.kms.audit?.close();
      await coffer.profile.leases.close();
    }
    await rm(dir, { recursive: true, force: true });
  };
  return { dir, meta, blobs, gateways: gateways as [Gateway, Gateway, ...Gateway[]], open, close };
}

async function openGateway(dir: string, meta: MetaStore, blobs: MemoryBlobStore, env: Record<string, string>) {
  const config = readConfig({ ...serverEnvironment(dir, env), COFFER_BODY_THREADS: '0' });
  const store: Store = {
    storeId: '11111111-2222-3333-4444-555555555555',
    meta,
    blobs,
    compactMeta: async () => {},
    readOnly: () => undefined,
    measureSpace: async () => {},
    trouble: async () => undefined,
    close: async () => {},
  };
  // Nobody's time passes: no lease ends by itself.
  const leases = await SharedLeases.open({ meta, nowMs: () => 0, onTrouble: () => {} });
  const profile: Profile = { store, leases, within: async (_, work) => work(), remember: async () => {} };
  const coffer = await openBehindEdge(config, profile, pino({ level: 'silent' }));
  // Tests sweep when they want to; no job runs.
  Object.assign(coffer.sweeping, { soon: () => {} });
  const ask = async (bucket: string, asked: Ask = {}): Promise<Answer> => {
    const { method = 'GET', key = '', query = {}, headers = {} } = asked;
    const bytes = Buffer.from(asked.body ?? '');
    const length = asked.body === undefined && method === 'GET' ? {} : { 'content-length': String(bytes.length) };
    const fields: RequestFields = {
      ...{ method, bucket, key },
      query: new Map(Object.entries(query)),
      headers: {
        ...headers,
        ...length,
        ...(method === 'PUT' || method === 'POST' ? { 'content-md5': md5(bytes) } : {}),
      },
    };
    const loaded: Loaded = {};
    try {
      const reply = await coffer.operator.run(
        coffer.router.find(method, fields),
        {
          ...{ fields, requestId: requestId(), peer: { ip: '', secure: true, loopback: true }, socket: undefined },
          caller: coffer.callers.accounts.root(ACCOUNT)!,
          signature: { type: 'REST-HEADER', version: 'AWS4-HMAC-SHA256', ageMs: 0, region: 'us-east-1' },
          requestContext: { get: () => undefined },
        },
        {
          length: bytes.length,
          async pump(sink) {
            if (bytes.length > 0) await sink(bytes);
            return { trailers: new Map() };
          },
        },
        loaded,
      );
      const chunks: Buffer[] = [];
      await reply.stream?.pump((chunk) => void chunks.push(Buffer.from(chunk)));
      await reply.stream?.close();
      const nodes: readonly XmlNode[] = reply.xml?.[1] ?? [];
      const text = reply.text === undefined ? Buffer.concat(chunks) : Buffer.from(reply.text[1]);
      return { code: '', headers: reply.headers ?? {}, body: text, element: (name) => find(nodes, name) };
    } catch (error) {
      const { code, cause } = asS3Error(error, fields);
      if (code === 'InternalError') throw cause ?? error;
      return { code, headers: {}, body: Buffer.alloc(0), element: () => undefined };
    }
  };
  const kms = async (action: string, input: object = {}) => {
    const caller = coffer.callers.accounts.root(ACCOUNT)!;
    const body = Buffer.from(JSON.stringify(input));
    const answer = await coffer.kms.builtIn!.kms.dispatch(`TrentService.${action}`, body, {
      caller,
      requestId: requestId(),
    });
    // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
    return answer.json as any;
  };
  return { coffer, ask, kms };
}

const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('base64');

function find(nodes: readonly XmlNode[], name: string): string | undefined {
  for (const [found, value] of nodes) {
    if (found === name && !Array.isArray(value))
      return value === undefined || value === null ? undefined : String(value);
    const inner = Array.isArray(value) ? find(value as readonly XmlNode[], name) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}
