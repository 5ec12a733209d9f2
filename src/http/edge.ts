import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { type Authenticated, authenticate } from '../auth/authenticate.js';
import { AuthError } from '../auth/error.js';
import type { Caller, CredentialSource, Service } from '../auth/ports.js';
import type { Clock } from '../base/clock.js';
import { requestId as newRequestId } from '../base/ids.js';
import { KMS_JSON_BODY_MAX_BYTES, XML_BODY_MAX_BYTES } from '../base/limits.js';
import type { BodySource } from '../base/stream.js';
import { parseXml, XmlError } from '../base/xml/parse.js';
import { getCallerIdentity, queryError } from '../iam/sts.js';
import type { Kms } from '../kms/kms.js';
import { uploadChecksums } from '../s3/checksum/upload-checksums.js';
import { S3Error, type S3ErrorCode } from '../s3/error.js';
import { ERRORS } from '../s3/errors.js';
import { asS3Error } from '../s3/failures.js';
import type { Facts, OperationContext, RequestFields } from '../s3/operation.js';
import type { Services } from '../s3/services.js';
import type { BlobSnapshot } from '../store/ports.js';
import { address, bucketOfHost, splitTarget } from './addressing.js';
import { Authorizer } from './authorizer.js';
import { HttpBody, readBody } from './body-source.js';
import { takeCustomerKeys } from './customer-keys.js';
import type { Metrics } from './metrics.js';
import type { Peer, Peers } from './peer.js';
import type { AnyOperation, Router } from './router.js';
import { ClientGone, ResponseWriter, type Written } from './writer.js';

export interface EdgeParts {
  services: Services;
  /** Absent where a remote KMS is used: this process then answers no KMS requests. */
  kms: Kms | undefined;
  credentials: CredentialSource;
  clock: Clock;
  region: string;
  domain: string | undefined;
  router: Router;
  peers: Peers;
  log: Logger;
  metrics: Metrics;
  /** Why the process can't serve just now; undefined where it can. */
  notReady(): string | undefined;
}

/** What the log line says about a request. Nothing in it is secret: no query, no headers. */
interface Entry {
  operation: string;
  caller?: string;
  bucket?: string;
  error?: string;
}

/** Does once what every request needs: who asks, what for, may they, answer, log line, metric. */
export class Edge {
  readonly #authorizer = new Authorizer();

  constructor(private readonly parts: EdgeParts) {}

