import type { Logger } from 'pino';
import type { AdminData } from './admin/ports.js';
import { Budget } from './base/budget.js';
import { ClientBudget } from './base/client-budget.js';
import { systemClock } from './base/clock.js';
import { UPLOAD_BUDGET_BYTES } from './base/limits.js';
import { makeDirectory } from './base/make-directory.js';
import { partitionOf } from './base/partition.js';
import { Slots } from './bodies/slots.js';
import { BodyThreads } from './bodies/threads.js';
import { openCloudHsm } from './cloudhsm/open.js';
import type { Config } from './config.js';
import { DataKeys } from './encryption/data-keys.js';
import { materialIdReader } from './encryption/material-id.js';
import type { KeyService } from './encryption/ports.js';
import { storeKeyOf } from './encryption/store-key.js';
import { Operator } from './http/operator.js';
import { Router } from './http/router.js';
import { type AccountConfig, Accounts } from './iam/accounts.js';
import { readAccountsFile } from './iam/accounts-file.js';
import { credentialsFileOf, loadOrCreateCredentials, type RootCredentials } from './iam/credentials-file.js';
import { Sweeper } from './jobs/sweeper.js';
import { AuthFailures } from './kms/audit/auth-failures.js';
import { AuditTrail, auditChainKeyOf } from './kms/audit/trail.js';
import { readBlobHeader } from './kms/ciphertext-blob.js';
import { openKms } from './kms/open.js';
import type { RemoteKeyService } from './kms/remote.js';
import { OPERATIONS } from './s3/registry.js';
import { ReplicationCounts } from './s3/replication/counts.js';
import { ReplicationPlanner } from './s3/replication/planner.js';
import type { Services } from './s3/services.js';
import { requireRightRootKey } from './seal/check-value.js';
import { KeyPlaces, type RootKeyPlace } from './seal/key-places.js';
import { RootSealer } from './seal/record-sealer.js';
import { loadOrCreateRootKey, type RootKey } from './seal/root-key.js';
import { requireNoRotation } from './seal/rotation-mark.js';
import { LibraryToken } from './seal/token/library-token.js';
import { BucketConfigs } from './store/bucket-configs.js';
import { BucketPolicies } from './store/bucket-policies.js';
import { Buckets } from './store/buckets.js';
import { Intents } from './store/intents.js';
import { KeyImpacts } from './store/key-impact.js';
import { KeyIndex } from './store/key-index.js';
import type { Store } from './store/leveldb/open.js';
import { Manifests } from './store/manifest.js';
import { Objects } from './store/objects.js';
import { RenameTokens } from './store/rename-tokens.js';
import { ReplicationQueue } from './store/replication-queue.js';
import { Uploads } from './store/uploads.js';
import { wireReplication } from './wire-replication.js';

const SWEEP_DELAY_MS = 100;

/** Everything that lies behind the edge: what a server serves from, and what a command works on where no server runs. */
export type OpenCoffer = Awaited<ReturnType<typeof openCoffer>>;

