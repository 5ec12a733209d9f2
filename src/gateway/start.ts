import { stat } from 'node:fs/promises';
import { type Logger, pino } from 'pino';
import { ConfigError } from '../base/config-error.js';
import type { Config } from '../config.js';
import { Metrics } from '../http/metrics.js';
import { HttpServer } from '../http/server.js';
import type { RootCredentials } from '../iam/credentials-file.js';
import { buildKeyIndex } from '../store/key-index-build.js';
import { edgeOf } from './edge.js';
import type { Gateway } from './gateway.js';
import { jobsOf } from './jobs.js';
import { openGateway } from './open.js';
import { openProfile, type ProfileOptions } from './profile.js';
import { sharedLines } from './shared-metrics.js';
import { tlsFiles } from './tls.js';

export interface Coffer {
  url: string;
  /** Where the root key lies; absent where it comes from a passphrase. */
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

/**
 * Puts everything together and serves. `options`: of the engines, for tests.
 * @throws ConfigError, RootKeyError, StoreInUse, StoreTooNew, StoreDamaged … with one line each
 */
export async function startCoffer(
  config: Config,
  logTo: LogTo,
  options: Pick<ProfileOptions, 'engines' | 'nowMs'> = {},
): Promise<Coffer> {
  const log = pino({ level: config.logLevel, base: undefined }, logTo);
  await warnOfReadable(config, log);
  const profile = await openProfile(config, { ...options, onTrouble: (message) => log.error(message) });
  try {
    return await serve(await openGateway(config, profile, log), () => logTo.lost ?? 0);
  } catch (error) {
    await profile.store.close();
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

async function serve(gateway: Gateway, lostLines: () => number): Promise<Coffer> {
  const { config, log, profile, keys, callers, kms, s3, jobs, replication } = gateway;
  const { store, leases } = profile;
  const { builtIn, cloudhsm, audit, authFailures } = kms;
  // A directory of keys that is read-only has none of its own.
  const storeFile = keys.places.storeFile(keys.root);
  await profile.remember(storeFile).catch((error: unknown) => {
    log.warn(
      `${storeFile} can't be written: a missing data directory would not be noticed (${(error as NodeJS.ErrnoException).code})`,
    );
  });
  // Where others may be at work, it is the sweeping job's, under its lease.
  if (!store.meta.shared) await gateway.sweeping.recover();
  // Before anything is served: a version that is written or moved meanwhile could be missed.
  const indexed = await buildKeyIndex(store.meta, keys.sealer, s3.keyIndex);
  if (indexed && indexed.versions > 0) log.info(indexed, 'object versions are indexed by key');
  await builtIn?.recover();
  let closing = false;
  const metrics = new Metrics(
    authFailures && (() => authFailures.totals()),
    s3.counts,
    lostLines,
    () => store.readOnly() !== undefined,
    cloudhsm && (() => cloudhsm.counts()),
    () => sharedLines(store.counts?.(), leases.counts()),
  );
  const tls = await tlsFiles(config);
  const server = new HttpServer(
    edgeOf(gateway, metrics, () => closing),
    tls,
    {
      headersMaxBytes: config.maxHeaderBytes,
      connectionsMax: config.maxConnections,
      shutdownMs: config.shutdownMs,
    },
  );
  const port = await listen(server, config);
  for (const job of jobsOf(gateway, (counts) => metrics.countLifecycle(counts))) jobs.register(job);
  jobs.start();
  const { own, credentialsFile } = callers;
  return {
    url: `${tls ? 'https' : 'http'}://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    rootKeyFile: keys.rootKeyFile,
    credentialsFile,
    newCredentials: own?.created ? own : undefined,
    async close() {
      closing = true;
      await server.close();
      const stopped = jobs.stop();
      replication.destinations.close();
      await stopped;
      await builtIn?.close();
      await cloudhsm?.close();
      authFailures?.sample();
      await audit?.close();
      await s3.services.bodyThreads?.close();
      await store.close();
      keys.rootKey.dispose();
    },
    hurry: () => server.closeNow(),
  };
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
