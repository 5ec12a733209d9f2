import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { ConfigError } from './base/config-error.js';
import { KiB, MiB } from './base/limits.js';
import { partitionOf } from './base/partition.js';
import type { Secret } from './base/secret.js';
import { type Env, exclude, read, readOptional, readSecret } from './config/environment.js';
import { configHome, requireApart } from './config/home.js';
import { settings } from './config/settings.js';
import { refuseUnknown } from './config/unknown.js';

export { SETTINGS } from './config/settings.js';

export interface Config {
  host: string;
  /** 0: a free one. */
  port: number;
  /** Absolute, as all paths here. */
  dataDir: string;
  /** `embedded`, or the URL of a database. */
  meta: string;
  metaPassword: Secret | undefined;
  /** As it was set; undefined: what `meta` has by default. */
  blobs: string | undefined;
  readerGraceMs: number;
  /** Store options that come from settings. */
  disk: {
    freeSpaceFloorBytes: number;
    reserveBytes: number;
    snapshotLimits: { maxAgeMs: number; maxHeldBytes: number };
  };
  region: string;
  /** What is served besides. */
  regions: string[];
  /** Lower case. */
  domain: string | undefined;
  accountId: string;
  /** Both or neither. */
  accessKeyId: string | undefined;
  secretAccessKey: Secret | undefined;
  accountsFile: string | undefined;
  /** At most one of these two; neither: the default file in `configHome`. */
  rootKeyFile: string | undefined;
  rootKeyPassphrase: Secret | undefined;
  /** Of a rotation of the root key. */
  newRootKeyPassphrase: Secret | undefined;
  /** Whether a root key inside the data directory is refused. */
  keepKeysApart: boolean;
  tls: { certFile: string; keyFile: string } | 'self-signed' | undefined;
  /** Addresses and CIDRs, as they were set. */
  trustedProxies: string[];
  sseCOverHttp: 'never' | 'loopback' | 'always';
  sseCDefault: 'allowed' | 'blocked';
  sseCOnReplicatedBucket: 'store' | 'reject';
  replicationTargetsFile: string | undefined;
  objectOwnership: 'ObjectWriter' | 'BucketOwnerPreferred' | 'BucketOwnerEnforced';
  blockPublicAccess: boolean;
  displayNames: boolean;
  sigV2: 'deny' | 'allow';
  maxConnections: number;
  maxRequestsPerPeer: number;
  maxHeaderBytes: number;
  answerMemoryBytes: number;
  requestMemoryBytes: number;
  kmsEndpoint: string | undefined;
  hsmFile: string | undefined;
  xksHosts: string[] | undefined;
  xksCaFile: string | undefined;
  xksTimeoutMs: number;
  dayMs: number;
  auditRetentionMs: number;
  /** Whether a store may be made where another one has been. */
  newStore: boolean;
  shutdownMs: number;
  /** 0: none. */
  bodyThreads: number;
  bodyMemoryBytes: number;
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** Files that hold secrets, by setting: nobody else should be able to read them. */
  secretFiles: [name: string, path: string][];
  /** Where root key and credentials lie by default: `$XDG_CONFIG_HOME/coffer`. */
  configHome: string;
}

const DAY_MS = 86_400_000;

/** Reads all settings from the environment. @throws ConfigError, one line */
export function readConfig(env: Env): Config {
  refuseUnknown(env);
  const home = configHome(env);
  const dataDir = read(env, settings.dataDir);
  return {
    host: read(env, settings.host),
    port: read(env, settings.port),
    dataDir,
    ...engines(env),
    disk: {
      freeSpaceFloorBytes: read(env, settings.minFreeMib) * MiB,
      reserveBytes: read(env, settings.diskReserveMib) * MiB,
      snapshotLimits: {
        maxAgeMs: read(env, settings.snapshotMaxSeconds) * 1000,
        maxHeldBytes: read(env, settings.snapshotMaxMib) * MiB,
      },
    },
    region: read(env, settings.region),
    regions: regions(env),
    domain: readOptional(env, settings.domain),
    ...identity(env),
    ...rootKey(env, dataDir, home),
    tls: tls(env),
    trustedProxies: readOptional(env, settings.trustedProxy) ?? [],
    sseCOverHttp: read(env, settings.sseCOverHttp),
    sseCDefault: read(env, settings.sseCDefault),
    sseCOnReplicatedBucket: read(env, settings.sseCOnReplicatedBucket),
    replicationTargetsFile: readOptional(env, settings.replicationTargetsFile),
    objectOwnership: read(env, settings.objectOwnership),
    blockPublicAccess: read(env, settings.blockPublicAccess) === 'on',
    displayNames: read(env, settings.displayNames) === 'on',
    sigV2: read(env, settings.sigV2),
    maxConnections: read(env, settings.maxConnections),
    maxRequestsPerPeer: read(env, settings.maxRequestsPerPeer),
    maxHeaderBytes: read(env, settings.maxHeaderKiB) * KiB,
    answerMemoryBytes: read(env, settings.answerMemoryMiB) * MiB,
    requestMemoryBytes: read(env, settings.requestMemoryMiB) * MiB,
    kmsEndpoint: readOptional(env, settings.kmsEndpoint),
    hsmFile: readOptional(env, settings.hsmFile),
    xksHosts: readOptional(env, settings.xksHosts),
    xksCaFile: readOptional(env, settings.xksCaFile),
    xksTimeoutMs: read(env, settings.xksTimeoutMs),
    dayMs: read(env, settings.daySeconds) * 1000,
    // Of days as they are: whoever shortens those of keys loses no record by it.
    auditRetentionMs: read(env, settings.auditRetentionDays) * DAY_MS,
    newStore: read(env, settings.newStore) === '1',
    shutdownMs: read(env, settings.shutdownSeconds) * 1000,
    bodyThreads: readOptional(env, settings.bodyThreads) ?? Math.max(1, availableParallelism()),
    bodyMemoryBytes: read(env, settings.bodyMemoryMiB) * MiB,
    logLevel: read(env, settings.logLevel),
    secretFiles: secretFiles(env),
    configHome: home,
  };
}

