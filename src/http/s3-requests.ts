import type { Logger } from 'pino';
import { type Authenticated, type AuthOptions, authenticate } from '../auth/authenticate.js';
import { AuthError } from '../auth/error.js';
import type { CredentialSource } from '../auth/ports.js';
import { BudgetExhausted } from '../base/client-budget.js';
import type { AuthFailures } from '../kms/audit/auth-failures.js';
import { S3Error, type S3ErrorCode } from '../s3/error.js';
import { ERRORS } from '../s3/errors.js';
import { asS3Error } from '../s3/failures.js';
import type { Reply, RequestFields } from '../s3/operation.js';
import type { Services } from '../s3/services.js';
import { type Address, address } from './addressing.js';
import { headersAcrossOrigins, preflight } from './cors.js';
import { takeCustomerKeys } from './customer-keys.js';
import { type Exchange, requestContextOf } from './exchange.js';
import { FormReader } from './forms/form-reader.js';
import { isForm, openForm, requireFormHead } from './forms/forms.js';
import { hoist, refuseBesideForm, refuseKeysInQuery } from './hoisted.js';
import { type Asked, type Loaded, noSuchBucket, type Operator, requireExpectedOwner } from './operator.js';
import type { AnyOperation, Router } from './router.js';
import { ClientGone, type Written } from './writer.js';

export interface S3Parts {
  services: Services;
  operator: Operator;
  credentials: CredentialSource;
  sigV2: 'deny' | 'allow';
  domain: string | undefined;
  router: Router;
  log: Logger;
  /** Counts and samples for the audit. */
  authFailures?: Pick<AuthFailures, 'note'> | undefined;
}

/** What is released when a request is done, however it ends. */
interface Held extends Loaded {
  fields?: RequestFields;
  form?: FormReader;
}

/** Answers the requests of S3: authentication, route, facts, input, policy, handle, reply. */
export class S3Requests {
  readonly #operator: Operator;

  constructor(private readonly parts: S3Parts) {
    this.#operator = parts.operator;
  }

  /** @throws what can't be answered any more, since the answer has begun */
  async serve(exchange: Exchange): Promise<Written> {
    const { writer, entry } = exchange;
    const held: Held = {};
    try {
      return await this.#serve(exchange, held);
    } catch (error) {
      if (error instanceof ClientGone || writer.begun) throw error;
      held.form?.close(error);
      const failure = present(error, held.fields ?? { bucket: '', key: '' });
      entry.error = failure.code;
      if (error instanceof AuthError) {
        const { id: requestId, peer } = exchange;
        this.parts.authFailures?.note({ service: 's3', code: failure.code, requestId, sourceIp: peer.ip });
      }
      // Whoever is told to slow down could fill the log by not doing so.
      if (failure.status >= 500 && failure.status !== 501 && !(failure.cause instanceof BudgetExhausted)) {
        this.parts.log.error({ id: exchange.id, err: failure.cause ?? failure }, 'request failed');
      }
      return writer.error(failure);
    } finally {
      for (const sent of [held.fields?.sseCustomer, held.fields?.copySourceSseCustomer]) {
        sent?.key?.dispose();
        for (const key of sent?.opened ?? []) key.dispose();
      }
    }
  }

