import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/config-error.js';
import { readConfig, SETTINGS } from '../../src/config.js';

const HINT =
  'Kubernetes sets such variables for a service of that name; set enableServiceLinks: false in the pod, or rename the service';
const home = { HOME: '/home/me' };

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'coffer-config-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('settings', () => {
  it('all have defaults', () => {
    expect(readConfig({ ...home, PATH: '/bin', XCOFFER_PORT: '1' })).toEqual({
      host: '127.0.0.1',
      port: 9000,
      meta: 'embedded',
      metaPassword: undefined,
      blobs: undefined,
      readerGraceMs: 900_000,
      dataDir: resolve('storage'),
      disk: {
        freeSpaceFloorBytes: 1024 ** 3,
        reserveBytes: 256 * 1024 ** 2,
        snapshotLimits: { maxAgeMs: 3_600_000, maxHeldBytes: 1024 ** 3 },
      },
      region: 'us-east-1',
      regions: [],
      domain: undefined,
      accountId: '000000000000',
      accessKeyId: undefined,
      secretAccessKey: undefined,
      accountsFile: undefined,
      rootKeyFile: undefined,
      rootKeyPassphrase: undefined,
      newRootKeyPassphrase: undefined,
      keepKeysApart: true,
      tls: undefined,
      trustedProxies: [],
      sseCOverHttp: 'loopback',
      sseCDefault: 'allowed',
      sseCOnReplicatedBucket: 'store',
      replicationTargetsFile: undefined,
      objectOwnership: 'ObjectWriter',
      bodyMemoryBytes: 64 * 1024 * 1024,
      bodyThreads: Math.max(1, availableParallelism()),
      blockPublicAccess: false,
      displayNames: false,
      sigV2: 'deny',
      maxConnections: 4096,
      maxRequestsPerPeer: 1024,
      maxHeaderBytes: 65_536,
      answerMemoryBytes: 67_108_864,
      requestMemoryBytes: 33_554_432,
      kmsEndpoint: undefined,
      xksHosts: undefined,
      xksCaFile: undefined,
      xksTimeoutMs: 250,
      dayMs: 86_400_000,
      auditRetentionMs: 365 * 86_400_000,
      newStore: false,
      shutdownMs: 25_000,
      logLevel: 'info',
      secretFiles: [],
      configHome: '/home/me/.config/coffer',
    });
  });

  it('are all read', () => {
    const config = readConfig({
      XDG_CONFIG_HOME: '/xdg',
      COFFER_HOST: '0.0.0.0',
      COFFER_PORT: '0',
      COFFER_DATA_DIR: 'data',
      COFFER_REGION: 'eu-central-1',
      COFFER_DOMAIN: 'S3.Example.com',
      COFFER_ACCOUNT_ID: '123456789012',
      COFFER_ACCESS_KEY_ID: 'KEY',
      COFFER_SECRET_ACCESS_KEY: 'hush',
      COFFER_ROOT_KEY_FILE: 'keys/root.key',
      COFFER_TLS_CERT_FILE: 'tls.crt',
      COFFER_TLS_KEY_FILE: 'tls.key',
      COFFER_TRUSTED_PROXY: '10.0.0.0/8, ::1,',
      COFFER_SSE_C_OVER_HTTP: 'never',
      COFFER_SSE_C_DEFAULT: 'blocked',
      COFFER_SSE_C_ON_REPLICATED_BUCKET: 'reject',
      COFFER_REPLICATION_TARGETS_FILE: 'targets.json',
      COFFER_OBJECT_OWNERSHIP: 'BucketOwnerEnforced',
      COFFER_BLOCK_PUBLIC_ACCESS: 'on',
      COFFER_DISPLAY_NAMES: 'on',
      COFFER_SIGV2: 'allow',
      COFFER_MAX_CONNECTIONS: '10',
      COFFER_MAX_REQUESTS_PER_PEER: '5',
      COFFER_MAX_HEADER_KIB: '8',
      COFFER_ANSWER_MEMORY_MIB: '4',
      COFFER_REQUEST_MEMORY_MIB: '5',
      COFFER_KMS_ENDPOINT: 'https://kms.internal:9001',
      COFFER_DAY_SECONDS: '2',
      COFFER_AUDIT_RETENTION_DAYS: '2',
      COFFER_LOG_LEVEL: 'silent',
    });
    expect(config).toMatchObject({
      host: '0.0.0.0',
      port: 0,
      dataDir: resolve('data'),
      region: 'eu-central-1',
      domain: 's3.example.com',
      accountId: '123456789012',
      accessKeyId: 'KEY',
      rootKeyFile: resolve('keys/root.key'),
      tls: { certFile: resolve('tls.crt'), keyFile: resolve('tls.key') },
      trustedProxies: ['10.0.0.0/8', '::1'],
      sseCOverHttp: 'never',
      sseCDefault: 'blocked',
      sseCOnReplicatedBucket: 'reject',
      replicationTargetsFile: resolve('targets.json'),
      objectOwnership: 'BucketOwnerEnforced',
      blockPublicAccess: true,
      displayNames: true,
      sigV2: 'allow',
      maxConnections: 10,
      maxRequestsPerPeer: 5,
      maxHeaderBytes: 8192,
      answerMemoryBytes: 4 * 1024 ** 2,
      requestMemoryBytes: 5 * 1024 ** 2,
      kmsEndpoint: 'https://kms.internal:9001',
      dayMs: 2000,
      // A shortened day is none of the audit's.
      auditRetentionMs: 2 * 86_400_000,
      logLevel: 'silent',
      configHome: '/xdg/coffer',
    });
    expect(config.secretAccessKey!.expose().toString()).toBe('hush');
    expect(inspect(config, { depth: 9 }) + JSON.stringify(config)).not.toContain('hush');
  });

  it('that are empty count as absent', () => {
    const empty = Object.fromEntries(SETTINGS.map(({ name }) => [name, '']));
    expect(readConfig({ ...home, ...empty })).toEqual(readConfig(home));
  });

  it('have one row each in the table, complete', () => {
    expect(new Set(SETTINGS.map(({ name }) => name)).size).toBe(SETTINGS.length);
    expect(SETTINGS).toHaveLength(55);
    for (const { name, default: byDefault, meaning } of SETTINGS) {
      expect(name).toMatch(/^COFFER_[A-Z0-9_]+$/);
      expect(byDefault).not.toBe('');
      expect(meaning).toMatch(/^\S.*\S$/);
    }
  });

  it('may self-sign', () => {
    expect(readConfig({ ...home, COFFER_TLS: 'self-signed' }).tls).toBe('self-signed');
  });
});

