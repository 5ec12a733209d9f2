import { ConfigError } from '../../base/config-error.js';
import { StoreDamaged, StoreReadOnly, StoreTooNew, StoreUnavailable } from '../errors.js';

/** What became of a statement that failed. */
export type Fate =
  /** Surely not applied, and a repetition may go through at once: it met another one. */
  | 'again'
  /** Surely not applied, and neither would a repetition be on this connection: the server ends, or is no primary any more. */
  | 'elsewhere'
  /** Surely not applied. */
  | 'refused'
  /** The connection went, or nothing came back in time: it may be applied, or be applied yet. */
  | 'lost';

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const AGAIN = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected: another application's advisory locks
  '53200', // out_of_memory, also where the table of locks is full
]);
const ELSEWHERE = new Set([
  '25006', // read_only_sql_transaction: a standby, or a primary that was demoted
  '53300', // too_many_connections
  '57P03', // cannot_connect_now: starts, or recovers
]);
/** After these the session is over, and whether the commit had been written by then they don't say. */
const LOST = /^(08|40003|57P0[1245]|25P03|XX|58)/;
/** data_corrupted, index_corrupted */
const DAMAGED = /^XX00[12]$/;

export const DISK_FULL = '53100';

export const sqlState = (error: unknown): string | undefined => {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined ? code : undefined;
};

/** Of a statement that was sent. */
export function fateOf(error: unknown): Fate {
  const code = sqlState(error);
  if (code !== undefined && DAMAGED.test(code)) return 'refused';
  if (code === undefined || LOST.test(code)) return 'lost';
  if (AGAIN.has(code)) return 'again';
  return ELSEWHERE.has(code) ? 'elsewhere' : 'refused';
}

/** One line, as the server or the socket has it. `pg` puts neither passwords nor values into it. */
export function lineOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  // Of several addresses of one host that were all tried, the message is empty.
  const line = (message || (error as { errors?: Error[] }).errors?.[0]?.message || 'no reason given').split('\n')[0]!;
  return code === undefined || line.includes(code) ? line : `${line} (${code})`;
}

const RETRY_AFTER_SECONDS = 2;

/** Surely not applied, and soon it may be otherwise. */
export const away = (line: string): StoreUnavailable =>
  new StoreUnavailable(line, { retryAfterSeconds: RETRY_AFTER_SECONDS });

const OWN = [StoreUnavailable, StoreDamaged, StoreTooNew, ConfigError];

/** For what was surely not applied. What Coffer throws itself stays as it is. */
export function failure(error: unknown, shown: string): Error {
  if (error instanceof Error && OWN.some((one) => error instanceof one)) return error;
  const line = `${shown}: ${lineOf(error)}`;
  const code = sqlState(error) ?? '';
  if (DAMAGED.test(code)) return new StoreDamaged(line);
  return code === DISK_FULL ? new StoreReadOnly(line) : away(line);
}
