import type { BodyProducer } from '../../base/stream.js';

/** One request of S3, to another endpoint or to this very Coffer. */
export interface TargetRequest {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  bucket: string;
  /** Empty on the bucket level. */
  key: string;
  query?: readonly (readonly [name: string, value: string])[];
  /** Lower-case names. */
  headers?: Readonly<Record<string, string | undefined>>;
  /** A producer is pumped once; text is a document of XML. */
  body?: BodyProducer | string;
}

export interface TargetReply {
  headers: Readonly<Record<string, string | undefined>>;
  /** Text of the first element of this name in the answer's document. */
  element(name: string): string | undefined;
}

/** Where replicas go: HTTP and this process itself are the two implementations. */
export interface Target {
  /** Where its buckets and the keys for them are. */
  readonly region: string;
  /** Resolves for statuses below 300. @throws TargetRefused, TargetUnreachable */
  send(request: TargetRequest): Promise<TargetReply>;
}

/** The destination answered with an error. */
export class TargetRefused extends Error {
  override name = 'TargetRefused';
  constructor(
    /** As S3 names it; empty where the answer names none (HEAD). */
    readonly code: string,
    readonly status: number,
    message: string,
  ) {
    super(message);
  }

  /** Worth trying again with nothing changed. */
  get isTransient(): boolean {
    return this.status >= 500 ? this.status !== 501 : this.status === 429 || TRANSIENT.has(this.code);
  }
}

const TRANSIENT = new Set([
  'SlowDown',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'OperationAborted',
  'ConditionalRequestConflict',
  // What was read was authenticated: it changed on its way.
  'BadDigest',
  'IncompleteBody',
]);

/** There was no answer, or none that could be understood. */
export class TargetUnreachable extends Error {
  override name = 'TargetUnreachable';
}