/** Opens keys, accounts and services over a store; it changes nothing that is stored yet. @throws ConfigError, RootKeyError, StoreDamaged */
export async function openCoffer(config: Config, store: Store, log: Logger) {
  const { meta, blobs, storeId } = store;
  const clock = systemClock;
  const isNew = (await meta.range({ gte: Buffer.of(1), lt: Buffer.of(0xff), limit: 1, keysOnly: true })).length === 0;
  await makeDirectory(config.configHome);
  await requireNoRotation(meta);
  const places = new KeyPlaces(config.configHome, storeId);
  const root = places.rootOf(config);
  const rootKeyFile = 'file' in root ? root.file : undefined;
  const rootKey = await loadRootKey(config, root, storeId, isNew);
  const sealer = new RootSealer(rootKey);
  await requireRightRootKey(meta, sealer);

  const credentialsFile = config.accountsFile || config.accessKeyId ? undefined : credentialsFileOf(places, root);
  const own = credentialsFile === undefined ? undefined : await loadOrCreateCredentials(credentialsFile);
  const accounts = new Accounts(await accountsOf(config, own), partitionOf(config.region));
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
  const cloudhsm =
    config.hsmFile === undefined
      ? undefined
      : openCloudHsm({
          hsmFile: config.hsmFile,
          meta,
          sealer,
          audit,
          clock,
          region: config.region,
          dayMs: config.dayMs,
          say: (level, facts, message) => log[level](facts, message),
        });
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
        regions: config.regions,
        dayMs: config.dayMs,
        xks: {
          timeoutMs: config.xksTimeoutMs,
          caFile: config.xksCaFile,
          hosts: config.xksHosts,
          requestsMax: config.xksMaxRequests,
        },
        clusters: cloudhsm,
        impact: new KeyImpacts(meta, buckets),
        beforeDestruction: () => dataKeys.forgetBucketKeys(),
        compact: (range) => store.compactMeta(range),
        onTrouble: (error) => log.error({ err: error }, 'keeping KMS keys failed'),
        onNotice: (message) => log.warn(message),
        say: (level, facts, message) => log[level](facts, message),
      });
  const keyService: KeyService = builtIn?.kms ?? (await remoteKeyService(config.kmsEndpoint!, config.region, clock));

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
    accounts: config.displayNames ? accounts : nameless(accounts),
    bodyThreads:
      config.bodyThreads > 0
        ? new BodyThreads(config.bodyThreads, new Slots(config.bodyMemoryBytes), (err) =>
            log.error({ err }, 'a body thread failed'),
          )
        : undefined,
    uploadBudget: new Budget(UPLOAD_BUDGET_BYTES),
    answerBudget: new ClientBudget(config.answerMemoryBytes),
    requestBudget: new ClientBudget(config.requestMemoryBytes),
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
    rootOf: (accountId) => accounts.root(accountId),
    services,
    kms: builtIn?.kms,
    officers: cloudhsm?.officers,
    audit,
  };
  return {
    store,
    rootKey,
    rootKeyFile,
    credentialsFile,
    storeFile: places.storeFile(root),
    own,
    accounts,
    services,
    builtIn,
    cloudhsm,
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

/** As S3 answers since November 2025: without display names. */
function nameless(accounts: Accounts): Services['accounts'] {
  return {
    owner: (accountId) => {
      const owner = accounts.owner(accountId);
      return owner && { id: owner.id };
    },
    byCanonicalId: (id) => accounts.byCanonicalId(id),
    acting: (arn, by) => accounts.acting(arn, by),
    byEmail: (email) => accounts.byEmail(email),
  };
}

/** AWS's client takes a tenth of a second to load: only who uses it waits for it. */
async function remoteKeyService(...parts: ConstructorParameters<typeof RemoteKeyService>): Promise<KeyService> {
  const { RemoteKeyService } = await import('./kms/remote.js');
  return new RemoteKeyService(...parts);
}

function loadRootKey(config: Config, root: RootKeyPlace, storeId: string, create: boolean): Promise<RootKey> {
  if ('file' in root) return loadOrCreateRootKey({ ...root, create });
  if ('saltFile' in root) return loadOrCreateRootKey({ passphrase: config.rootKeyPassphrase!, ...root, create });
  const { uri, pin } = config.rootKeyPkcs11!;
  return loadOrCreateRootKey({ token: new LibraryToken(uri, pin), tokenFile: root.tokenFile, storeId, create });
}

async function accountsOf(config: Config, own: RootCredentials | undefined): Promise<AccountConfig[]> {
  if (config.accountsFile) return readAccountsFile(config.accountsFile);
  const root = own ?? { accessKeyId: config.accessKeyId!, secretAccessKey: config.secretAccessKey! };
  return [{ accountId: config.accountId, name: 'main', accessKeys: [root] }];
}
