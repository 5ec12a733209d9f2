import type { Budget } from '../base/budget.js';
import type { ClientBudget } from '../base/client-budget.js';
import type { Clock } from '../base/clock.js';
import type { BodyThreads } from '../bodies/threads.js';
import type { DataKeys } from '../encryption/data-keys.js';
import type { KeyService } from '../encryption/ports.js';
import type { BucketConfigs } from '../store/bucket-configs.js';
import type { BucketPolicies } from '../store/bucket-policies.js';
import type { Buckets } from '../store/buckets.js';
import type { Intents } from '../store/intents.js';
import type { Manifests } from '../store/manifest.js';
import type { Objects } from '../store/objects.js';
import type { BlobStore, MetaStore } from '../store/ports.js';
import type { ObjectOwnership } from '../store/records.js';
import type { RenameTokens } from '../store/rename-tokens.js';
import type { ReplicationQueue } from '../store/replication-queue.js';
import type { Uploads } from '../store/uploads.js';
import type { Accounts } from './accounts.js';

/** What operations work with; built once at start-up. */
export interface Services {
  clock: Clock;
  region: string;
  meta: MetaStore;
  blobs: BlobStore;
  buckets: Buckets;
  bucketPolicies: BucketPolicies;
  configs: BucketConfigs;
  renameTokens: RenameTokens;
  objects: Objects;
  uploads: Uploads;
  manifests: Manifests;
  intents: Intents;
  dataKeys: DataKeys;
  keyService: KeyService;
  accounts: Accounts;
  /** Where large bodies are sealed and opened; without them it is done on the main thread. */
  bodyThreads: BodyThreads | undefined;
  /** Memory of all uploads together that pass through no body thread, in bytes. */
  uploadBudget: Budget;
  /** Memory of all answers that clients haven't taken yet. */
  answerBudget: ClientBudget;
  /** Memory of all request bodies that are read whole: XML, KMS, STS, commands. */
  requestBudget: ClientBudget;
  /** Something became unreachable: the sweeper may run. */
  sweep(): void;
  replication: ReplicationServices;
  settings: S3Settings;
}

/** What operations know of replication; `jobs/` does it. */
export interface ReplicationServices {
  queue: ReplicationQueue;
  /** Has the destination versioning? Where it can't be asked just now, it is believed to. */
  isVersioned(bucketArn: string): Promise<boolean>;
}

export interface S3Settings {
  /** `COFFER_SSE_C_OVER_HTTP`. */
  sseCOverHttp: 'never' | 'loopback' | 'always';
  /** `COFFER_SSE_C_DEFAULT`. */
  sseCDefault: 'allowed' | 'blocked';
  /** `COFFER_OBJECT_OWNERSHIP`: of new buckets. */
  objectOwnership: ObjectOwnership;
  /** `COFFER_BLOCK_PUBLIC_ACCESS`: whether new buckets start with all four settings of it on. */
  blockPublicAccess: boolean;
  /** `COFFER_SSE_C_ON_REPLICATED_BUCKET`. */
  sseCOnReplicatedBucket: 'store' | 'reject';
  /** `COFFER_DAY_SECONDS`, in milliseconds: the day of RestoreObject and of lifecycle rules. */
  dayMs: number;
}
