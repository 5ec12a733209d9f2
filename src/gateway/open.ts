import type { Logger } from 'pino';
import type { AdminData } from '../admin/ports.js';
import { monotonicMs, systemClock } from '../base/clock.js';
import type { Config } from '../config.js';
import { DataKeys } from '../encryption/data-keys.js';
import { storeKeyOf } from '../encryption/store-key.js';
import { Operator } from '../http/operator.js';
import { Router } from '../http/router.js';
import { Jobs } from '../jobs/jobs.js';
import { Undertaker } from '../jobs/undertaker.js';
import { OPERATIONS } from '../s3/registry.js';
import { Buckets } from '../store/buckets.js';
import { KeyImpacts } from '../store/key-impact.js';
import { openCallers } from './callers.js';
import type { Gateway } from './gateway.js';
import { openKeyService } from './key-service.js';
import { openKeys } from './keys.js';
import type { Profile } from './profile.js';
import { wireReplication } from './replication.js';
import { openS3 } from './s3.js';
import { SWEEPER, Sweeping } from './sweeping.js';

/**
 * Opens keys, accounts and services over the engines of a profile; but for the gateway's own lease it changes nothing that is stored
 * yet. @throws ConfigError, RootKeyError, StoreDamaged
 */
export async function openGateway(config: Config, profile: Profile, log: Logger): Promise<Gateway> {
  const { store, leases, within } = profile;
  const { meta, blobs, storeId } = store;
  const clock = systemClock;
  const keys = await openKeys(config, store);
  const { rootKey, sealer } = keys;
  const callers = await openCallers(config, keys);
  const { accounts } = callers;
  const jobs = new Jobs({ clock, leases, within, onTrouble: (job, err) => log.error({ err }, `${job} failed`) });
  const buckets = new Buckets(meta, sealer, leases);
  const kms = await openKeyService({
    config,
    store,
    leases,
    within,
    keys,
    accounts,
    clock,
    impact: new KeyImpacts(meta, buckets),
    beforeDestruction: () => dataKeys.forgetBucketKeys(),
    log,
  });
  const dataKeys = new DataKeys(kms.keyService, storeKeyOf(rootKey), clock);
  const s3 = openS3({
    config,
    store,
    leases,
    sealer,
    buckets,
    accounts,
    clock,
    dataKeys,
    keyService: kms.keyService,
    sweep: () => sweeping.soon(),
    toReplicate: (rowKey) => replication.job.told(rowKey),
    isVersioned: (bucketArn) => replication.destinations.isVersioned(bucketArn),
    log,
  });
  const { services } = s3;
  const undertaker = new Undertaker({ meta, blobs, intents: services.intents, buckets, leases, nowMs: monotonicMs });
  const sweeping = new Sweeping(services, undertaker, () => jobs.hurry(SWEEPER));
  const operator = new Operator(services);
  const router = new Router(OPERATIONS);
  const replication = wireReplication(config, services, s3.counts, { operator, router, jobs }, log);
  const admin: AdminData = {
    storeId,
    rootKeyId: rootKey.id.toString('hex'),
    sealer,
    accountIds: accounts.accountIds(),
    rootOf: (accountId) => accounts.root(accountId),
    services,
    kms: kms.builtIn?.kms,
    officers: kms.cloudhsm?.officers,
    audit: kms.audit,
  };
  return { config, log, clock, profile, keys, callers, kms, s3, jobs, sweeping, operator, router, replication, admin };
}