  /** Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse, onBodyWanted: () => void): Promise<void> {
    const { log, metrics, clock } = this.parts;
    const startedMs = performance.now();
    const id = newRequestId();
    const method = request.method ?? 'GET';
    const writer = new ResponseWriter(response, id, method);
    const entry: Entry = { operation: 'unknown' };
    metrics.inFlight++;
    let written: Written = { status: 0, bytes: 0 };
    const body = new HttpBody(request, onBodyWanted);
    try {
      written = await this.#serve(request, body, writer, id, entry);
    } catch (error) {
      if (!(error instanceof ClientGone)) log.error({ id, err: error }, 'answer failed');
      // Headers may be out already: a broken connection is the only honest end, never a short 200.
      response.destroy();
    } finally {
      if (!body.started && !request.complete) drain(request, response);
      metrics.inFlight--;
      const seconds = (performance.now() - startedMs) / 1000;
      metrics.count(entry.operation, written.status, seconds, written.bytes);
      if (log.isLevelEnabled('info')) {
        log.info(
          {
            id,
            method,
            ...entry,
            status: written.status,
            bytes: written.bytes,
            ms: Math.round(seconds * 1e6) / 1e3,
            at: clock.now(),
          },
          'request',
        );
      }
    }
  }

  async #serve(
    request: IncomingMessage,
    body: HttpBody,
    writer: ResponseWriter,
    id: string,
    entry: Entry,
  ): Promise<Written> {
    const target = request.url ?? '/';
    const { rawPath, rawQuery } = splitTarget(target);
    const host = request.headers.host;
    if (rawPath.startsWith('/-/') && bucketOfHost(host, this.parts.domain) === undefined) {
      return this.#internal(rawPath, writer, entry);
    }
    const service = serviceOf(request, rawPath);
    const peer = this.parts.peers.of(request);
    const signed = { method: request.method ?? 'GET', rawPath, rawQuery, headers: request.headers };
    if (service !== 's3') return this.#other(service, request, signed, body, writer, id, entry, peer);
    let fields: RequestFields = { method: signed.method, bucket: '', key: '', query: new Map(), headers: {} };
    const state: Open = {};
    try {
      const where = address(target, host, this.parts.domain);
      const { credentials, clock, region } = this.parts;
      const authenticated = authenticate(signed, { credentials, clock, region, service });
      entry.caller = authenticated.caller.arn || 'anonymous';
      const taken = takeCustomerKeys(request);
      fields = {
        method: signed.method,
        bucket: where.bucket,
        key: where.key,
        query: where.query,
        headers: request.headers as RequestFields['headers'],
        ...(taken.own ? { sseCustomer: taken.own } : {}),
        ...(taken.copySource ? { copySourceSseCustomer: taken.copySource } : {}),
      };
      if (fields.bucket !== '') entry.bucket = fields.bucket;
      const operation = this.parts.router.find(fields.method, fields);
      entry.operation = operation.name;
      return await this.#operate(
        operation,
        fields,
        authenticated,
        authenticated.wrapBody(body),
        peer,
        writer,
        id,
        state,
      );
    } catch (error) {
      if (error instanceof ClientGone || state.replying) throw error;
      const failure = this.#present(error, fields);
      entry.error = failure.code;
      if (failure.status >= 500) this.parts.log.error({ id, err: failure.cause ?? failure }, 'request failed');
      if (!request.complete) writer.closeAfter();
      return writer.error(failure, rawPath);
    } finally {
      fields.sseCustomer?.key?.dispose();
      fields.copySourceSseCustomer?.key?.dispose();
      await state.snapshot?.close();
    }
  }

  async #operate(
    operation: AnyOperation,
    fields: RequestFields,
    { caller, signature }: Authenticated,
    body: BodySource,
    peer: Peer,
    writer: ResponseWriter,
    requestId: string,
    state: Open,
  ): Promise<Written> {
    const { services } = this.parts;
    const facts = {} as Facts;
    if (operation.facts.includes('bucket')) {
      const bucket = await services.buckets.get(fields.bucket);
      // Whether a bucket exists is told to anyone who is somebody, as AWS does.
      if (!bucket) throw new S3Error('NoSuchBucket', { extra: { BucketName: fields.bucket } });
      requireExpectedOwner(fields, bucket.record.ownerAccountId);
      facts.bucket = bucket;
    }
    if (operation.facts.includes('snapshot')) {
      state.snapshot = services.blobs.snapshot();
      facts.snapshot = state.snapshot;
    }
    if (operation.facts.includes('object')) {
      const found = await services.objects.find(
        facts.bucket.record.bucketId,
        fields.key,
        fields.query.get('versionId') || undefined,
      );
      if (found) facts.object = found;
    }
    if (operation.body?.kind === 'xml') {
      const tree = await readXml(operation, fields, body);
      if (tree) fields.xml = tree;
    }
    const requestContext = new Map([
      ['aws:sourceip', [peer.ip]],
      ['aws:securetransport', [String(peer.secure)]],
    ]);
    const owner = facts.bucket?.record.ownerAccountId ?? caller.accountId;
    // Policy decides before the rest of the input is looked at, so `needs` gets what reads without failing.
    const input = { ...readInput(operation, fields), bucket: fields.bucket, key: fields.key };
    this.#authorizer.requireAll(operation.needs(input, facts), caller, owner, requestContext);
    if (operation.facts.includes('object') && !facts.object) {
      this.#authorizer.requireToKnow(caller, facts.bucket.record, requestContext);
    }
    const context: OperationContext = {
      caller,
      signature,
      requestId,
      fields,
      secure: peer.secure,
      loopback: peer.loopback,
      sourceIp: peer.ip,
      requestContext,
      facts,
      body,
      services,
      require: (permission, bucket) =>
        this.#authorizer.require(permission, caller, bucket.ownerAccountId, requestContext),
      allowed: (permission, bucket) =>
        this.#authorizer.allowed(permission, caller, bucket.ownerAccountId, requestContext),
    };
    const result = await operation.handle(input, context);
    const reply = operation.reply(result, input);
    state.replying = true;
    try {
      return await writer.reply(reply);
    } finally {
      await reply.stream?.close();
    }
  }

  /** KMS and STS: their bodies are small and part of what is signed. */
  async #other(
    service: Exclude<Service, 's3'>,
    request: IncomingMessage,
    signed: { method: string; rawPath: string; rawQuery: string; headers: IncomingMessage['headers'] },
    body: HttpBody,
    writer: ResponseWriter,
    id: string,
    entry: Entry,
    peer: Peer,
  ): Promise<Written> {
    const { credentials, clock, region, kms } = this.parts;
    const target = String(request.headers['x-amz-target'] ?? '');
    entry.operation = service === 'kms' ? 'KMS' : 'STS';
    let caller: Caller;
    try {
      const { bytes } = await readBody(body, KMS_JSON_BODY_MAX_BYTES);
      caller = authenticate(signed, { credentials, clock, region, service, body: bytes }).caller;
      entry.caller = caller.arn;
      if (service === 'sts') return sts(bytes, caller, writer, id, entry);
      if (!kms)
        return writer.json(400, {
          __type: 'UnsupportedOperationException',
          message: 'This Coffer uses a remote KMS: ask that one.',
        });
      const requestContext = new Map([
        ['aws:sourceip', [peer.ip]],
        ['aws:securetransport', [String(peer.secure)]],
      ]);
      const answer = await kms.dispatch(target, bytes, { caller, requestId: id, requestContext });
      if (answer.status === 200) entry.operation = target.replace('TrentService.', 'KMS.');
      else entry.error = String(answer.json.__type);
      return writer.json(answer.status, answer.json);
    } catch (error) {
      if (error instanceof AuthError) {
        entry.error = error.code;
        if (service === 'sts') return writer.plain(error.status, queryError(error.code, error.message, id), 'text/xml');
        return writer.json(error.status, { __type: error.code, message: error.message });
      }
      const tooLarge = error instanceof S3Error;
      if (!tooLarge) this.parts.log.error({ id, err: error }, 'request failed');
      entry.error = tooLarge ? error.code : 'KMSInternalException';
      if (!request.complete) writer.closeAfter();
      return writer.json(
        tooLarge ? 400 : 500,
        tooLarge
          ? { __type: 'RequestEntityTooLargeException', message: error.message }
          : { __type: 'KMSInternalException', message: 'The request failed for an internal reason.' },
      );
    }
  }

  #internal(rawPath: string, writer: ResponseWriter, entry: Entry): Written {
    entry.operation = 'internal';
    if (rawPath === '/-/health') return writer.plain(200, 'ok\n');
    if (rawPath === '/-/ready') {
      const reason = this.parts.notReady();
      return reason === undefined ? writer.plain(200, 'ready\n') : writer.plain(503, `${reason}\n`);
    }
    if (rawPath === '/-/metrics') return writer.plain(200, this.parts.metrics.render(), 'text/plain; version=0.0.4');
    return writer.plain(404, 'not found\n');
  }

  #present(error: unknown, fields: RequestFields): S3Error {
    if (!(error instanceof AuthError)) return asS3Error(error, fields);
    const code = error.code in ERRORS ? (error.code as S3ErrorCode) : 'AccessDenied';
    return new S3Error(code, { status: error.status, message: error.message, extra: { ...error.extra } });
  }
}

