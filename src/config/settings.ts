/** Every setting, once: what config.ts reads and the README's table lists. */
export interface Setting {
  name: string;
  /** As the README shows it. */
  default: string;
  meaning: string;
}

const setting = (name: string, byDefault: string, meaning: string): Setting => ({ name, default: byDefault, meaning });

export const SETTINGS = [
  setting('COFFER_HOST', '`127.0.0.1`', 'Address to listen on'),
  setting('COFFER_PORT', '`9000`', 'Port to listen on; 0 takes a free one'),
  setting('COFFER_DATA_DIR', '`./storage`', 'Data directory'),
  setting('COFFER_REGION', '`us-east-1`', 'Region of ARNs and signatures'),
  setting('COFFER_DOMAIN', 'none', 'Domain for virtual-host addressing: `bucket.<domain>`'),
  setting('COFFER_ACCOUNT_ID', '`000000000000`', 'The default account'),
  setting(
    'COFFER_ACCESS_KEY_ID',
    'generated',
    'Access key of the default account’s root; generated at first start into a 0600 file beside the root key',
  ),
  setting('COFFER_SECRET_ACCESS_KEY', 'generated', 'Its secret; or `COFFER_SECRET_ACCESS_KEY_FILE`'),
  setting('COFFER_SECRET_ACCESS_KEY_FILE', 'none', 'File that holds the secret'),
  setting(
    'COFFER_ACCOUNTS_FILE',
    'none',
    'JSON file of accounts, users, roles and policies; replaces the default account',
  ),
  setting(
    'COFFER_ROOT_KEY_FILE',
    '`<config home>/coffer/<store id>.key`',
    'Root key, mode 0600, created at first start',
  ),
  setting(
    'COFFER_ROOT_KEY_PASSPHRASE',
    'none',
    'Passphrase (scrypt) instead of a key file; or `COFFER_ROOT_KEY_PASSPHRASE_FILE`',
  ),
  setting('COFFER_ROOT_KEY_PASSPHRASE_FILE', 'none', 'File that holds the passphrase'),
  setting('COFFER_ROOT_KEY_BESIDE_DATA', 'off', '`1` allows a root key inside the data directory'),
  setting('COFFER_TLS_CERT_FILE', 'none', 'Certificate chain (PEM): serves HTTPS'),
  setting('COFFER_TLS_KEY_FILE', 'none', 'Its private key (PEM)'),
  setting('COFFER_TLS', 'off', '`self-signed` makes a certificate beside the root key (needs `openssl`)'),
  setting(
    'COFFER_TRUSTED_PROXY',
    'none',
    'Comma-separated CIDRs whose `X-Forwarded-Proto` and `X-Forwarded-For` count',
  ),
  setting(
    'COFFER_SSE_C_OVER_HTTP',
    '`loopback`',
    '`never`, `loopback` or `always`: where customer keys are taken without TLS',
  ),
  setting('COFFER_SSE_C_DEFAULT', '`allowed`', '`blocked` makes new buckets start with SSE-C blocked, as AWS does'),
  setting(
    'COFFER_KMS_ENDPOINT',
    'none',
    'A remote KMS (AWS API) instead of the built-in key service; credentials by the AWS SDK’s chain',
  ),
  setting('COFFER_DAY_SECONDS', '`86400`', 'How long a day of key deletion is; for tests'),
  setting('COFFER_LOG_LEVEL', '`info`', 'pino level: `trace` … `fatal`, `silent`'),
] as const satisfies readonly Setting[];

/** Known from the plan of the project; refused until what they steer is there. */
export const FUTURE_SETTINGS = [
  'COFFER_SSE_C_ON_REPLICATED_BUCKET',
  'COFFER_OBJECT_OWNERSHIP',
  'COFFER_BLOCK_PUBLIC_ACCESS',
  'COFFER_SIGV2',
  'COFFER_REPLICATION_TARGETS_FILE',
  'COFFER_AUDIT_RETENTION_DAYS',
];
