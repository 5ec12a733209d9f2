import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { ConfigError } from '../../base/config-error.js';
import type { CommitMode } from './schema.js';

/** Parameters of the URL besides where the database is. */
export interface Tuning {
  /** `mode`: of a store that is made now. Undefined: `locks`, or what the store says. */
  mode: CommitMode | undefined;
  /** `pool`: connections at most, a half for commits, the rest for reads; as many again for blobs. */
  pool: number;
  /** `timeout_ms`: what one statement may take. */
  timeoutMs: number;
  /** `patience_ms`: how long an operation waits for a connection, and tries again what surely was not applied. */
  patienceMs: number;
  /** `resolve_ms`: how long a commit whose answer was lost is looked for before its outcome is unknown: longer than a failover. */
  resolveMs: number;
  /** `cursor_ms`: how long the snapshot of a listing may last. */
  cursorMs: number;
}

/** Where a database is, as `postgres://user:password@host:port/database?schema=…&sslmode=…` says it. */
export interface PostgresTarget {
  host: string;
  port: number;
  user: string;
  database: string;
  /** Undefined: PGPASSWORD, or none. */
  password: string | undefined;
  /** The schema that holds this Coffer. Default `coffer`. */
  schema: string;
  ssl: false | ConnectionOptions;
  tuning: Tuning;
  /** For people and logs: without the password. */
  shown: string;
}

const NUMBERS = {
  pool: { least: 4, most: 1000, default: 16 },
  timeout_ms: { least: 100, most: 600_000, default: 10_000 },
  patience_ms: { least: 100, most: 600_000, default: 5000 },
  resolve_ms: { least: 100, most: 600_000, default: 45_000 },
  cursor_ms: { least: 1000, most: 86_400_000, default: 600_000 },
};
const PARAMETERS = ['schema', 'mode', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'host', ...Object.keys(NUMBERS)];
const SCHEMA = /^[a-z_][a-z0-9_]{0,40}$/;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|\/.*)$/;

/**
 * `sslmode` as libpq means it: `disable`, `require` (encrypted, whoever answers), `verify-ca`, `verify-full`. Without it: none
 * on this machine, `verify-full` to any other. `allow` and `prefer` are refused, since they promise nothing.
 *
 * @throws ConfigError, which never holds the password
 */
export function parsePostgresUrl(text: string): PostgresTarget {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // Node's own error carries what it was given.
    throw new ConfigError('the URL of PostgreSQL is none: postgres://user:password@host:port/database');
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') {
    throw new ConfigError('the URL of PostgreSQL begins with postgres://');
  }
  if (`${url.pathname}${url.search}${url.hash}`.includes('@')) {
    throw new ConfigError('the URL of PostgreSQL has an @ behind its host: escape what the password has of / ? # @');
  }
  for (const name of url.searchParams.keys()) {
    if (PARAMETERS.includes(name)) continue;
    const shown = /^[a-z_]{1,32}$/.test(name) ? `: ${name}` : '';
    throw new ConfigError(`the URL of PostgreSQL has an unknown parameter${shown}`);
  }
  const parameter = (name: string): string | undefined => url.searchParams.get(name) ?? undefined;
  const host = parameter('host') ?? (decoded(url.hostname).replace(/^\[|\]$/g, '') || 'localhost');
  const port = Number(url.port || '5432');
  const user = decoded(url.username) || process.env.PGUSER || 'postgres';
  const database = decoded(url.pathname.slice(1)) || user;
  const schema = parameter('schema') ?? 'coffer';
  if (!SCHEMA.test(schema)) throw new ConfigError('the schema is lower-case letters, digits and _');
  return {
    host,
    port,
    user,
    database,
    password: decoded(url.password) || process.env.PGPASSWORD,
    schema,
    ssl: sslOf(parameter, host),
    tuning: tuningOf(parameter),
    shown: `postgres://${user}@${host.includes(':') ? `[${host}]` : host}:${port}/${database}`,
  };
}

function tuningOf(parameter: (name: string) => string | undefined): Tuning {
  const mode = parameter('mode');
  if (mode !== undefined && mode !== 'locks' && mode !== 'serializable') {
    throw new ConfigError('mode is locks or serializable');
  }
  const number = (name: keyof typeof NUMBERS): number => {
    const { least, most, default: byDefault } = NUMBERS[name];
    const value = Number(parameter(name) ?? byDefault);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new ConfigError(`${name} is a number from ${least} to ${most}`);
  };
  return {
    mode,
    pool: number('pool'),
    timeoutMs: number('timeout_ms'),
    patienceMs: number('patience_ms'),
    resolveMs: number('resolve_ms'),
    cursorMs: number('cursor_ms'),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ConfigError('the URL of PostgreSQL has a % that begins no escape: write it as %25');
  }
}

function sslOf(parameter: (name: string) => string | undefined, host: string): false | ConnectionOptions {
  const mode = parameter('sslmode') ?? (LOOPBACK.test(host) ? 'disable' : 'verify-full');
  if (mode === 'disable') {
    for (const name of ['sslrootcert', 'sslcert', 'sslkey']) {
      if (parameter(name) !== undefined) throw new ConfigError(`${name} has no meaning without sslmode`);
    }
    return false;
  }
  const ca = file('sslrootcert', parameter('sslrootcert'));
  const cert = file('sslcert', parameter('sslcert'));
  const key = file('sslkey', parameter('sslkey'));
  if ((cert === undefined) !== (key === undefined)) throw new ConfigError('sslcert and sslkey go together');
  const options: ConnectionOptions = { ...(ca && { ca }), ...(cert && { cert, key }) };
  switch (mode) {
    case 'verify-full':
      return { ...options, rejectUnauthorized: true };
    case 'verify-ca':
      return { ...options, rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case 'require':
      // libpq verifies too where it is given whom to trust.
      return ca
        ? { ...options, rejectUnauthorized: true, checkServerIdentity: () => undefined }
        : { ...options, rejectUnauthorized: false };
    default:
      throw new ConfigError('sslmode is one of disable, require, verify-ca, verify-full');
  }
}

function file(name: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`${name}: ${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
