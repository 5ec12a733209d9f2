import type { Caller, SignatureFacts } from '../auth/ports.js';
import type { Clock } from '../base/clock.js';
import { requestId } from '../base/ids.js';
import type { BodySource } from '../base/stream.js';
import type { XmlNode } from '../base/xml/ports.js';
import {
  type Target,
  TargetRefused,
  type TargetReply,
  type TargetRequest,
  TargetUnreachable,
} from '../jobs/replication/target.js';
import type { ConditionValues } from '../policy/ports.js';
import { asS3Error } from '../s3/failures.js';
import type { RequestFields } from '../s3/operation.js';
import type { RoleAccess } from '../s3/replication/source.js';
import type { Operator } from './operator.js';
import type { Router } from './router.js';

/** Nothing crosses a network: as safe as TLS, and as near as can be. */
const PEER = { ip: '', secure: true, loopback: true };

/**
 * Requests that Coffer sends itself, as somebody whom it acts for: they pass everything that a request over HTTP passes but the
 * signature.
 */
export class InProcess {
  readonly #requestContext: ConditionValues;
  readonly #signature: SignatureFacts;

  constructor(
    private readonly operator: Operator,
    private readonly router: Router,
    private readonly clock: Clock,
    region: string,
  ) {
    this.#signature = { type: 'REST-HEADER', version: 'AWS4-HMAC-SHA256', ageMs: 0, region };
    this.#requestContext = { get: (key) => this.#valuesOf(key) };
  }

  as(caller: Caller): Target {
    return { region: this.#signature.region, send: (request) => this.#send(caller, request) };
  }

  /** What the caller may do, asked without a request. */
  access(caller: Caller): RoleAccess {
    const fields: RequestFields = { method: 'GET', bucket: '', key: '', query: new Map(), headers: {} };
    const authorizer = this.operator.authorizer('Replication', { fields, caller, ...this.#circumstances() });
    return {
      enter: (bucket) => authorizer.enter(bucket),
      require: (permission, bucket, object) => authorizer.require(permission, bucket, object),
      allowed: (permission, bucket, object) => authorizer.allowed(permission, bucket, object),
      requestContext: this.#requestContext,
    };
  }

  async #send(
    caller: Caller,
    { method, bucket, key, query = [], headers = {}, body }: TargetRequest,
  ): Promise<TargetReply> {
    const source = sourceOf(body);
    const length = source.length === undefined ? {} : { 'content-length': String(source.length) };
    const fields: RequestFields = { method, bucket, key, query: new Map(query), headers: { ...headers, ...length } };
    try {
      const operation = this.router.find(method, fields);
      const asked = { fields, caller, requestId: requestId(), peer: PEER, ...this.#circumstances() };
      const reply = await this.operator.run(operation, asked, source, {});
      await reply.stream?.close();
      const nodes: readonly XmlNode[] = reply.xml?.[1] ?? [];
      return { headers: reply.headers ?? {}, element: (name) => find(nodes, name) };
    } catch (error) {
      throw refusal(error, fields);
    }
  }

  #circumstances() {
    return { signature: this.#signature, requestContext: this.#requestContext, socket: undefined };
  }

  #valuesOf(key: string): readonly string[] | undefined {
    const nowMs = this.clock.now();
    if (key === 'aws:securetransport') return ['true'];
    if (key === 'aws:currenttime') return [new Date(nowMs).toISOString()];
    return key === 'aws:epochtime' ? [String(Math.floor(nowMs / 1000))] : undefined;
  }
}

function sourceOf(body: TargetRequest['body']): BodySource {
  const trailers = new Map<string, string>();
  if (body === undefined || typeof body === 'string') {
    const bytes = Buffer.from(body ?? '', 'utf8');
    return {
      length: bytes.length,
      async pump(sink) {
        if (bytes.length > 0) await sink(bytes);
        return { trailers };
      },
    };
  }
  return {
    length: body.length,
    async pump(sink) {
      await body.pump(async (chunk) => {
        try {
          await sink(chunk);
        } catch (error) {
          throw new SinkFailed(error);
        }
      });
      return { trailers };
    },
  };
}

/** The taking side failed, not the body. */
class SinkFailed extends Error {
  override name = 'SinkFailed';
  constructor(override readonly cause: unknown) {
    super('the body was not taken');
  }
}

/** As an answer over HTTP would say it; what a body's own source threw stays what it is. */
function refusal(thrown: unknown, fields: RequestFields): unknown {
  const error = thrown instanceof SinkFailed ? thrown.cause : thrown;
  const { code, status, message, cause } = asS3Error(error, fields);
  if (status < 500 || status === 501) return new TargetRefused(code, status, message);
  // A damaged record of the source among them: only what the store itself can't do just now is the destination's fault.
  return code === 'InternalError' ? (cause ?? error) : new TargetUnreachable(`${code}: ${message}`);
}

function find(nodes: readonly XmlNode[], name: string): string | undefined {
  for (const [found, value] of nodes) {
    if (Array.isArray(value)) {
      const inner = find(value as readonly XmlNode[], name);
      if (inner !== undefined) return inner;
    } else if (found === name && value !== undefined && value !== null) return String(value);
  }
  return undefined;
}
