import type { Endpoint } from './endpoint.js';
import type { Target } from './presign.js';
import type { KmsRequest } from './sign-kms.js';

/** What the client process does in one go; the time is taken from the first byte sent to the last answer received. */
export interface Job {
  /** Of a server that the benchmark started itself, on this machine. */
  port?: number;
  /** Any other one, instead of `port`. */
  endpoint?: Endpoint;
  /** Several that do the job together; wins over `endpoint`. */
  endpoints?: readonly Endpoint[];
  clients: number;
  /** Spread over the clients as they become free. */
  targets: Target[];
  /** Sent instead of `targets`: this request, so many times. */
  kms?: { request: KmsRequest; count: number };
  /** Random bytes; none where absent. */
  bodyBytes?: number;
  /** Sent instead of random bytes. */
  text?: string;
}

export interface JobResult {
  seconds: number;
  requests: number;
  /** Bytes of bodies received. */
  receivedBytes: number;
  /** The body of the answer where there was one request. */
  text?: string;
}
