import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DestinationStream, type Logger, pino } from 'pino';
import { Budget } from './base/budget.js';
import { systemClock } from './base/clock.js';
import { ConfigError } from './base/config-error.js';
import { StoreDamaged } from './base/damaged.js';
import { UPLOAD_BUDGET_BYTES } from './base/limits.js';
import type { Secret } from './base/secret.js';
import type { Config } from './config.js';
import { DataKeys } from './encryption/data-keys.js';
import type { KeyService } from './encryption/ports.js';
import { Edge } from './http/edge.js';
import { InternalPages } from './http/internal.js';
import { Metrics } from './http/metrics.js';
import { Peers } from './http/peer.js';
import { Router } from './http/router.js';
import { S3Requests } from './http/s3-requests.js';
import { selfSigned } from './http/self-signed.js';
import { HttpServer, type TlsFiles } from './http/server.js';
import { ServiceRequests } from './http/service-requests.js';
import { type AccountConfig, Accounts } from './iam/accounts.js';
import { readAccountsFile } from './iam/accounts-file.js';
import { loadOrCreateCredentials, type RootCredentials } from './iam/credentials-file.js';
import { LifecycleJob } from './jobs/lifecycle/job.js';
import { Sweeper } from './jobs/sweeper.js';
import { KeyDestroyer } from './kms/destroy.js';
import { KeyRing } from './kms/key-ring.js';
import { KeyStoreKeyFile } from './kms/key-store-key.js';
import { Keys } from './kms/keys.js';
import { Kms } from './kms/kms.js';
import { RemoteKeyService } from './kms/remote.js';
import { OPERATIONS } from './s3/registry.js';
import type { Services } from './s3/services.js';
import { requireRightRootKey } from './seal/check-value.js';
import { RootSealer } from './seal/record-sealer.js';
import { loadOrCreateRootKey, type RootKey } from './seal/root-key.js';
import { BucketConfigs } from './store/bucket-configs.js';
import { Buckets } from './store/buckets.js';
import { Intents } from './store/intents.js';
import { openStore, type Store } from './store/leveldb/open.js';
import { Manifests } from './store/manifest.js';
import { Objects } from './store/objects.js';
import type { MetaStore } from './store/ports.js';
import { RenameTokens } from './store/rename-tokens.js';
import { Uploads } from './store/uploads.js';

