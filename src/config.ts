import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { ConfigError } from './base/config-error.js';
import { Secret } from './base/secret.js';
import { FUTURE_SETTINGS, SETTINGS } from './config/settings.js';

export interface Config {
  host: string;
  port: number;
  dataDir: string;
  region: string;
  domain: string | undefined;
  accountId: string;
  accessKeyId: string | undefined;
  secretAccessKey: Secret | undefined;
  accountsFile: string | undefined;
  rootKeyFile: string | undefined;
  rootKeyPassphrase: Secret | undefined;
  tls: { certFile: string; keyFile: string } | 'self-signed' | undefined;
  trustedProxies: string[];
  sseCOverHttp: 'never' | 'loopback' | 'always';
  sseCDefault: 'allowed' | 'blocked';
  kmsEndpoint: string | undefined;
  dayMs: number;
  logLevel: string;
  /** Where root key and credentials lie by default: `$XDG_CONFIG_HOME/coffer`. */
  configHome: string;
}

type Env = Readonly<Record<string, string | undefined>>;
type Name = (typeof SETTINGS)[number]['name'];

/** Reads all settings from the environment. @throws ConfigError, one line */
export function readConfig(env: Env): Config {
  refuseUnknown(env);
  const get = (name: Name): string | undefined => env[name] || undefined;
  const dataDir = resolve(get('COFFER_DATA_DIR') ?? './storage');
  const rootKeyFile = get('COFFER_ROOT_KEY_FILE');
  const rootKeyPassphrase = secret(env, 'COFFER_ROOT_KEY_PASSPHRASE');
  if (rootKeyFile && rootKeyPassphrase) {
    throw new ConfigError('COFFER_ROOT_KEY_FILE and COFFER_ROOT_KEY_PASSPHRASE exclude each other');
  }
  const configHome = join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'coffer');
  if (!oneOf(env, 'COFFER_ROOT_KEY_BESIDE_DATA', ['0', '1'], '0').startsWith('1')) {
    for (const path of [rootKeyFile && resolve(rootKeyFile), configHome]) {
      if (path && isInside(path, dataDir)) {
        throw new ConfigError(
          `the root key would lie inside the data directory (${path}): keep them apart, or set COFFER_ROOT_KEY_BESIDE_DATA=1`,
        );
      }
    }
  }
  const accessKeyId = get('COFFER_ACCESS_KEY_ID');
  const secretAccessKey = secret(env, 'COFFER_SECRET_ACCESS_KEY');
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new ConfigError('COFFER_ACCESS_KEY_ID and COFFER_SECRET_ACCESS_KEY go together');
  }
  const accountsFile = get('COFFER_ACCOUNTS_FILE');
  if (accountsFile && accessKeyId)
    throw new ConfigError('COFFER_ACCOUNTS_FILE replaces COFFER_ACCESS_KEY_ID: set one of them');
  return {
    host: get('COFFER_HOST') ?? '127.0.0.1',
    port: integer(env, 'COFFER_PORT', 9000, 0, 65_535),
    dataDir,
    region: matching(env, 'COFFER_REGION', 'us-east-1', /^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as eu-central-1'),
    domain: get('COFFER_DOMAIN')?.toLowerCase(),
    accountId: matching(env, 'COFFER_ACCOUNT_ID', '000000000000', /^\d{12}$/, '12 digits'),
    accessKeyId,
    secretAccessKey,
    accountsFile: accountsFile && resolve(accountsFile),
    rootKeyFile: rootKeyFile && resolve(rootKeyFile),
    rootKeyPassphrase,
    tls: tls(env),
    trustedProxies: (get('COFFER_TRUSTED_PROXY') ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean),
    sseCOverHttp: oneOf(env, 'COFFER_SSE_C_OVER_HTTP', ['never', 'loopback', 'always'], 'loopback'),
    sseCDefault: oneOf(env, 'COFFER_SSE_C_DEFAULT', ['allowed', 'blocked'], 'allowed'),
    kmsEndpoint: url(env, 'COFFER_KMS_ENDPOINT'),
    dayMs: integer(env, 'COFFER_DAY_SECONDS', 86_400, 1, 86_400) * 1000,
    logLevel: oneOf(env, 'COFFER_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info'),
    configHome,
  };
}