describe('secrets from files', () => {
  it('lose the line end, and nothing else', () => {
    const cases = [
      ['hush\n', 'hush'],
      ['hush\r\n', 'hush'],
      [' hush\n\n', ' hush\n'],
      ['hush', 'hush'],
    ] as const;
    for (const [content, expected] of cases) {
      const file = join(dir, 'secret');
      writeFileSync(file, content);
      const config = readConfig({ ...home, COFFER_ROOT_KEY_PASSPHRASE_FILE: file });
      expect(config.rootKeyPassphrase!.expose().toString()).toBe(expected);
    }
  });

  it('that are empty, missing or doubled are refused', () => {
    const file = join(dir, 'empty');
    writeFileSync(file, '\n');
    const refused = (env: Record<string, string>, message: string) =>
      expect(() => readConfig({ ...home, ...env })).toThrow(new ConfigError(message));
    refused({ COFFER_ROOT_KEY_PASSPHRASE_FILE: file }, `COFFER_ROOT_KEY_PASSPHRASE_FILE: ${file} is empty`);
    refused(
      { COFFER_ACCESS_KEY_ID: 'KEY', COFFER_SECRET_ACCESS_KEY_FILE: '/nowhere' },
      "COFFER_SECRET_ACCESS_KEY_FILE: /nowhere can't be read (ENOENT)",
    );
    refused(
      { COFFER_SECRET_ACCESS_KEY: 'hush', COFFER_SECRET_ACCESS_KEY_FILE: file },
      'COFFER_SECRET_ACCESS_KEY and COFFER_SECRET_ACCESS_KEY_FILE exclude each other',
    );
  });
});