  async #serve(exchange: Exchange, held: Held): Promise<Written> {
    const { request, signed, entry } = exchange;
    const { domain } = this.parts;
    let authenticated: Authenticated;
    let keys: ReturnType<typeof takeCustomerKeys>;
    const where = address(signed, request.headers.host, domain);
    if (where.bucket !== '') entry.bucket = where.bucket;
    const sent = request.headers as RequestFields['headers'];
    if (sent.origin !== undefined || signed.method === 'OPTIONS') {
      const reply = await this.#acrossOrigins(exchange, where, sent, held);
      if (reply) return await exchange.writer.reply(reply);
    }
    if (isForm(signed.method, where)) return await this.#serveForm(exchange, where, held);
    try {
      refuseKeysInQuery(where.query);
      authenticated = this.#authenticate(exchange);
    } finally {
      // They may be signed; from here on nobody finds them in the request.
      keys = takeCustomerKeys(request);
    }
    entry.caller = authenticated.caller.arn || 'anonymous';
    const fields: RequestFields = {
      method: signed.method,
      bucket: where.bucket,
      key: where.key,
      query: where.query,
      headers: sent,
    };
    if (signed.virtualBucket !== undefined) fields.virtualHost = true;
    if (keys.own) fields.sseCustomer = keys.own;
    if (keys.copySource) fields.copySourceSseCustomer = keys.copySource;
    held.fields = fields;
    hoist(fields, signed.rawQuery, authenticated.signature);
    const operation = await this.#route(fields, held);
    entry.operation = operation.name;
    return await this.#operate(operation, fields, authenticated, exchange, held);
  }

  /** That a bucket isn't there is told before what can't be done with it. */
  async #route(fields: RequestFields, held: Held): Promise<AnyOperation> {
    try {
      return this.parts.router.find(fields.method, fields);
    } catch (error) {
      const { bucket } = fields;
      if (bucket === '' || !(error instanceof S3Error) || error.code !== 'NotImplemented') throw error;
      if (error.extra.Header === 'x-amz-request-route') throw error;
      const found = held.bucket ?? (await this.parts.services.buckets.get(bucket));
      if (!found) throw noSuchBucket(bucket);
      requireExpectedOwner(fields.headers, found.record.ownerAccountId);
      throw error;
    }
  }

  /** CORS: the reply to a preflight; for any other request, what its answer carries. Browsers alone cost this. */
  async #acrossOrigins(
    { signed, writer, entry }: Exchange,
    where: Address,
    headers: RequestFields['headers'],
    held: Held,
  ): Promise<Reply | undefined> {
    const { services } = this.parts;
    if (where.bucket !== '') held.bucket = await services.buckets.get(where.bucket);
    if (signed.method === 'OPTIONS') {
      entry.operation = 'Preflight';
      return preflight(services, held.bucket, headers, where);
    }
    writer.always = await headersAcrossOrigins(services, held.bucket, signed.method, headers);
    return undefined;
  }

  #authenticate({ signed }: Exchange): Authenticated {
    return authenticate(signed, this.#authOptions());
  }

  #authOptions(): AuthOptions {
    const { credentials, services, sigV2 } = this.parts;
    const { clock, region } = services;
    return { credentials, clock, region, service: 's3', sigV2 };
  }

  /** A browser form: who asks, and what for, stands in its body. What the head tells against it is told before that is read. */
  async #serveForm(exchange: Exchange, where: Address, held: Held): Promise<Written> {
    const { request, body, entry } = exchange;
    const { router, services } = this.parts;
    const keys = takeCustomerKeys(request);
    keys.own?.key?.dispose();
    keys.copySource?.key?.dispose();
    const headers = request.headers as RequestFields['headers'];
    const operation = router.find('POST', { ...where, headers });
    entry.operation = operation.name;
    requireFormHead(exchange);
    refuseBesideForm(headers, where.query, keys.own !== undefined || keys.copySource !== undefined);
    const bucket = held.bucket ?? (await services.buckets.get(where.bucket));
    if (!bucket) throw noSuchBucket(where.bucket);
    requireExpectedOwner(headers, bucket.record.ownerAccountId);
    // The fields take as long as the client likes: what rules over the bucket is read again after them.
    delete held.bucket;
    held.form = new FormReader(request.headers['content-type']!, body);
    const { fields, authenticated } = await openForm(exchange, held.form, where, this.#authOptions());
    held.fields = fields;
    entry.caller = authenticated.caller.arn || 'anonymous';
    return await this.#operate(operation, fields, authenticated, exchange, held);
  }

  async #operate(
    operation: AnyOperation,
    fields: RequestFields,
    authenticated: Authenticated,
    exchange: Exchange,
    held: Held,
  ): Promise<Written> {
    const { caller, signature } = authenticated;
    const { id: requestId, peer, request } = exchange;
    const requestContext = requestContextOf(exchange, this.parts.services.clock);
    const asked: Asked = { fields, caller, signature, requestId, peer, requestContext, socket: request.socket };
    const reply = await this.#operator.run(operation, asked, authenticated.wrapBody(exchange.body), held);
    try {
      return await exchange.writer.reply(reply);
    } finally {
      await reply.stream?.close();
    }
  }
}

function present(error: unknown, fields: Pick<RequestFields, 'bucket' | 'key'>): S3Error {
  if (!(error instanceof AuthError)) return asS3Error(error, fields);
  const code = error.code in ERRORS ? (error.code as S3ErrorCode) : 'AccessDenied';
  return new S3Error(code, { status: error.status, message: error.message, extra: { ...error.extra } });
}
