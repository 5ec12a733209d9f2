import type { Logger } from 'pino';
import { type Authenticated, type AuthOptions, authenticate } from '../auth/authenticate.js';
import { AuthError } from '../auth/error.js';
import type { CredentialSource } from '../auth/ports.js';
import type { BodySource } from '../base/stream.js';
import type { AuthFailures } from '../kms/audit/auth-failures.js';
import { KnownPolicies } from '../s3/bucket-policy/known-policies.js';
import { S3Error, type S3ErrorCode } from '../s3/error.js';
import { ERRORS } from '../s3/errors.js';
import { asS3Error } from '../s3/failures.js';
import { isBucketName } from '../s3/fields/bucket-name.js';
import type { Facts, OperationContext, Reply, RequestFields } from '../s3/operation.js';
import type { Services } from '../s3/services.js';
import type { BlobSnapshot } from '../store/ports.js';
import type { BucketRecord } from '../store/records.js';
import type { Stored } from '../store/table.js';
import { type Address, address } from './addressing.js';
import { Authorizer } from './authorizer.js';
import { headersAcrossOrigins, preflight } from './cors.js';
import { takeCustomerKeys } from './customer-keys.js';
import { type Exchange, requestContextOf } from './exchange.js';
import { FormReader } from './forms/form-reader.js';
import { isForm, openForm, requireFormHead } from './forms/forms.js';
import { withHoisted } from './hoisted.js';
import type { AnyOperation, Router } from './router.js';
import { ClientGone, type Written } from './writer.js';
import { readTextBody, readXmlBody } from './xml-body.js';

export interface S3Parts {
  services: Services;
  credentials: CredentialSource;
  sigV2: 'deny' | 'allow';
  domain: string | undefined;
  router: Router;
  log: Logger;
  /** Counts and samples for the audit. */
  authFailures?: Pick<AuthFailures, 'note'> | undefined;
}

/** What is released when a request is done, however it ends. */
interface Held {
  fields?: RequestFields;
  snapshot?: BlobSnapshot;
  /** Where it was read before the request was authenticated. */
  bucket?: Stored<BucketRecord> | undefined;
  form?: FormReader;
}

/** Answers the requests of S3: authentication, route, facts, input, policy, handle, reply. */
export class S3Requests {
  readonly #policies: KnownPolicies;