/** How often what is due is looked for: CMKs whose waiting period is over, client tokens that are old. */
const HOUSEKEEPING_MS = 60_000;
const SWEEP_DELAY_MS = 100;

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
  const store = await openStore(config.dataDir, { onTrouble: (message) => log.error(message) });
  try {
    return await wire(config, store, log);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Lines are written while others gather: a write per request would cost each of them a system call. */
const logToStdout = (): DestinationStream => pino.destination({ dest: 1, sync: false, maxLength: LOG_MAX_BYTES });

async function wire(config: Config, store: Store, log: Logger): Promise<Coffer> {
  const { meta, blobs, storeId } = store;
  const clock = systemClock;
  const isNew = (await meta.range({ gte: Buffer.of(1), lt: Buffer.of(0xff), limit: 1, keysOnly: true })).length === 0;
  await mkdir(config.configHome, { recursive: true, mode: 0o700 });
  const beside = (suffix: string): string => join(config.configHome, `${storeId}${suffix}`);
  const rootKeyFile = config.rootKeyPassphrase ? undefined : (config.rootKeyFile ?? beside('.key'));
  const rootKey = await loadRootKey(config, rootKeyFile, beside('.salt'), isNew);
  const sealer = new RootSealer(rootKey);
  await requireRightRootKey(meta, sealer);

  const credentialsFile = config.accountsFile || config.accessKeyId ? undefined : beside('.credentials');
  const own = credentialsFile === undefined ? undefined : await loadOrCreateCredentials(credentialsFile);
  const accounts = new Accounts(await accountsOf(config, own));
  const builtIn = config.kmsEndpoint
    ? undefined
    : await builtInKms(config, store, sealer, rootKey, rootKeyFile, beside);
  const kms = builtIn?.kms;
  const keyService: KeyService = kms ?? new RemoteKeyService(config.kmsEndpoint!, config.region, clock);

  const buckets = new Buckets(meta, sealer);
  const objects = new Objects(meta, sealer, buckets, clock);
  const manifests = new Manifests(meta, sealer);
  const intents = new Intents(meta, blobs, sealer);
  const renameTokens = new RenameTokens(meta, sealer);
  const uploads = new Uploads(meta, sealer, objects.dead);
  const sweeper = new Sweeper({ meta, blobs, intents, manifests, uploads, dead: objects.dead });
  await buckets.recover();
  await sweeper.recover();
  // Many requests ask for a pass at once; one a little later serves them all.
  let sweepIsDue = false;
  const sweep = (): void => {
    if (sweepIsDue) return;
    sweepIsDue = true;
    setTimeout(() => {
      sweepIsDue = false;
      sweeper.kick().catch((error) => log.error({ err: error }, 'the sweeper stopped'));
    }, SWEEP_DELAY_MS).unref();
  };
  const dataKeys = new DataKeys(keyService, rootKey.derive('coffer/store-key'), clock);
  const destroyer =
    builtIn &&
    new KeyDestroyer(
      { ring: builtIn.ring, file: builtIn.file, before: () => dataKeys.forgetBucketKeys() },
      builtIn.keyStoreKey,
    );
  // Also takes up what a crash interrupted.
  await destroyer?.destroyDue(clock.now());
  const services: Services = {
    clock,
    region: config.region,
    meta,
    blobs,
    buckets,
    configs: new BucketConfigs(meta, sealer, buckets),
    renameTokens,
    objects,
    uploads,
    manifests,
    intents,
    dataKeys,
    keyService,
    accounts,
    uploadBudget: new Budget(UPLOAD_BUDGET_BYTES),
    sweep,
    settings: { sseCOverHttp: config.sseCOverHttp, sseCDefault: config.sseCDefault, dayMs: config.dayMs },
  };
  let closing = false;
  const metrics = new Metrics();
  const { domain, region } = config;
  const edge = new Edge({
    s3: new S3Requests({ services, credentials: accounts, domain, router: new Router(OPERATIONS), log }),
    services: new ServiceRequests({ kms, credentials: accounts, clock, region, log }),
    internal: new InternalPages({
      metrics,
      notReady: async () => (closing ? 'shutting down' : storeTrouble(meta)),
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
    sealer,
    dayMs: config.dayMs,
    report: (counts) => {
      metrics.countLifecycle(counts);
      log.info(counts, 'lifecycle rules were applied');
    },
    trouble: (bucket, error) => log.error({ err: error, bucket }, 'lifecycle rules of a bucket failed'),
    failed: (error) => log.error({ err: error }, 'applying lifecycle rules failed'),
  });
  lifecycle.start();
  const housekeeping = setInterval(() => {
    destroyer?.destroyDue(clock.now()).catch((error) => log.error({ err: error }, 'destroying due keys failed'));
    renameTokens.prune(clock.now()).catch((error) => log.error({ err: error }, 'forgetting old tokens failed'));
  }, HOUSEKEEPING_MS);
  housekeeping.unref();
  return {
    url: `${tls ? 'https' : 'http'}://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    rootKeyFile,
    credentialsFile,
    newCredentials: own?.created ? own : undefined,
    async close() {
      closing = true;
      clearInterval(housekeeping);
      await server.close();
      await lifecycle.stop();
      await sweeper.stop();
      await store.close();
      rootKey.dispose();
    },
  };
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

function loadRootKey(config: Config, file: string | undefined, saltFile: string, create: boolean): Promise<RootKey> {
  if (file !== undefined) return loadOrCreateRootKey({ file, create });
  return loadOrCreateRootKey({ passphrase: config.rootKeyPassphrase!, saltFile, create });
}

async function accountsOf(config: Config, own: RootCredentials | undefined): Promise<AccountConfig[]> {
  if (config.accountsFile) return readAccountsFile(config.accountsFile);
  const root = own ?? { accessKeyId: config.accessKeyId!, secretAccessKey: config.secretAccessKey! };
  return [{ accountId: config.accountId, name: 'main', accessKeys: [root] }];
}

async function builtInKms(
  config: Config,
  { meta }: Store,
  sealer: RootSealer,
  rootKey: RootKey,
  rootKeyFile: string | undefined,
  beside: (suffix: string) => string,
): Promise<{ kms: Kms; ring: KeyRing; file: KeyStoreKeyFile; keyStoreKey: Secret }> {
  const file = new KeyStoreKeyFile(
    rootKeyFile ? `${rootKeyFile}.keystore` : beside('.keystore'),
    rootKey.derive('coffer/key-store-sealing'),
  );
  const probe = new KeyRing(meta, sealer, rootKey.derive('coffer/key-store-probe'), systemClock);
  const keyStoreKey = await file.load(await probe.isEmpty());
  const ring = new KeyRing(meta, sealer, keyStoreKey, systemClock, file.previous);
  return { kms: new Kms(new Keys(ring, config.region, systemClock, config.dayMs)), ring, file, keyStoreKey };
}

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
