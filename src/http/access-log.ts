import type { Logger } from 'pino';

/**
 * What the log line of a request says. Nothing in it is secret, and nothing that could hold a secret gets in: no query (it may
 * hold a signature), no header (customer keys, metadata), no object key beyond the bucket's name.
 */
export interface AccessEntry {
  id: string;
  method: string;
  operation: string;
  /** ARN, or `anonymous`. */
  caller?: string;
  bucket?: string;
  /** The code of the answer, where it is an error. */
  error?: string;
  /** 0 where the client was gone first. */
  status: number;
  receivedBytes: number;
  sentBytes: number;
  ms: number;
}

export function logAccess(log: Logger, entry: AccessEntry): void {
  if (!log.isLevelEnabled('info')) return;
  log.info(entry, 'request');
}