  constructor(private readonly parts: S3Parts) {
    this.#policies = new KnownPolicies(parts.services.bucketPolicies);
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
      if (failure.status >= 500 && failure.status !== 501) {
        this.parts.log.error({ id: exchange.id, err: failure.cause ?? failure }, 'request failed');
      }
      return writer.error(failure);
    } finally {
      held.fields?.sseCustomer?.key?.dispose();
      held.fields?.copySourceSseCustomer?.key?.dispose();
      await held.snapshot?.close();
    }
  }

  async #serve(exchange: Exchange, held: Held): Promise<Written> {
    const { request, signed, entry } = exchange;
    const { domain, router } = this.parts;
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
      authenticated = this.#authenticate(exchange);
    } finally {
      // They may be signed; from here on nobody finds them in the request.
      keys = takeCustomerKeys(request);
    }
    entry.caller = authenticated.caller.arn || 'anonymous';
    const presigned = authenticated.signature.type === 'REST-QUERY-STRING';
    const fields: RequestFields = {
      method: signed.method,
      bucket: where.bucket,
      key: where.key,
      query: where.query,
      headers: presigned ? withHoisted(sent, where.query) : sent,
    };
    if (keys.own) fields.sseCustomer = keys.own;
    if (keys.copySource) fields.copySourceSseCustomer = keys.copySource;
    held.fields = fields;
    const operation = router.find(fields.method, fields);
    entry.operation = operation.name;
    return await this.#operate(operation, fields, authenticated, exchange, held);
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
    const { services } = this.parts;
    const { caller, signature } = authenticated;
    const requestContext = requestContextOf(exchange, services.clock);
    const source = { fields, signature, requestContext, socket: exchange.request.socket };
    const authorizer = new Authorizer(services.buckets, this.#policies, services.configs, caller, source);
    const facts = await this.#facts(operation, fields, held, authorizer);
    const body = authenticated.wrapBody(exchange.body);
    await readControlBody(operation, fields, body);
    const input = readInput(operation, fields);
    const bucket = facts.bucket?.record;
    const looked = operation.facts.includes('object');
    authorizer.requireAll(
      operation.needs(input, facts),
      bucket,
      looked ? (facts.object?.record ?? 'absent') : undefined,
    );
    if (looked && !facts.object?.record.content) authorizer.requireToKnow(bucket);
    readLateInput(operation, fields, input);
    const context = this.#context(
      operation.name,
      fields,
      authenticated,
      exchange,
      body,
      facts,
      requestContext,
      authorizer,
    );
    const reply = operation.reply(await operation.handle(input, context), input);
    try {
      return await exchange.writer.reply(reply);
    } finally {
      await reply.stream?.close();
    }
  }

  async #facts(operation: AnyOperation, fields: RequestFields, held: Held, authorizer: Authorizer): Promise<Facts> {
    const { services } = this.parts;
    const facts = {} as Facts;
    if (operation.facts.includes('bucket')) {
      const bucket = await authorizer.enter(fields.bucket, held.bucket);
      // Whether a bucket exists is told before policy is asked, as AWS does.
      if (!bucket) throw noSuchBucket(fields.bucket);
      requireExpectedOwner(fields.headers, bucket.record.ownerAccountId);
      facts.bucket = bucket;
    }
    if (operation.facts.includes('snapshot')) {
      held.snapshot = services.blobs.snapshot();
      facts.snapshot = held.snapshot;
    }
    if (operation.facts.includes('object')) {
      const versionId = fields.query.get('versionId') || undefined;
      const found = await services.objects.find(facts.bucket.record.bucketId, fields.key, versionId);
      if (found) facts.object = found;
    }
    return facts;
  }

  #context(
    operationName: string,
    fields: RequestFields,
    { caller, signature }: Authenticated,
    { id, peer }: Exchange,
    body: BodySource,
    facts: Facts,
    requestContext: OperationContext['requestContext'],
    authorizer: Authorizer,
  ): OperationContext {
    return {
      operationName,
      caller,
      signature,
      requestId: id,
      fields,
      secure: peer.secure,
      loopback: peer.loopback,
      sourceIp: peer.ip,
      requestContext,
      facts,
      body,
      services: this.parts.services,
      require: (permission, bucket, object) => authorizer.require(permission, bucket, object),
      allowed: (permission, bucket, object) => authorizer.allowed(permission, bucket, object),
      enter: (bucket) => authorizer.enter(bucket),
      policyOf: (bucket) => authorizer.policyOf(bucket),
    };
  }
}

function present(error: unknown, fields: Pick<RequestFields, 'bucket' | 'key'>): S3Error {
  if (!(error instanceof AuthError)) return asS3Error(error, fields);
  const code = error.code in ERRORS ? (error.code as S3ErrorCode) : 'AccessDenied';
  return new S3Error(code, { status: error.status, message: error.message, extra: { ...error.extra } });
}

const noSuchBucket = (name: string): S3Error =>
  new S3Error(isBucketName(name) ? 'NoSuchBucket' : 'InvalidBucketName', { extra: { BucketName: name } });

const ACCOUNT_ID = /^\d{12}$/;

function requireExpectedOwner(headers: RequestFields['headers'], owner: string): void {
  const expected = headers['x-amz-expected-bucket-owner'];
  if (expected === undefined) return;
  if (!ACCOUNT_ID.test(expected)) {
    throw new S3Error('InvalidBucketOwnerAWSAccountID', {
      message: `${ERRORS.InvalidBucketOwnerAWSAccountID.message}... [${expected}]`,
    });
  }
  if (expected !== owner) throw new S3Error('AccessDenied');
}

// biome-ignore lint/suspicious/noExplicitAny: the input belongs to the operation
function readInput({ input: declared }: AnyOperation, fields: RequestFields): any {
  const input: Record<string, unknown> = { bucket: fields.bucket, key: fields.key };
  for (const name in declared) {
    const field = declared[name]!;
    if (!field.late) input[name] = field.read(fields);
  }
  return input;
}

/** What is read only for those who may. */
function readLateInput({ input: declared }: AnyOperation, fields: RequestFields, input: Record<string, unknown>): void {
  for (const name in declared) {
    const field = declared[name]!;
    if (field.late) input[name] = field.read(fields);
  }
}

async function readControlBody(
  { body: declared }: AnyOperation,
  fields: RequestFields,
  body: BodySource,
): Promise<void> {
  if (declared?.kind === 'xml') {
    const tree = await readXmlBody(declared, fields.headers, body);
    if (tree) fields.xml = tree;
  } else if (declared?.kind === 'text') {
    fields.text = await readTextBody(declared, fields.headers, body);
  }
}
