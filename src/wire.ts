import { readFile } from 'node:fs/promises';
import { type DestinationStream, type Logger, pino } from 'pino';
import { ConfigError } from './base/config-error.js';
import { StoreDamaged } from './base/damaged.js';
import type { Config } from './config.js';
import { AdminRequests } from './http/admin-requests.js';
import { Edge } from './http/edge.js';
import { InternalPages } from './http/internal.js';
import { Metrics } from './http/metrics.js';
import { Peers } from './http/peer.js';
import { S3Requests } from './http/s3-requests.js';
import { selfSigned } from './http/self-signed.js';
import { HttpServer, type TlsFiles } from './http/server.js';
import { ServiceRequests } from './http/service-requests.js';
import type { RootCredentials } from './iam/credentials-file.js';
import { type Chore, Housekeeping } from './jobs/housekeeping.js';
import { LifecycleJob } from './jobs/lifecycle/job.js';
import { type OpenCoffer, openCoffer } from './open.js';
import { buildKeyIndex } from './store/key-index-build.js';
import { openStore } from './store/leveldb/open.js';
import type { MetaStore } from './store/ports.js';

/** How often what is due is looked for: CMKs to rotate, expire and destroy; records of the audit that are old. */
const KEYS_EVERY_MS = 60_000;
const SAMPLE_EVERY_MS = 10_000;
const RETAIN_EVERY_MS = 3_600_000;
const FORGET_EVERY_MS = 60_000;

/** Lines that a stuck reader of the log leaves in memory; more are dropped. */
const LOG_MAX_BYTES = 16 * 1024 * 1024;

export interface Coffer {
  url: string;
  /** Where the root key lies; absent where it comes from a passphrase. */
  rootKeyFile: string | undefined;
  /** Absent where settings or the accounts file give the credentials. */
  credentialsFile: string | undefined;
  /** Where they were generated at this very start. */
  newCredentials: RootCredentials | undefined;
  close(): Promise<void>;
}

