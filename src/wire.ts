import { mkdir, readFile } from 'node:fs/promises';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { AdminData } from './admin/ports.js';
import { Budget } from './base/budget.js';
import { systemClock } from './base/clock.js';
import { ConfigError } from './base/config-error.js';
import { StoreDamaged } from './base/damaged.js';
import { UPLOAD_BUDGET_BYTES } from './base/limits.js';
import type { Config } from './config.js';
import { DataKeys } from './encryption/data-keys.js';
import { materialIdReader } from './encryption/material-id.js';
import type { KeyService } from './encryption/ports.js';
import { storeKeyOf } from './encryption/store-key.js';
import { AdminRequests } from './http/admin-requests.js';
import { Edge } from './http/edge.js';
import { InternalPages } from './http/internal.js';
import { Metrics } from './http/metrics.js';
import { Operator } from './http/operator.js';
import { Peers } from './http/peer.js';
import { Router } from './http/router.js';
import { S3Requests } from './http/s3-requests.js';
import { selfSigned } from './http/self-signed.js';
import { HttpServer, type TlsFiles } from './http/server.js';
import { ServiceRequests } from './http/service-requests.js';
import { type AccountConfig, Accounts } from './iam/accounts.js';
import { readAccountsFile } from './iam/accounts-file.js';
import { loadOrCreateCredentials, type RootCredentials } from './iam/credentials-file.js';
import { type Chore, Housekeeping } from './jobs/housekeeping.js';
import { LifecycleJob } from './jobs/lifecycle/job.js';
import { Sweeper } from './jobs/sweeper.js';
import { AuthFailures } from './kms/audit/auth-failures.js';
import { AuditTrail, auditChainKeyOf } from './kms/audit/trail.js';
import { readBlobHeader } from './kms/ciphertext-blob.js';
import { openKms } from './kms/open.js';
import { RemoteKeyService } from './kms/remote.js';
import { OPERATIONS } from './s3/registry.js';
import { ReplicationCounts } from './s3/replication/counts.js';
import { ReplicationPlanner } from './s3/replication/planner.js';
import type { Services } from './s3/services.js';
import { requireRightRootKey } from './seal/check-value.js';
import { KeyPlaces } from './seal/key-places.js';
import { RootSealer } from './seal/record-sealer.js';
import { loadOrCreateRootKey, type RootKey } from './seal/root-key.js';
import { requireNoRotation } from './seal/rotation-mark.js';
import { BucketConfigs } from './store/bucket-configs.js';
import { BucketPolicies } from './store/bucket-policies.js';
import { Buckets } from './store/buckets.js';
import { Intents } from './store/intents.js';
import { KeyImpacts } from './store/key-impact.js';
import { KeyIndex } from './store/key-index.js';
import { buildKeyIndex } from './store/key-index-build.js';
import { openStore, type Store } from './store/leveldb/open.js';
import { Manifests } from './store/manifest.js';
import { Objects } from './store/objects.js';
import type { MetaStore } from './store/ports.js';
import { RenameTokens } from './store/rename-tokens.js';
import { ReplicationQueue } from './store/replication-queue.js';
import { Uploads } from './store/uploads.js';
import { wireReplication } from './wire-replication.js';

/** How often what is due is looked for: CMKs to rotate, expire and destroy; records of the audit that are old. */
const KEYS_EVERY_MS = 60_000;
const SAMPLE_EVERY_MS = 10_000;
const RETAIN_EVERY_MS = 3_600_000;
const FORGET_EVERY_MS = 60_000;
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
    return await serve(config, await openCoffer(config, store, log), log);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Lines are written while others gather: a write per request would cost each of them a system call. */
const logToStdout = (): DestinationStream => pino.destination({ dest: 1, sync: false, maxLength: LOG_MAX_BYTES });

/** Everything that lies behind the edge: what a server serves from, and what a command works on where no server runs. */
export type OpenCoffer = Awaited<ReturnType<typeof openCoffer>>;

