import {
  hostName,
  httpUrl,
  integer,
  list,
  matching,
  metaEngine,
  oneOf,
  type Parse,
  path,
  secret,
  secretFile,
  text,
} from './kinds.js';

/** Every setting, once: what config.ts reads and the README's table lists. */
export interface Setting<T = unknown> {
  name: `COFFER_${string}`;
  /** As the README shows it. */
  default: string;
  meaning: string;
  parse: Parse<T>;
}

/** A setting that always has a value: the default is text like any other value. */
export interface DefaultedSetting<T = unknown> extends Setting<T> {
  defaultText: string;
}

type Name = Setting['name'];

function defaulted<T>(name: Name, parse: Parse<T>, defaultText: string, meaning: string): DefaultedSetting<T> {
  return { name, default: `\`${defaultText}\``, meaning, parse, defaultText };
}

function optional<T>(name: Name, parse: Parse<T>, meaning: string, byDefault = 'none'): Setting<T> {
  return { name, default: byDefault, meaning, parse };
}

export const settings = {
  host: defaulted('COFFER_HOST', text, '127.0.0.1', 'Address to listen on'),
  port: defaulted('COFFER_PORT', integer(0, 65_535), '9000', 'Port to listen on; 0 takes a free one'),
  dataDir: defaulted('COFFER_DATA_DIR', path, './storage', 'Data directory'),
  meta: defaulted(
    'COFFER_META',
    metaEngine,
    'embedded',
    'Where rows are kept: `embedded`, in the data directory of one process, or a database that any number of gateways share, `postgres://user@host/database` (`docs/cluster.md`)',
  ),
  metaPassword: optional(
    'COFFER_META_PASSWORD',
    secret,
    'Password of that database, instead of one in the URL; or `COFFER_META_PASSWORD_FILE`',
  ),
  metaPasswordFile: optional('COFFER_META_PASSWORD_FILE', secretFile, 'File that holds the password'),
  blobs: optional(
    'COFFER_BLOBS',
    text,
    'Where bodies are written. `embedded`: large ones to `value-log`, segment files in which each byte is written once, or `leveldb`, beside the small ones; what is stored stays readable. Else `postgres`, the same database, or an object store that all gateways reach: `rados:<pool>`, `s3://<bucket>`',
    '`value-log`; `postgres` where rows are there',
  ),
  readerGraceSeconds: defaulted(
    'COFFER_READER_GRACE_SECONDS',
    integer(1, 1_000_000),
    '900',
    'Where gateways share blobs: how long what was deleted or replaced is left to those who still read it; a reader that takes longer is cut off',
  ),
  minFreeMib: defaulted(
    'COFFER_MIN_FREE_MIB',
    integer(0, 1_000_000),
    '1024',
    'Below so many MiB free on the data directory’s disk the store is read-only: reads and deletes go on',
  ),
  diskReserveMib: defaulted(
    'COFFER_DISK_RESERVE_MIB',
    integer(0, 1_000_000),
    '256',
    'Size of a file in the data directory that is removed where others fill the disk, so that deletes still find room; 0: none',
  ),
  snapshotMaxSeconds: defaulted(
    'COFFER_SNAPSHOT_MAX_SECONDS',
    integer(1, 10_000_000),
    '3600',
    'How long a slow reader may keep the space of what was deleted since it began; after that its connection ends, unless what it reads is still there',
  ),
  snapshotMaxMib: defaulted(
    'COFFER_SNAPSHOT_MAX_MIB',
    integer(1, 100_000_000),
    '1024',
    'How much of that space, likewise',
  ),
  region: defaulted(
    'COFFER_REGION',
    matching(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as eu-central-1'),
    'us-east-1',
    'Region of ARNs and signatures',
  ),
  regions: optional(
    'COFFER_REGIONS',
    list,
    'Further regions, by commas, whose KMS and STS requests are answered: each has keys, aliases and grants of its own',
  ),
  domain: optional('COFFER_DOMAIN', hostName, 'Domain for virtual-host addressing: `bucket.<domain>`'),
  accountId: defaulted('COFFER_ACCOUNT_ID', matching(/^\d{12}$/, '12 digits'), '000000000000', 'The default account'),
  accessKeyId: optional(
    'COFFER_ACCESS_KEY_ID',
    text,
    'Access key of the default account’s root; generated at first start into a 0600 file beside the root key',
    'generated',
  ),
  secretAccessKey: optional(
    'COFFER_SECRET_ACCESS_KEY',
    secret,
    'Its secret; or `COFFER_SECRET_ACCESS_KEY_FILE`',
    'generated',
  ),
  secretAccessKeyFile: optional('COFFER_SECRET_ACCESS_KEY_FILE', secretFile, 'File that holds the secret'),
  accountsFile: optional(
    'COFFER_ACCOUNTS_FILE',
    path,
    'JSON file of accounts, users, roles and policies; replaces the default account',
  ),
  rootKeyFile: optional(
    'COFFER_ROOT_KEY_FILE',
    path,
    'Root key, mode 0600, created at first start',
    '`<config home>/coffer/<store id>.key`',
  ),
  rootKeyPassphrase: optional(
    'COFFER_ROOT_KEY_PASSPHRASE',
    secret,
    'Passphrase (scrypt) instead of a key file; or `COFFER_ROOT_KEY_PASSPHRASE_FILE`',
  ),
  rootKeyPassphraseFile: optional('COFFER_ROOT_KEY_PASSPHRASE_FILE', secretFile, 'File that holds the passphrase'),
  newRootKeyPassphrase: optional(
    'COFFER_NEW_ROOT_KEY_PASSPHRASE',
    secret,
    'For `coffer root-key rotate --to-passphrase` alone; or `COFFER_NEW_ROOT_KEY_PASSPHRASE_FILE`',
  ),
  newRootKeyPassphraseFile: optional(
    'COFFER_NEW_ROOT_KEY_PASSPHRASE_FILE',
    secretFile,
    'File that holds the new passphrase',
  ),
  rootKeyBesideData: defaulted(
    'COFFER_ROOT_KEY_BESIDE_DATA',
    oneOf('0', '1'),
    '0',
    '`1` allows a root key inside the data directory',
  ),
  tlsCertFile: optional('COFFER_TLS_CERT_FILE', path, 'Certificate chain (PEM): serves HTTPS'),
  tlsKeyFile: optional('COFFER_TLS_KEY_FILE', path, 'Its private key (PEM)'),
  tls: defaulted(
    'COFFER_TLS',
    oneOf('off', 'self-signed'),
    'off',
    '`self-signed` makes a certificate beside the root key (needs `openssl`)',
  ),
  trustedProxy: optional(
    'COFFER_TRUSTED_PROXY',
    list,
    'Comma-separated CIDRs whose `X-Forwarded-Proto` and `X-Forwarded-For` count',
  ),
  sseCOverHttp: defaulted(
    'COFFER_SSE_C_OVER_HTTP',
    oneOf('never', 'loopback', 'always'),
    'loopback',
    '`never`, `loopback` or `always`: where customer keys are taken without TLS',
  ),
  sseCDefault: defaulted(
    'COFFER_SSE_C_DEFAULT',
    oneOf('allowed', 'blocked'),
    'allowed',
    '`blocked` makes new buckets start with SSE-C blocked, as AWS does',
  ),
  sseCOnReplicatedBucket: defaulted(
    'COFFER_SSE_C_ON_REPLICATED_BUCKET',
    oneOf('store', 'reject'),
    'store',
    '`store` keeps SSE-C objects that a replication rule applies to and reports them as FAILED; `reject` turns the PUT down',
  ),
  replicationTargetsFile: optional(
    'COFFER_REPLICATION_TARGETS_FILE',
    path,
    'JSON file of other S3 endpoints for replication, by bucket or by region',
  ),
  objectOwnership: defaulted(
    'COFFER_OBJECT_OWNERSHIP',
    oneOf('ObjectWriter', 'BucketOwnerPreferred', 'BucketOwnerEnforced'),
    'ObjectWriter',
    'Object ownership of new buckets; `BucketOwnerEnforced` (no ACLs) is AWS’s since 2023',
  ),
  blockPublicAccess: defaulted(
    'COFFER_BLOCK_PUBLIC_ACCESS',
    oneOf('off', 'on'),
    'off',
    '`on` makes new buckets start with S3 Block Public Access, as AWS does',
  ),
  displayNames: defaulted(
    'COFFER_DISPLAY_NAMES',
    oneOf('off', 'on'),
    'off',
    '`on` tells the display names of owners and grantees, as AWS did until November 2025',
  ),
  sigV2: defaulted(
    'COFFER_SIGV2',
    oneOf('deny', 'allow'),
    'deny',
    '`allow` accepts Signature V2 (HMAC-SHA-1) besides V4, in forms too',
  ),
  maxConnections: defaulted(
    'COFFER_MAX_CONNECTIONS',
    integer(1, 1_000_000),
    '4096',
    'Connections at once; requests on more are answered `503 SlowDown`',
  ),
  maxRequestsPerPeer: defaulted(
    'COFFER_MAX_REQUESTS_PER_PEER',
    integer(1, 1_000_000),
    '1024',
    'Requests at work for one client address; more are answered `503 SlowDown`',
  ),
  maxHeaderKiB: defaulted('COFFER_MAX_HEADER_KIB', integer(8, 1024), '64', 'Request line and headers of a request'),
  answerMemoryMiB: defaulted(
    'COFFER_ANSWER_MEMORY_MIB',
    integer(4, 1_048_576),
    '64',
    'Memory for answers that clients haven’t taken yet; who takes nothing for 10 s while others wait is cut off',
  ),
  requestMemoryMiB: defaulted(
    'COFFER_REQUEST_MEMORY_MIB',
    integer(4, 1_048_576),
    '32',
    'Memory for bodies that are read whole: KMS, STS, XML, commands',
  ),
  kmsEndpoint: optional(
    'COFFER_KMS_ENDPOINT',
    httpUrl,
    'A remote KMS (AWS API) instead of the built-in key service; credentials by the AWS SDK’s chain',
  ),
  hsmFile: optional(
    'COFFER_HSM_FILE',
    path,
    'JSON file that says what members of CloudHSM clusters are made of (`docs/hsm.md`); without it there are none',
  ),
  xksHosts: optional(
    'COFFER_XKS_HOSTS',
    list,
    'Where proxies of external key stores may be: hosts, or `host:port`, comma-separated',
    'everywhere',
  ),
  xksCaFile: optional(
    'COFFER_XKS_CA_FILE',
    path,
    'Certificates (PEM) that proxies of external key stores are trusted by, besides those of Node.js',
  ),
  xksTimeoutMs: defaulted(
    'COFFER_XKS_TIMEOUT_MS',
    integer(1, 60_000),
    '250',
    'How long a proxy of an external key store has to answer; AWS gives it 250 ms',
  ),
  daySeconds: defaulted(
    'COFFER_DAY_SECONDS',
    integer(1, 86_400),
    '86400',
    'How long a day is, for key deletion, rotation, import tokens, lifecycle rules, restored objects, retries of replication and backups of clusters; for tests',
  ),
  auditRetentionDays: defaulted(
    'COFFER_AUDIT_RETENTION_DAYS',
    integer(1, 36_500),
    '365',
    'How long records of the audit log are kept',
  ),
  newStore: defaulted(
    'COFFER_NEW_STORE',
    oneOf('0', '1'),
    '0',
    '`1` makes a new store where one has been whose data directory is missing; without it that is refused',
  ),
  shutdownSeconds: defaulted(
    'COFFER_SHUTDOWN_SECONDS',
    integer(0, 3600),
    '25',
    'How long requests under way may take to finish after SIGTERM; a second signal ends them',
  ),
  bodyThreads: optional(
    'COFFER_BODY_THREADS',
    integer(0, 64),
    'Threads that large bodies are read, decrypted, encrypted, hashed and written in; 0: the main thread does it',
    'one per core',
  ),
  bodyMemoryMiB: defaulted(
    'COFFER_BODY_MEMORY_MIB',
    integer(4, 16_384),
    '64',
    'Memory of all large uploads and downloads under way, MiB; further ones wait',
  ),
  logLevel: defaulted(
    'COFFER_LOG_LEVEL',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'info',
    'pino level: `trace` … `fatal`, `silent`',
  ),
};

export const SETTINGS: readonly Setting[] = Object.values(settings);