/** @throws ConfigError */
function engines(env: Env): Pick<Config, 'meta' | 'metaPassword' | 'blobs' | 'readerGraceMs'> {
  const meta = read(env, settings.meta);
  const metaPassword = readSecret(env, settings.metaPassword, settings.metaPasswordFile);
  if (metaPassword && meta === 'embedded')
    throw new ConfigError('COFFER_META_PASSWORD is of no use without COFFER_META');
  if (metaPassword && new URL(meta).password !== '') {
    throw new ConfigError('the URL in COFFER_META and COFFER_META_PASSWORD both have a password');
  }
  return {
    meta,
    metaPassword,
    blobs: readOptional(env, settings.blobs),
    readerGraceMs: read(env, settings.readerGraceSeconds) * 1000,
  };
}

/** The others. @throws ConfigError */
function regions(env: Env): string[] {
  exclude(env, settings.regions, settings.kmsEndpoint);
  const own = read(env, settings.region);
  const others = (readOptional(env, settings.regions) ?? []).filter((one) => one !== own);
  for (const one of others) {
    settings.region.parse(one, settings.regions.name);
    if (partitionOf(one) !== partitionOf(own)) {
      throw new ConfigError(`COFFER_REGIONS: ${one} is of another partition than ${own}`);
    }
  }
  return [...new Set(others)];
}

function identity(env: Env): Pick<Config, 'accountId' | 'accessKeyId' | 'secretAccessKey' | 'accountsFile'> {
  for (const one of [
    settings.accountId,
    settings.accessKeyId,
    settings.secretAccessKey,
    settings.secretAccessKeyFile,
  ]) {
    exclude(env, settings.accountsFile, one);
  }
  const accessKeyId = readOptional(env, settings.accessKeyId);
  const secretAccessKey = readSecret(env, settings.secretAccessKey, settings.secretAccessKeyFile);
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new ConfigError('COFFER_ACCESS_KEY_ID and COFFER_SECRET_ACCESS_KEY go together');
  }
  return {
    accountId: read(env, settings.accountId),
    accessKeyId,
    secretAccessKey,
    accountsFile: readOptional(env, settings.accountsFile),
  };
}

function rootKey(
  env: Env,
  dataDir: string,
  home: string,
): Pick<Config, 'rootKeyFile' | 'rootKeyPassphrase' | 'newRootKeyPassphrase' | 'keepKeysApart'> {
  exclude(env, settings.rootKeyFile, settings.rootKeyPassphrase);
  exclude(env, settings.rootKeyFile, settings.rootKeyPassphraseFile);
  const rootKeyFile = readOptional(env, settings.rootKeyFile);
  const rootKeyPassphrase = readSecret(env, settings.rootKeyPassphrase, settings.rootKeyPassphraseFile);
  // With a passphrase the key-store key still lies in the config home, and it is no less a key.
  const keepKeysApart = read(env, settings.rootKeyBesideData) === '0';
  if (keepKeysApart) requireApart(rootKeyFile ?? home, dataDir);
  const newRootKeyPassphrase = readSecret(env, settings.newRootKeyPassphrase, settings.newRootKeyPassphraseFile);
  return { rootKeyFile, rootKeyPassphrase, newRootKeyPassphrase, keepKeysApart };
}

function secretFiles(env: Env): Config['secretFiles'] {
  const {
    accountsFile,
    secretAccessKeyFile,
    rootKeyPassphraseFile,
    replicationTargetsFile,
    tlsKeyFile,
    metaPasswordFile,
  } = settings;
  const all = [
    accountsFile,
    secretAccessKeyFile,
    rootKeyPassphraseFile,
    replicationTargetsFile,
    tlsKeyFile,
    metaPasswordFile,
  ];
  return all.flatMap(({ name }): [string, string][] => (env[name] ? [[name, resolve(env[name])]] : []));
}

function tls(env: Env): Config['tls'] {
  const certFile = readOptional(env, settings.tlsCertFile);
  const keyFile = readOptional(env, settings.tlsKeyFile);
  const selfSigned = read(env, settings.tls) === 'self-signed';
  if (certFile === undefined && keyFile === undefined) return selfSigned ? 'self-signed' : undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new ConfigError('COFFER_TLS_CERT_FILE and COFFER_TLS_KEY_FILE go together');
  }
  if (selfSigned) throw new ConfigError('COFFER_TLS=self-signed and COFFER_TLS_CERT_FILE exclude each other');
  return { certFile, keyFile };
}