interface Open {
  snapshot?: BlobSnapshot;
  /** From here on an error can't be answered any more. */
  replying?: boolean;
}

function serviceOf(request: IncomingMessage, rawPath: string): Service {
  const target = request.headers['x-amz-target'];
  if (request.method === 'POST' && typeof target === 'string' && target.startsWith('TrentService.')) return 'kms';
  const form = String(request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
  return request.method === 'POST' && rawPath === '/' && form ? 'sts' : 's3';
}

function sts(body: Buffer, caller: Caller, writer: ResponseWriter, id: string, entry: Entry): Written {
  const action = new URLSearchParams(body.toString('utf8')).get('Action');
  if (action !== 'GetCallerIdentity') {
    entry.error = 'InvalidAction';
    return writer.plain(
      400,
      queryError('InvalidAction', `Could not find operation ${action} for version 2011-06-15`, id),
      'text/xml',
    );
  }
  entry.operation = 'STS.GetCallerIdentity';
  return writer.plain(200, getCallerIdentity(caller, id), 'text/xml');
}

function requireExpectedOwner(fields: RequestFields, owner: string): void {
  const expected = fields.headers['x-amz-expected-bucket-owner'];
  if (expected === undefined) return;
  if (!/^\d{12}$/.test(expected)) {
    throw new S3Error('InvalidBucketOwnerAWSAccountID', {
      message: 'The value of the expected bucket owner parameter must be an AWS account ID',
    });
  }
  if (expected !== owner) throw new S3Error('AccessDenied');
}

// biome-ignore lint/suspicious/noExplicitAny: the input belongs to the operation
function readInput(operation: AnyOperation, fields: RequestFields): any {
  const input: Record<string, unknown> = {};
  for (const name in operation.input) input[name] = operation.input[name]!.read(fields);
  return input;
}

async function readXml(operation: AnyOperation, fields: RequestFields, body: BodySource) {
  if (operation.body?.kind !== 'xml') return undefined;
  const { root, required, maxBytes, integrity } = operation.body;
  const { bytes, end } = await readBody(body, maxBytes ?? XML_BODY_MAX_BYTES);
  if (integrity !== 'none') {
    const { headers } = fields;
    if (integrity === 'required' && bytes.length > 0 && headers['content-md5'] === undefined && !hasChecksum(headers)) {
      throw new S3Error('InvalidRequest', { message: 'Missing required header for this request: Content-MD5' });
    }
    const checksums = await uploadChecksums(headers, { md5: false });
    checksums.update(bytes);
    checksums.verify(end.trailers);
  }
  if (bytes.length === 0) {
    if (required) throw new S3Error('MissingRequestBodyError');
    return undefined;
  }
  try {
    const tree = parseXml(bytes);
    if (tree.name !== root) throw new S3Error('MalformedXML');
    return tree;
  } catch (error) {
    if (error instanceof XmlError) throw new S3Error('MalformedXML', { cause: error });
    throw error;
  }
}

function hasChecksum(headers: RequestFields['headers']): boolean {
  if (headers['x-amz-trailer'] !== undefined) return true;
  for (const name in headers) {
    if (name.startsWith('x-amz-checksum-') && name !== 'x-amz-checksum-type' && name !== 'x-amz-checksum-algorithm')
      return true;
  }
  return false;
}

/** A refused upload: the rest is thrown away for a moment, so that the client gets to read the answer, then the connection ends. */
function drain(request: IncomingMessage, response: ServerResponse): void {
  if (
    request.headers['content-length'] === '0' ||
    (!request.headers['content-length'] && !request.headers['transfer-encoding'])
  )
    return;
  let left = DRAIN_BYTES;
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left <= 0) request.destroy();
  });
  request.on('error', () => {});
  request.resume();
  response.once('finish', () => setTimeout(() => request.destroy(), DRAIN_MS).unref());
}

const DRAIN_BYTES = 1024 * 1024;
const DRAIN_MS = 2_000;
