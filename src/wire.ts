import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { type Logger, pino } from 'pino';
import { ConfigError } from './base/config-error.js';
import { StoreDamaged } from './base/damaged.js';
import type { Config } from './config.js';
import { AdminRequests } from './http/admin-requests.js';
import { Admission } from './http/admission.js';
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
import { rememberStore, requireNoLostStore } from './lost-store.js';
import { type OpenCoffer, openCoffer } from './open.js';
import { buildKeyIndex } from './store/key-index-build.js';
import { openStore } from './store/leveldb/open.js';
import type { MetaStore } from './store/ports.js';

/** How often what is due is looked for: CMKs to rotate, expire and destroy; records of the audit that are old. */
const KEYS_EVERY_MS = 60_000;
/** Members that wait to be made or removed, backups. */
const HSMS_EVERY_MS = 60_000;
/** Each proxy is asked once. */
const XKS_HEALTH_EVERY_MS = 60_000;
const SAMPLE_EVERY_MS = 10_000;
const RETAIN_EVERY_MS = 3_600_000;
const FORGET_EVERY_MS = 60_000;

export interface Coffer {
  url: string;
  /** Where the root key lies; absent where it comes from a passphrase or a token. */
  rootKeyFile: string | undefined;
  /** Absent where settings or the accounts file give the credentials. */
  credentialsFile: string | undefined;
  /** Where they were generated at this very start. */
  newCredentials: RootCredentials | undefined;
  /** No new requests; those under way have `shutdownMs`. */
  close(): Promise<void>;
  /** While it closes: waits for clients no longer. */
  hurry(): void;
}

/** Where lines of the log go. */
export interface LogTo {
  write(line: string): void;
  /** How many could not be written. */
  readonly lost?: number;
}

/** Puts everything together and serves. @throws ConfigError, RootKeyError, StoreInUse, StoreTooNew, StoreDamaged … with one line each */
export async function startCoffer(config: Config, logTo: LogTo): Promise<Coffer> {
  const log = pino({ level: config.logLevel, base: undefined }, logTo);
  await requireNoLostStore(config);
  await warnOfReadable(config, log);
  const store = await openStore(config.dataDir, {
    ...config.disk,
    blobs: config.blobs,
    onTrouble: (message) => log.error(message),
  });
  try {
    return await serve(config, await openCoffer(config, store, log), log, () => logTo.lost ?? 0);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The root key file and the generated credentials are refused then; these may be mounted by others, whose modes can't be chosen. */
async function warnOfReadable({ secretFiles }: Config, log: Logger): Promise<void> {
  for (const [setting, path] of secretFiles) {
    const mode = await stat(path).then(
      (stats) => stats.mode & 0o077,
      // Whoever reads it says what is wrong.
      () => 0,
    );
    if (mode === 0 || process.platform === 'win32') continue;
    log.warn({ setting, path }, `${setting} ${path} holds secrets and is open to others: chmod 600 it`);
  }
}

async function serve(config: Config, open: OpenCoffer, log: Logger, lostLines: () => number): Promise<Coffer> {
  const {
    store,
    rootKey,
    rootKeyFile,
    credentialsFile,
    own,
    accounts,
    services,
    builtIn,
    cloudhsm,
    audit,
    authFailures,
    sweeper,
  } = open;
  const { meta, clock, sweep, answerBudget, requestBudget } = services;
  // A directory of keys that is read-only has none of its own.
  await rememberStore(open.storeFile, store.storeId, config.dataDir).catch((error: unknown) => {
    log.warn(
      `${open.storeFile} can't be written: a missing data directory would not be noticed (${(error as NodeJS.ErrnoException).code})`,
    );
  });
  await services.buckets.recover();
  await sweeper.recover();
  // Before anything is served: a version that is written or moved meanwhile could be missed.
  const indexed = await buildKeyIndex(meta, open.sealer, open.keyIndex);
  if (indexed && indexed.versions > 0) log.info(indexed, 'object versions are indexed by key');
  await builtIn?.recover();
  let closing = false;
  const readOnly = (): boolean => store.readOnly() !== undefined;
  const metrics = new Metrics(
    authFailures && (() => authFailures.totals()),
    open.counts,
    lostLines,
    readOnly,
    cloudhsm && (() => cloudhsm.counts()),
    builtIn && (() => builtIn.xks),
  );
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
    services: new ServiceRequests({
      kms: builtIn?.byRegion,
      cloudhsm,
      credentials: accounts,
      clock,
      region,
      regions: config.regions,
      log,
      authFailures,
      budget: requestBudget,
    }),
    admin: new AdminRequests({ data: open.admin, credentials: accounts, clock, region, log, budget: requestBudget }),
    internal: new InternalPages({
      metrics,
      notReady: async () => (closing ? 'shutting down' : storeTrouble(meta)),
      readOnly,
      measureSpace: () => store.measureSpace(),
    }),
    domain,
    peers: new Peers(config.trustedProxies),
    admission: new Admission(config.maxRequestsPerPeer, answerBudget),
    answers: answerBudget,
    log,
    metrics,
  });
  const tls = await tlsFiles(config);
  const server = new HttpServer(edge, tls, {
    headersMaxBytes: config.maxHeaderBytes,
    connectionsMax: config.maxConnections,
    shutdownMs: config.shutdownMs,
  });
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
  // Members that were being made or removed when the process before this one ended.
  cloudhsm?.steward.keep().catch((error) => log.error({ err: error }, 'keeping CloudHSM clusters failed'));
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
      await builtIn?.close();
      await cloudhsm?.close();
      authFailures?.sample();
      await audit?.close();
      await services.bodyThreads?.close();
      await store.close();
      rootKey.dispose();
    },
    hurry: () => server.closeNow(),
  };
}