describe('refused with one line', () => {
  it.each<[Record<string, string>, string]>([
    [{ COFFER_PORT: '65536' }, 'COFFER_PORT=65536 is not a whole number from 0 to 65535'],
    [{ COFFER_PORT: '-1' }, 'COFFER_PORT=-1 is not a whole number from 0 to 65535'],
    [{ COFFER_PORT: '90a' }, 'COFFER_PORT=90a is not a whole number from 0 to 65535'],
    [{ COFFER_PORT: '9\n9' }, 'COFFER_PORT=9\\n9 is not a whole number from 0 to 65535'],
    [{ COFFER_REGION: 'Frankfurt' }, 'COFFER_REGION=Frankfurt is not a region such as eu-central-1'],
    [{ COFFER_DOMAIN: 'a.b:9000' }, 'COFFER_DOMAIN=a.b:9000 is not a domain name such as s3.example.com'],
    [{ COFFER_DOMAIN: '127.0.0.1' }, 'COFFER_DOMAIN=127.0.0.1 is not a domain name such as s3.example.com'],
    [{ COFFER_ACCOUNT_ID: '1234' }, 'COFFER_ACCOUNT_ID=1234 is not 12 digits'],
    [{ COFFER_ACCESS_KEY_ID: 'KEY' }, 'COFFER_ACCESS_KEY_ID and COFFER_SECRET_ACCESS_KEY go together'],
    [{ COFFER_SECRET_ACCESS_KEY: 'hush' }, 'COFFER_ACCESS_KEY_ID and COFFER_SECRET_ACCESS_KEY go together'],
    [
      { COFFER_ACCOUNTS_FILE: 'a.json', COFFER_ACCOUNT_ID: '123456789012' },
      'COFFER_ACCOUNTS_FILE and COFFER_ACCOUNT_ID exclude each other',
    ],
    [
      { COFFER_ACCOUNTS_FILE: 'a.json', COFFER_ACCESS_KEY_ID: 'K', COFFER_SECRET_ACCESS_KEY: 'hush' },
      'COFFER_ACCOUNTS_FILE and COFFER_ACCESS_KEY_ID exclude each other',
    ],
    [
      { COFFER_ROOT_KEY_FILE: '/k', COFFER_ROOT_KEY_PASSPHRASE: 'hush' },
      'COFFER_ROOT_KEY_FILE and COFFER_ROOT_KEY_PASSPHRASE exclude each other',
    ],
    [{ COFFER_ROOT_KEY_BESIDE_DATA: 'yes' }, 'COFFER_ROOT_KEY_BESIDE_DATA=yes is none of 0, 1'],
    [{ COFFER_TLS_CERT_FILE: '/c' }, 'COFFER_TLS_CERT_FILE and COFFER_TLS_KEY_FILE go together'],
    [
      { COFFER_TLS_CERT_FILE: '/c', COFFER_TLS_KEY_FILE: '/k', COFFER_TLS: 'self-signed' },
      'COFFER_TLS=self-signed and COFFER_TLS_CERT_FILE exclude each other',
    ],
    [{ COFFER_TLS: 'on' }, 'COFFER_TLS=on is none of off, self-signed'],
    [{ COFFER_SSE_C_OVER_HTTP: 'sometimes' }, 'COFFER_SSE_C_OVER_HTTP=sometimes is none of never, loopback, always'],
    [{ COFFER_SSE_C_DEFAULT: 'off' }, 'COFFER_SSE_C_DEFAULT=off is none of allowed, blocked'],
    [{ COFFER_KMS_ENDPOINT: 'kms:9000' }, 'COFFER_KMS_ENDPOINT is not an http(s) URL'],
    [{ COFFER_KMS_ENDPOINT: 'https://me:hush@kms' }, 'COFFER_KMS_ENDPOINT must not hold credentials'],
    [{ COFFER_KMS_ENDPOINT: 'https://kms/?x' }, 'COFFER_KMS_ENDPOINT must not have a query or fragment'],
    [{ COFFER_DAY_SECONDS: '0' }, 'COFFER_DAY_SECONDS=0 is not a whole number from 1 to 86400'],
    [{ COFFER_LOG_LEVEL: 'loud' }, 'COFFER_LOG_LEVEL=loud is none of trace, debug, info, warn, error, fatal, silent'],
    // Unknown names
    [{ COFFER_DATADIR: 'x' }, 'unknown setting COFFER_DATADIR; did you mean COFFER_DATA_DIR?'],
    [{ COFFER_ACCESS_KEY: 'x' }, 'unknown setting COFFER_ACCESS_KEY; did you mean COFFER_ACCESS_KEY_ID?'],
    [{ COFFER_DATADIR: '' }, 'unknown setting COFFER_DATADIR; did you mean COFFER_DATA_DIR?'],
    [{ COFFER_WEATHER: 'x' }, 'unknown setting COFFER_WEATHER'],
    // What Kubernetes injects
    [{ COFFER_PORT: 'tcp://10.0.0.1:9000' }, `COFFER_PORT=tcp://10.0.0.1:9000: ${HINT}`],
    [{ COFFER_SERVICE_HOST: '10.0.0.1' }, `unknown setting COFFER_SERVICE_HOST: ${HINT}`],
    [{ COFFER_SERVICE_PORT_HTTP: '9000' }, `unknown setting COFFER_SERVICE_PORT_HTTP: ${HINT}`],
    [{ COFFER_PORT_9000_TCP: 'tcp://10.0.0.1:9000' }, `unknown setting COFFER_PORT_9000_TCP: ${HINT}`],
    [{ COFFER_PORT_9000_TCP_ADDR: '10.0.0.1' }, `unknown setting COFFER_PORT_9000_TCP_ADDR: ${HINT}`],
    [{ COFFER_KMS_PORT: 'tcp://10.0.0.1:9000' }, `unknown setting COFFER_KMS_PORT: ${HINT}`],
  ])('%j', (env, message) => {
    expect(() => readConfig({ ...home, ...env })).toThrow(new ConfigError(message));
    expect(message).not.toContain('hush');
  });
});

