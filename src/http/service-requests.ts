import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { type AuthOptions, authenticate, requirePlausible } from '../auth/authenticate.js';
import { AuthError } from '../auth/error.js';
import type { Caller, CredentialSource, Service } from '../auth/ports.js';
import { BudgetExhausted, type ClientBudget } from '../base/client-budget.js';
import type { Clock } from '../base/clock.js';
import { KMS_JSON_BODY_MAX_BYTES } from '../base/limits.js';
import { type CloudHsm, HSM_TARGET, noHsms } from '../cloudhsm/cloudhsm.js';
import { getCallerIdentity, queryError } from '../iam/sts.js';
import type { AuthFailures } from '../kms/audit/auth-failures.js';
import { UNAVAILABLE as KMS_UNAVAILABLE } from '../kms/errors.js';
import type { Kms } from '../kms/kms.js';
import { S3Error } from '../s3/error.js';
import { StoreReadOnly, StoreUnavailable } from '../store/errors.js';
import { type Exchange, requestContextOf } from './exchange.js';
import { answer, bodyReader, targetOf } from './rpc.js';
import { withSmallBody } from './small-body.js';
import type { Written } from './writer.js';

export interface ServiceParts {
  /** By region. Absent where a remote KMS is used: this process then answers no KMS requests. */
  kms: ReadonlyMap<string, Kms> | undefined;
  /** Absent where `COFFER_HSM_FILE` isn't set. */
  cloudhsm: CloudHsm | undefined;
  credentials: CredentialSource;
  clock: Clock;
  region: string;
  /** What else is served. */
  regions: readonly string[];
  log: Logger;
  /** Of bodies. */
  budget: ClientBudget;
  /** Counts and samples for the audit. */
  authFailures?: Pick<AuthFailures, 'note'> | undefined;
}

const TARGET = 'TrentService.';
const FORM = 'application/x-www-form-urlencoded';

/** Whom a request is for: KMS and CloudHSM by their target (AWS JSON or CBOR protocol), STS by a form (query protocol), else S3. */
export function serviceOf({ method, headers }: IncomingMessage, rawPath: string): Service {
  if (method !== 'POST') return 's3';
  const target = targetOf({ headers }, rawPath);
  if (target?.startsWith(TARGET)) return 'kms';
  if (target?.startsWith(HSM_TARGET)) return 'cloudhsm';
  return rawPath === '/' && headers['content-type']?.startsWith(FORM) ? 'sts' : 's3';
}

/**
 * A browser's question before a request to such a service, which nobody signs. All of them are asked by POST at `/`, where S3 has
 * nothing that is: a bucket's own preflight names its bucket.
 */
export function isServicePreflight({ method, headers }: IncomingMessage, rawPath: string): boolean {
  return method === 'OPTIONS' && rawPath === '/' && headers['access-control-request-method'] === 'POST';
}

/** Whoever can sign may ask, from any page, as with AWS: no cookie or other thing of a browser's opens anything. */
export function servicePreflight({ request, writer, entry }: Exchange): Written {
  entry.operation = 'Preflight';
  const wanted = request.headers['access-control-request-headers'];
  return writer.empty(200, {
    ...ACROSS_ORIGINS,
    'access-control-allow-methods': 'POST',
    ...(wanted !== undefined && { 'access-control-allow-headers': wanted }),
    'access-control-max-age': PREFLIGHT_SECONDS,
  });
}

const ACROSS_ORIGINS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date',
};
const PREFLIGHT_SECONDS = '172800';

/**
 * Answers KMS, CloudHSM and STS. Their bodies are small, and part of what is signed: they are read before the signature is checked, but not
 * before everything else that tells a stranger.
 */
export class ServiceRequests {
  constructor(private readonly parts: ServiceParts) {}

