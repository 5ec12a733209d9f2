import type { Logger } from 'pino';
import { Budget } from '../base/budget.js';
import { ClientBudget } from '../base/client-budget.js';
import type { Clock } from '../base/clock.js';
import { UPLOAD_BUDGET_BYTES } from '../base/limits.js';
import { Slots } from '../bodies/slots.js';
import { BodyThreads } from '../bodies/threads.js';
import type { Config } from '../config.js';
import type { DataKeys } from '../encryption/data-keys.js';
import { materialIdReader } from '../encryption/material-id.js';
import type { KeyService } from '../encryption/ports.js';
import type { Accounts } from '../iam/accounts.js';
import { readBlobHeader } from '../kms/ciphertext-blob.js';
import { ReplicationCounts } from '../s3/replication/counts.js';
import { ReplicationPlanner } from '../s3/replication/planner.js';
import type { ReplicationServices, Services } from '../s3/services.js';
import type { RecordSealer } from '../seal/ports.js';
import { BucketConfigs } from '../store/bucket-configs.js';
import { BucketPolicies } from '../store/bucket-policies.js';
import type { Buckets } from '../store/buckets.js';
import { Intents } from '../store/intents.js';
import { KeyIndex } from '../store/key-index.js';
import type { Leases } from '../store/leases.js';
import { Manifests } from '../store/manifest.js';
import { Objects } from '../store/objects.js';
import { RenameTokens } from '../store/rename-tokens.js';
import { ReplicationQueue } from '../store/replication-queue.js';
import type { Store } from '../store/store.js';
import { Uploads } from '../store/uploads.js';

/** What S3's operations work with, and what besides them knows of versions. */
export interface GatewayS3 {
  services: Services;
  keyIndex: KeyIndex;
  counts: ReplicationCounts;
}

export interface S3Parts {
  config: Config;
  store: Store;
  leases: Leases;
  sealer: RecordSealer;
  buckets: Buckets;
  accounts: Accounts;
  clock: Clock;
  dataKeys: DataKeys;
  keyService: KeyService;
  /** Something became unreachable. */
  sweep(): void;
  /** A version is to be replicated. */
  toReplicate(rowKey: Buffer): void;
  isVersioned: ReplicationServices['isVersioned'];
  log: Logger;
}

export function openS3(parts: S3Parts): GatewayS3 {
  const { config, store, leases, sealer, buckets, accounts, clock, dataKeys, keyService, log } = parts;
  const { meta, blobs } = store;
  const keyIndex = new KeyIndex(materialIdReader(readBlobHeader));
  const configs = new BucketConfigs(meta, sealer, buckets);
  const queue = new ReplicationQueue(meta, sealer);
  const counts = new ReplicationCounts();
  const planner = new ReplicationPlanner(queue, configs, clock, counts, (rowKey) => parts.toReplicate(rowKey));
  const objects = new Objects(meta, sealer, buckets, clock, keyIndex, planner);
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
    uploads: new Uploads(meta, sealer, objects.dead),
    manifests: new Manifests(meta, sealer),
    intents: new Intents(meta, blobs, sealer, leases),
    dataKeys,
    keyService,
    accounts: config.displayNames ? accounts : nameless(accounts),
    bodyThreads: bodyThreads(config, log),
    uploadBudget: new Budget(UPLOAD_BUDGET_BYTES),
    answerBudget: new ClientBudget(config.answerMemoryBytes),
    requestBudget: new ClientBudget(config.requestMemoryBytes),
    sweep: () => parts.sweep(),
    replication: { queue, isVersioned: (bucketArn) => parts.isVersioned(bucketArn) },
    settings: {
      sseCOverHttp: config.sseCOverHttp,
      sseCDefault: config.sseCDefault,
      objectOwnership: config.objectOwnership,
      blockPublicAccess: config.blockPublicAccess,
      sseCOnReplicatedBucket: config.sseCOnReplicatedBucket,
      dayMs: config.dayMs,
    },
  };
  return { services, keyIndex, counts };
}

function bodyThreads({ bodyThreads: count, bodyMemoryBytes }: Config, log: Logger): BodyThreads | undefined {
  if (count === 0) return undefined;
  return new BodyThreads(count, new Slots(bodyMemoryBytes), (err) => log.error({ err }, 'a body thread failed'));
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