describe('the root key stays out of the data directory', () => {
  const refusal = (path: string) =>
    new ConfigError(
      `the root key would lie inside the data directory (${path}): keep them apart, or set COFFER_ROOT_KEY_BESIDE_DATA=1`,
    );

  it('by its own path and by the default one', () => {
    const inside = { ...home, COFFER_DATA_DIR: '/d', COFFER_ROOT_KEY_FILE: '/d/keys/root.key' };
    expect(() => readConfig(inside)).toThrow(refusal('/d/keys/root.key'));
    expect(readConfig({ ...inside, COFFER_ROOT_KEY_BESIDE_DATA: '1' }).rootKeyFile).toBe('/d/keys/root.key');
    expect(readConfig({ ...inside, COFFER_ROOT_KEY_FILE: '/d2/root.key' }).rootKeyFile).toBe('/d2/root.key');
    const wide = { ...home, COFFER_DATA_DIR: '/home/me' };
    expect(() => readConfig(wide)).toThrow(refusal('/home/me/.config/coffer'));
    expect(readConfig({ ...wide, COFFER_ROOT_KEY_FILE: '/keys/root.key' }).rootKeyFile).toBe('/keys/root.key');
    expect(() => readConfig({ ...wide, COFFER_ROOT_KEY_PASSPHRASE: 'hush' })).toThrow(
      refusal('/home/me/.config/coffer'),
    );
  });

  it('a sibling that starts with two dots is no way out', () => {
    expect(() => readConfig({ ...home, COFFER_DATA_DIR: '/d', COFFER_ROOT_KEY_FILE: '/d/..keys' })).toThrow(
      refusal('/d/..keys'),
    );
  });

  it('symbolic links are seen through, also above what does not exist yet', () => {
    mkdirSync(join(dir, 'data'));
    symlinkSync(join(dir, 'data'), join(dir, 'link'));
    const file = join(dir, 'link', 'new', 'root.key');
    const env = { ...home, COFFER_DATA_DIR: join(dir, 'data'), COFFER_ROOT_KEY_FILE: file };
    expect(() => readConfig(env)).toThrow(refusal(file));
  });

  it('a relative XDG_CONFIG_HOME is ignored, as its specification asks', () => {
    expect(readConfig({ ...home, XDG_CONFIG_HOME: 'x' }).configHome).toBe('/home/me/.config/coffer');
  });
});