  async serve(exchange: Exchange, service: Exclude<Service, 's3'>): Promise<Written> {
    exchange.entry.operation = service.toUpperCase();
    if (exchange.request.headers.origin !== undefined) exchange.writer.always = ACROSS_ORIGINS;
    try {
      requirePlausible(exchange.signed, this.#authOptions(service));
      return await withSmallBody(exchange.body, KMS_JSON_BODY_MAX_BYTES, this.parts.budget, async ({ bytes }) => {
        const { caller, signature } = authenticate(exchange.signed, { ...this.#authOptions(service), body: bytes });
        exchange.entry.caller = caller.arn;
        if (service === 'kms') return await this.#kms(exchange, caller, signature.region, bytes);
        if (service === 'cloudhsm') return await this.#cloudhsm(exchange, caller, bytes);
        return sts(exchange, caller, bytes);
      });
    } catch (error) {
      if (exchange.writer.begun) throw error;
      return this.#refuse(exchange, service, error);
    }
  }

  #authOptions(service: Service): AuthOptions {
    const { credentials, clock, region, regions } = this.parts;
    // Clusters are in the one region alone: a request that is signed for another must not find these.
    return { credentials, clock, region, regions: service === 'cloudhsm' ? undefined : regions, service };
  }

  async #kms(exchange: Exchange, caller: Caller, region: string, body: Buffer): Promise<Written> {
    const { clock } = this.parts;
    const kms = this.parts.kms?.get(region);
    const { id, request, entry, writer } = exchange;
    if (!kms) {
      entry.error = 'UnsupportedOperationException';
      return writer.json(400, {
        __type: entry.error,
        message: 'This Coffer uses a remote KMS: send the request there.',
      });
    }
    // It speaks JSON alone, as its model says: a request in CBOR names no action of it.
    const target = String(request.headers['x-amz-target']);
    const who = { caller, requestId: id, requestContext: requestContextOf(exchange, clock) };
    const answered = await kms.dispatch(target, body, who);
    const refused = answered.json.__type;
    // Names that no action has stay out of log and metrics: a client chooses them.
    if (refused !== 'UnknownOperationException') entry.operation = `KMS.${target.slice(TARGET.length)}`;
    if (answered.status !== 200) entry.error = String(refused);
    return answer(exchange, answered.status, answered.json);
  }

  async #cloudhsm(exchange: Exchange, caller: Caller, body: Buffer): Promise<Written> {
    const { cloudhsm, clock } = this.parts;
    const { id, request, entry } = exchange;
    const target = targetOf(request, exchange.signed.rawPath)!;
    const who = { caller, requestId: id, requestContext: requestContextOf(exchange, clock) };
    const answered = cloudhsm ? await cloudhsm.dispatch(target, bodyReader(exchange)(body), who) : await noHsms();
    const refused = answered.json.__type;
    if (cloudhsm && refused !== 'UnknownOperationException') {
      entry.operation = `CloudHSM.${target.slice(HSM_TARGET.length)}`;
    }
    if (answered.status !== 200) entry.error = String(refused);
    return answer(exchange, answered.status, answered.json);
  }

  #refuse(exchange: Exchange, service: Exclude<Service, 's3'>, error: unknown): Written {
    const { id, entry, writer, peer } = exchange;
    const { code, status, message } = this.#explain(id, service, error);
    if (error instanceof AuthError) this.parts.authFailures?.note({ service, code, requestId: id, sourceIp: peer.ip });
    entry.error = code;
    if (service !== 'sts') return answer(exchange, status, { __type: code, message });
    return writer.queryXml(status, queryError(code, message, id, status >= 500 ? 'Receiver' : 'Sender'));
  }

  #explain(id: string, service: Exclude<Service, 's3'>, error: unknown) {
    if (error instanceof AuthError) return error;
    if (error instanceof S3Error && error.status < 500) {
      // Of the body's transport: too large, ended early, stalled.
      return { code: 'ValidationError', status: error.status, message: error.message };
    }
    if (error instanceof BudgetExhausted) {
      return { code: service === 'kms' ? 'ThrottlingException' : 'Throttling', status: 400, message: 'Rate exceeded' };
    }
    if (error instanceof StoreUnavailable) {
      const message = isReadOnly(error) ? READ_ONLY : NOT_AVAILABLE;
      this.parts.log.warn({ id, err: error }, `a request was refused: ${message}`);
      return { code: UNAVAILABLE[service], status: 503, message };
    }
    this.parts.log.error({ id, err: error }, 'request failed');
    const code = INTERNAL[service];
    return { code, status: 500, message: 'The request failed for an internal reason.' };
  }
}

/** Of a store that takes no writes, or of the audit log, which can't be written for that reason. */
const isReadOnly = (error: Error): boolean =>
  error instanceof StoreReadOnly || (error.cause instanceof Error && isReadOnly(error.cause));
const READ_ONLY =
  'The store is read-only: too little room is left on its disk. Reads and deletions are served; try the rest again later.';
const NOT_AVAILABLE = 'The store is not available just now. Try again later.';

/** Errors that clients try again by themselves. */
const UNAVAILABLE = {
  kms: KMS_UNAVAILABLE,
  cloudhsm: 'CloudHsmInternalFailureException',
  sts: 'ServiceUnavailable',
} as const;

const INTERNAL = {
  kms: 'KMSInternalException',
  cloudhsm: 'CloudHsmInternalFailureException',
  sts: 'InternalFailure',
} as const;

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
function sts({ id, entry, writer }: Exchange, caller: Caller, body: Buffer): Written {
  const action = new URLSearchParams(body.toString('utf8')).get('Action');
  if (action === 'GetCallerIdentity') {
    entry.operation = 'STS.GetCallerIdentity';
    return writer.queryXml(200, getCallerIdentity(caller, id));
  }
  entry.error = 'InvalidAction';
  const message = `Could not find operation ${action} for version 2011-06-15`;
  return writer.queryXml(400, queryError('InvalidAction', message, id));
}
