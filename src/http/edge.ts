import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Service, SignedRequest } from '../auth/ports.js';
import { type ClientBudget, Displaced } from '../base/client-budget.js';
import { requestId } from '../base/ids.js';
import { S3_HEADERS_MAX_BYTES } from '../base/limits.js';
import { queryError } from '../iam/sts.js';
import { S3Error } from '../s3/error.js';
import { REPLICA_HEADER } from '../s3/replication/replica-header.js';
import { type AccessEntry, logAccess } from './access-log.js';
import { bucketOfHost, splitTarget } from './addressing.js';
import { type AdminRequests, isAdmin } from './admin-requests.js';
import type { Admission } from './admission.js';
import { HttpBody } from './body-source.js';
import type { Exchange } from './exchange.js';
import { joinHeaders } from './headers.js';
import { type InternalPages, isInternal } from './internal.js';
import type { Metrics } from './metrics.js';
import type { Peers } from './peer.js';
import { answer } from './rpc.js';
import type { S3Requests } from './s3-requests.js';
import { isServicePreflight, type ServiceRequests, serviceOf, servicePreflight } from './service-requests.js';
import { ClientGone, ResponseWriter, type Written } from './writer.js';

export interface EdgeParts {
  s3: S3Requests;
  services: ServiceRequests;
  internal: InternalPages;
  admin: AdminRequests;
  domain: string | undefined;
  peers: Peers;
  admission: Admission;
  answers: ClientBudget;
  log: Logger;
  metrics: Metrics;
}

/** Where every request comes in: it goes to whom it is for, and leaves a log line and its figures. */
export class Edge {
  constructor(private readonly parts: EdgeParts) {}

  /** Never rejects. `surplus`: of a connection above the limit. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    onBodyWanted: () => void,
    surplus = false,
  ): Promise<void> {
    const { log, metrics } = this.parts;
    const startedMs = performance.now();
    const id = requestId();
    const method = request.method ?? 'GET';
    const entry: AccessEntry = { id, method, operation: 'unknown', status: 0, receivedBytes: 0, sentBytes: 0, ms: 0 };
    // From here on, for whoever reads a header.
    request.headers = joinHeaders(request.rawHeaders);
    const body = new HttpBody(request, onBodyWanted);
    metrics.inFlight++;
    try {
      const written = await this.#serve(request, response, body, entry, surplus);
      entry.status = written.status;
      entry.sentBytes = written.bytes;
    } catch (error) {
      if (!(error instanceof ClientGone || error instanceof Displaced)) log.error({ id, err: error }, 'answer failed');
      // Headers may be out already: a broken connection is the only honest end, never a short 200.
      response.destroy();
    }
    metrics.inFlight--;
    const ms = performance.now() - startedMs;
    entry.receivedBytes = body.received;
    entry.ms = Math.round(ms * 1000) / 1000;
    metrics.count(entry.operation, entry.status, ms / 1000, entry.receivedBytes, entry.sentBytes);
    logAccess(log, entry);
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    body: HttpBody,
    entry: AccessEntry,
    surplus: boolean,
  ): Promise<Written> {
    const { s3, services, internal, admin, domain, peers } = this.parts;
    const { id, method } = entry;
    const { headers } = request;
    const writer = new ResponseWriter(request, response, id, this.parts.answers);
    if (repeatsSingle(request.rawHeaders)) return refuse(writer, entry);
    const { rawPath, rawQuery } = splitTarget(request.url ?? '/');
    const virtualBucket = bucketOfHost(headers.host, domain);
    const ownPage = isInternal(rawPath) && virtualBucket === undefined;
    if (ownPage && !isAdmin(rawPath)) {
      entry.operation = 'internal';
      return internal.serve(rawPath, method, writer);
    }
    const peer = peers.of(request);
    const signed: SignedRequest = { method, rawPath, rawQuery, headers };
    if (virtualBucket !== undefined) signed.virtualBucket = virtualBucket;
    const exchange: Exchange = { id, request, signed, body, writer, peer, entry };
    if (virtualBucket === undefined && !ownPage && isServicePreflight(request, rawPath))
      return servicePreflight(exchange);
    // A bucket's host is S3's alone.
    const service = ownPage ? 'admin' : virtualBucket === undefined ? serviceOf(request, rawPath) : 's3';
    const leave = surplus ? undefined : this.parts.admission.enter(peer.ip);
    if (!leave) return slowDown(exchange, service);
    try {
      if (service === 'admin') return await admin.serve(exchange);
      if (service !== 's3') return await services.serve(exchange, service);
      if (exceeds(request.rawHeaders, S3_HEADERS_MAX_BYTES) && headers[REPLICA_HEADER] === undefined) {
        return await refuseHeaders(writer, entry);
      }
      return await s3.serve(exchange);
    } finally {
      leave();
    }
  }
}

/**
 * Sent twice, node:http takes the first and a proxy in front may have taken the second: what decides who asks and whom may come
 * but once.
 */
function repeatsSingle(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  let authorizations = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === HOST.length && name.toLowerCase() === HOST) hosts++;
    else if (name.length === AUTHORIZATION.length && name.toLowerCase() === AUTHORIZATION) authorizations++;
  }
  return hosts > 1 || authorizations > 1;
}

const HOST = 'host';
const AUTHORIZATION = 'authorization';

/** A replica brings more along than its object was put with. */
function exceeds(rawHeaders: readonly string[], limit: number): boolean {
  let bytes = 0;
  // `name: value\r\n`.
  for (let i = 0; i < rawHeaders.length; i += 2) bytes += rawHeaders[i]!.length + rawHeaders[i + 1]!.length + 4;
  return bytes > limit;
}

async function refuseHeaders(writer: ResponseWriter, entry: AccessEntry): Promise<Written> {
  entry.error = 'RequestHeaderSectionTooLarge';
  const extra = { MaxSizeAllowed: String(S3_HEADERS_MAX_BYTES) };
  return writer.error(new S3Error('RequestHeaderSectionTooLarge', { extra }));
}

const THROTTLED: Partial<Record<Service | 'admin', string>> = {
  kms: 'ThrottlingException',
  cloudhsm: 'Throttling',
  sts: 'Throttling',
};

/** Too many connections, or requests, or answers that nobody takes. In the words of the service that was asked. */
function slowDown(exchange: Exchange, service: Service | 'admin'): Written {
  const { writer, entry, id } = exchange;
  const error = new S3Error('SlowDown');
  entry.error = THROTTLED[service] ?? error.code;
  if (service === 'kms' || service === 'cloudhsm') {
    return answer(exchange, 400, { __type: entry.error, message: 'Rate exceeded' });
  }
  if (service === 'sts') return writer.queryXml(400, queryError(entry.error, 'Rate exceeded', id));
  if (service === 'admin') return writer.json(error.status, { code: error.code, message: error.message });
  return writer.error(error);
}

async function refuse(writer: ResponseWriter, entry: AccessEntry): Promise<Written> {
  entry.error = 'BadRequest';
  return writer.error(new S3Error('BadRequest', { message: 'An error occurred when parsing the HTTP request.' }));
}