/** What comes round while the process runs. A shortened day shortens what is done for keys, never how long the audit is kept. */
function chores(
  { dayMs, auditRetentionMs }: Config,
  { builtIn, cloudhsm, audit, authFailures, services }: OpenCoffer,
): Chore[] {
  const { clock, renameTokens } = services;
  const store: Chore[] = [
    { name: 'forgetting old tokens', everyMs: FORGET_EVERY_MS, run: () => renameTokens.prune(clock.now()) },
  ];
  if (cloudhsm) {
    const everyMs = Math.min(HSMS_EVERY_MS, dayMs);
    store.push({ name: 'keeping CloudHSM clusters', everyMs, run: () => cloudhsm.steward.keep() });
  }
  if (!builtIn || !audit) return store;
  return [
    ...store,
    { name: 'keeping KMS keys', everyMs: Math.min(KEYS_EVERY_MS, dayMs), run: () => builtIn.keep() },
    {
      name: 'asking external key stores for their health',
      everyMs: XKS_HEALTH_EVERY_MS,
      run: () => builtIn.checkHealth(),
    },
    { name: 'sampling failed authentications', everyMs: SAMPLE_EVERY_MS, run: () => authFailures?.sample() },
    {
      name: 'removing old records of the audit log',
      everyMs: RETAIN_EVERY_MS,
      run: () => audit.retain(clock.now(), auditRetentionMs),
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
    config.tls === 'self-signed'
      ? await selfSigned(config.rootKeyFile, config.configHome, config.host, config.domain)
      : config.tls;
  const files = { cert: await tlsFile('certificate', certFile), key: await tlsFile('key', keyFile) };
  try {
    createSecureContext(files);
  } catch (error) {
    throw new ConfigError(
      `TLS certificate ${certFile} and key ${keyFile} are not PEM, or don't belong together (${(error as Error).message})`,
    );
  }
  return files;
}

async function tlsFile(what: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ConfigError(`TLS ${what} ${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
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