/** Puts everything together and serves. @throws ConfigError, RootKeyError, StoreInUse, StoreTooNew, StoreDamaged … with one line each */
export async function startCoffer(config: Config, logTo: DestinationStream = logToStdout()): Promise<Coffer> {
  const log = pino({ level: config.logLevel, base: undefined }, logTo);
  const store = await openStore(config.dataDir, { ...config.disk, onTrouble: (message) => log.error(message) });
  try {
    return await serve(config, await openCoffer(config, store, log), log);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Lines are written while others gather: a write per request would cost each of them a system call. */
const logToStdout = (): DestinationStream => pino.destination({ dest: 1, sync: false, maxLength: LOG_MAX_BYTES });

async function serve(config: Config, open: OpenCoffer, log: Logger): Promise<Coffer> {
  const {
    store,
    rootKey,
    rootKeyFile,
    credentialsFile,
    own,
    accounts,
    services,
    builtIn,
    audit,
    authFailures,
    sweeper,
  } = open;
  const { meta, clock, sweep } = services;
  await services.buckets.recover();
  await sweeper.recover();
  // Before anything is served: a version that is written or moved meanwhile could be missed.
  const indexed = await buildKeyIndex(meta, open.sealer, open.keyIndex);
  if (indexed && indexed.versions > 0) log.info(indexed, 'object versions are indexed by key');
  await builtIn?.recover();
  let closing = false;
  const readOnly = (): boolean => store.readOnly() !== undefined;
  const metrics = new Metrics(authFailures && (() => authFailures.totals()), open.counts, readOnly);
  const { domain, region } = config;
  const edge = new Edge({
    s3: new S3Requests({
      services,
      operator: open.operator,
      credentials: accounts,
      sigV2: config.sigV2,
      domain,
      router: open.router,
      log,
      authFailures,
    }),
    services: new ServiceRequests({ kms: builtIn?.kms, credentials: accounts, clock, region, log, authFailures }),
    admin: new AdminRequests({ data: open.admin, credentials: accounts, clock, region, log }),
    internal: new InternalPages({
      metrics,
      notReady: async () => (closing ? 'shutting down' : storeTrouble(meta)),
      readOnly,
    }),
    domain,
    peers: new Peers(config.trustedProxies),
    log,
    metrics,
  });
  const tls = await tlsFiles(config);
  const server = new HttpServer(edge, tls);
  const port = await listen(server, config);
  sweep();
  const lifecycle = new LifecycleJob({
    ...services,
    sealer: open.sealer,
    dayMs: config.dayMs,
    report: (counts) => {
      metrics.countLifecycle(counts);
      log.info(counts, 'lifecycle rules were applied');
    },
    trouble: (bucket, error) => log.error({ err: error, bucket }, 'lifecycle rules of a bucket failed'),
    failed: (error) => log.error({ err: error }, 'applying lifecycle rules failed'),
  });
  lifecycle.start();
  const { job, destinations } = open.replication;
  job.start();
  const housekeeping = new Housekeeping(chores(config, open), clock, (chore, err) =>
    log.error({ err }, `${chore} failed`),
  );
  housekeeping.start();
  return {
    url: `${tls ? 'https' : 'http'}://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    rootKeyFile,
    credentialsFile,
    newCredentials: own?.created ? own : undefined,
    async close() {
      closing = true;
      await server.close();
      await lifecycle.stop();
      const replicated = job.stop();
      destinations.close();
      await replicated;
      await housekeeping.stop();
      await sweeper.stop();
      authFailures?.sample();
      await audit?.close();
      await store.close();
      rootKey.dispose();
    },
  };
}

/** What comes round while the process runs; a shortened day shortens it. */
function chores(
  { dayMs, auditRetentionDays }: Config,
  { builtIn, audit, authFailures, services }: OpenCoffer,
): Chore[] {
  const { clock, renameTokens } = services;
  const store: Chore[] = [
    { name: 'forgetting old tokens', everyMs: FORGET_EVERY_MS, run: () => renameTokens.prune(clock.now()) },
  ];
  if (!builtIn || !audit) return store;
  const retentionMs = auditRetentionDays * dayMs;
  return [
    ...store,
    { name: 'keeping KMS keys', everyMs: Math.min(KEYS_EVERY_MS, dayMs), run: () => builtIn.keep() },
    { name: 'sampling failed authentications', everyMs: SAMPLE_EVERY_MS, run: () => authFailures?.sample() },
    {
      name: 'removing old records of the audit log',
      everyMs: Math.min(RETAIN_EVERY_MS, dayMs),
      run: () => audit.retain(clock.now(), retentionMs),
    },
  ];
}

/** Why the store can't be read just now. No more than that: whoever reaches the port reads it. */
async function storeTrouble(meta: MetaStore): Promise<string | undefined> {
  try {
    await meta.get(ABSENT_KEY);
    return undefined;
  } catch (error) {
    return error instanceof StoreDamaged ? 'the store is damaged' : 'the store is not available';
  }
}

/** A row that is never written. */
const ABSENT_KEY = Buffer.of(0xfe);

async function tlsFiles(config: Config): Promise<TlsFiles | undefined> {
  if (config.tls === undefined) return undefined;
  const { certFile, keyFile } =
    config.tls === 'self-signed' ? await selfSigned(config.configHome, config.host, config.domain) : config.tls;
  try {
    return { cert: await readFile(certFile), key: await readFile(keyFile) };
  } catch (error) {
    throw new ConfigError(`TLS certificate or key can't be read: ${(error as Error).message}`);
  }
}

async function listen(server: HttpServer, config: Config): Promise<number> {
  try {
    return await server.listen(config.host, config.port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'EADDRINUSE' ? 'it is in use by another process' : code === 'EACCES' ? 'permission denied' : code;
    throw new ConfigError(`can't listen on ${config.host}:${config.port}: ${why}`);
  }
}