function tls(env: Env): Config['tls'] {
  const certFile = env.COFFER_TLS_CERT_FILE;
  const keyFile = env.COFFER_TLS_KEY_FILE;
  const mode = oneOf(env, 'COFFER_TLS', ['off', 'self-signed'], 'off');
  if (!certFile !== !keyFile) throw new ConfigError('COFFER_TLS_CERT_FILE and COFFER_TLS_KEY_FILE go together');
  if (certFile && keyFile) {
    if (mode === 'self-signed')
      throw new ConfigError('COFFER_TLS=self-signed and COFFER_TLS_CERT_FILE exclude each other');
    return { certFile: resolve(certFile), keyFile: resolve(keyFile) };
  }
  return mode === 'self-signed' ? 'self-signed' : undefined;
}

/** From the variable itself or from the file that `<name>_FILE` names. */
function secret(env: Env, name: 'COFFER_SECRET_ACCESS_KEY' | 'COFFER_ROOT_KEY_PASSPHRASE'): Secret | undefined {
  const direct = env[name];
  const file = env[`${name}_FILE`];
  if (direct && file) throw new ConfigError(`${name} and ${name}_FILE exclude each other`);
  if (direct) return new Secret(Buffer.from(direct, 'utf8'));
  if (!file) return undefined;
  try {
    return new Secret(Buffer.from(readFileSync(file, 'utf8').replace(/\r?\n$/, ''), 'utf8'));
  } catch (error) {
    throw new ConfigError(`${name}_FILE ${file} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function integer(env: Env, name: Name, byDefault: number, min: number, max: number): number {
  const text = env[name];
  if (!text) return byDefault;
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value;
  if (/^tcp:\/\//.test(text)) throw new ConfigError(`${name}=${text}${KUBERNETES}`);
  throw new ConfigError(`${name}=${text} is not a whole number from ${min} to ${max}`);
}

function matching(env: Env, name: Name, byDefault: string, pattern: RegExp, what: string): string {
  const text = env[name];
  if (!text) return byDefault;
  if (!pattern.test(text)) throw new ConfigError(`${name}=${text} is not ${what}`);
  return text;
}

function oneOf<T extends string>(env: Env, name: Name, values: readonly T[], byDefault: T): T {
  const text = env[name];
  if (!text) return byDefault;
  if (!(values as readonly string[]).includes(text))
    throw new ConfigError(`${name}=${text} is none of ${values.join(', ')}`);
  return text as T;
}

function url(env: Env, name: Name): string | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (!/^https?:\/\/[^/]+/.test(text)) throw new ConfigError(`${name} is not an http(s) URL`);
  return text;
}

function isInside(path: string, dir: string): boolean {
  const way = relative(dir, path);
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
}

const KUBERNETES =
  ': Kubernetes sets such variables for a service named "coffer"; set enableServiceLinks: false in the pod, or rename the service';

/** A misspelt setting must not be silently without effect. */
function refuseUnknown(env: Env): void {
  const known = new Set<string>(SETTINGS.map((one) => one.name));
  for (const name of Object.keys(env)) {
    if (!name.startsWith('COFFER_') || known.has(name)) continue;
    if (FUTURE_SETTINGS.includes(name)) throw new ConfigError(`${name} is not supported yet by this version`);
    if (/^COFFER_(SERVICE_|PORT_\d+_)/.test(name)) throw new ConfigError(`unknown setting ${name}${KUBERNETES}`);
    const nearest = [...known].sort((a, b) => distance(a, name) - distance(b, name))[0]!;
    throw new ConfigError(`unknown setting ${name}; did you mean ${nearest}?`);
  }
}

/** Levenshtein. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