/** Opens keys, accounts and services over a store; it changes nothing that is stored yet. @throws ConfigError, RootKeyError, StoreDamaged */
export async function openCoffer(config: Config, store: Store, log: Logger) {
  const { meta, blobs, storeId } = store;
  const clock = systemClock;
  const isNew = (await meta.range({ gte: Buffer.of(1), lt: Buffer.of(0xff), limit: 1, keysOnly: true })).length === 0;
  await mkdir(config.configHome, { recursive: true, mode: 0o700 });
  await requireNoRotation(meta);
  const places = new KeyPlaces(config.configHome, storeId);
  const rootKeyFile = config.rootKeyPassphrase ? undefined : (config.rootKeyFile ?? places.rootKeyFile);
  const rootKey = await loadRootKey(config, rootKeyFile, places.saltFile, isNew);
  const sealer = new RootSealer(rootKey);
  await requireRightRootKey(meta, sealer);

  const credentialsFile = config.accountsFile || config.accessKeyId ? undefined : places.credentialsFile;
  const own = credentialsFile === undefined ? undefined : await loadOrCreateCredentials(credentialsFile);
  const accounts = new Accounts(await accountsOf(config, own));
  const root = rootKeyFile === undefined ? { saltFile: places.saltFile } : { file: rootKeyFile };
  const buckets = new Buckets(meta, sealer);
  const audit =
    config.kmsEndpoint === undefined
      ? await AuditTrail.open({
          meta,
          sealer,
          chainKey: auditChainKeyOf(rootKey),
          headFile: places.auditHeadFile(root),
          clock,
          onTrouble: (message, error) => log.error({ err: error }, message),
        })
      : undefined;
  const authFailures = audit && new AuthFailures(audit, clock);
  const builtIn = !audit
    ? undefined
    : await openKms({
        meta,
        sealer,
        rootKey,
        keyStoreFile: places.keyStoreFile(root),
        audit,
        principals: accounts,
        clock,
        region: config.region,
        dayMs: config.dayMs,
        impact: new KeyImpacts(meta, buckets),
        beforeDestruction: () => dataKeys.forgetBucketKeys(),
        compact: (range) => store.compactMeta(range),
        onTrouble: (error) => log.error({ err: error }, 'keeping KMS keys failed'),
        onNotice: (message) => log.warn(message),
      });
  const keyService: KeyService = builtIn?.kms ?? new RemoteKeyService(config.kmsEndpoint!, config.region, clock);

  const keyIndex = new KeyIndex(materialIdReader(readBlobHeader));
  const configs = new BucketConfigs(meta, sealer, buckets);
  const queue = new ReplicationQueue(meta, sealer);
  const counts = new ReplicationCounts();
  const planner = new ReplicationPlanner(queue, configs, clock, counts, (rowKey) => replication.job.told(rowKey));
  const objects = new Objects(meta, sealer, buckets, clock, keyIndex, planner);
  const manifests = new Manifests(meta, sealer);
  const intents = new Intents(meta, blobs, sealer);
  const uploads = new Uploads(meta, sealer, objects.dead);
  const sweeper = new Sweeper({ meta, blobs, intents, manifests, uploads, dead: objects.dead });
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
  const dataKeys = new DataKeys(keyService, storeKeyOf(rootKey), clock);
  const services: Services = {
    clock,
    region: config.region,
    meta,
    blobs,
    buckets,
    bucketPolicies: new BucketPolicies(meta, sealer, buckets),
    configs,
    renameTokens: new RenameTokens(meta, sealer),
    objects,
    uploads,
    manifests,
    intents,
    dataKeys,
    keyService,
    accounts,
    uploadBudget: new Budget(UPLOAD_BUDGET_BYTES),
    sweep,
    replication: { queue, isVersioned: (bucketArn) => replication.destinations.isVersioned(bucketArn) },
    settings: {
      sseCOverHttp: config.sseCOverHttp,
      sseCDefault: config.sseCDefault,
      objectOwnership: config.objectOwnership,
      blockPublicAccess: config.blockPublicAccess,
      sseCOnReplicatedBucket: config.sseCOnReplicatedBucket,
      dayMs: config.dayMs,
    },
  };
  const operator = new Operator(services);
  const router = new Router(OPERATIONS);
  const replication = wireReplication(config, services, counts, { operator, router }, log);
  const admin: AdminData = {
    storeId,
    rootKeyId: rootKey.id.toString('hex'),
    sealer,
    accountIds: accounts.accountIds(),
    services,
    kms: builtIn?.kms,
    audit,
  };
  return {
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
    keyIndex,
    sweeper,
    sealer,
    operator,
    router,
    counts,
    replication,
    admin,
  };
}

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
  const metrics = new Metrics(authFailures && (() => authFailures.totals()), open.counts);
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

function loadRootKey(config: Config, file: string | undefined, saltFile: string, create: boolean): Promise<RootKey> {
  if (file !== undefined) return loadOrCreateRootKey({ file, create });
  return loadOrCreateRootKey({ passphrase: config.rootKeyPassphrase!, saltFile, create });
}

async function accountsOf(config: Config, own: RootCredentials | undefined): Promise<AccountConfig[]> {
  if (config.accountsFile) return readAccountsFile(config.accountsFile);
  const root = own ?? { accessKeyId: config.accessKeyId!, secretAccessKey: config.secretAccessKey! };
  return [{ accountId: config.accountId, name: 'main', accessKeys: [root] }];
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
