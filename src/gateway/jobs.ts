import type { Job } from '../jobs/job.js';
import type { LifecycleCounts } from '../jobs/lifecycle/counts.js';
import { LifecycleJob } from '../jobs/lifecycle/job.js';
import type { Gateway } from './gateway.js';
import { REPLICATION } from './replication.js';
import { SWEEPER } from './sweeping.js';

/** How often what is due is looked for: CMKs to rotate, expire and destroy; records of the audit that are old. */
const KEYS_EVERY_MS = 60_000;
/** Members that wait to be made or removed, backups. */
const HSMS_EVERY_MS = 60_000;
/** A destruction isn't said to be done before all gateways have noticed it. */
const NOTICE_EVERY_MS = 5000;
/** Each proxy is asked once. */
const XKS_HEALTH_EVERY_MS = 60_000;
const SAMPLE_EVERY_MS = 10_000;
const RETAIN_EVERY_MS = 3_600_000;
const ABANDON_EVERY_MS = 10_000;
const TIDY_EVERY_MS = 3_600_000;
const FORGET_EVERY_MS = 60_000;
/** A run of the lifecycle rules that is due, a shortened day aside. */
const LIFECYCLE_EVERY_MS = 60_000;
const REPLICATION_EVERY_MS = 30_000;
/** What other gateways left, and what is dead for long enough. */
const SWEEP_EVERY_MS = 10_000;
/** Where nobody but this process makes anything unreachable, it is swept when it says so. */
const SWEEP_ALONE_EVERY_MS = 3_600_000;

/**
 * What comes round while a gateway serves. A shortened day shortens what is done for keys, never how long the audit is kept.
 * @param counted of a run of the lifecycle rules
 */
export function jobsOf(gateway: Gateway, counted: (counts: LifecycleCounts) => void): Job[] {
  const { config, log, clock, kms, s3, sweeping, replication, profile } = gateway;
  const { store } = profile;
  const { services } = s3;
  const { shared } = services.meta;
  const { builtIn, cloudhsm, audit, authFailures } = kms;
  const { dayMs, auditRetentionMs } = config;
  const lifecycle = lifecycleJob(gateway, counted);
  const sweep = async (): Promise<void> => {
    if (shared) await sweeping.recover();
    await sweeping.run();
  };
  const jobs: (Job | undefined | false)[] = [
    {
      name: SWEEPER,
      where: 'once',
      everyMs: shared ? SWEEP_EVERY_MS : SWEEP_ALONE_EVERY_MS,
      atOnce: true,
      run: sweep,
      stop: () => sweeping.stop(),
    },
    {
      name: 'applying lifecycle rules',
      where: 'once',
      everyMs: Math.min(LIFECYCLE_EVERY_MS, dayMs / 4),
      atOnce: true,
      run: () => lifecycle.run(),
      stop: () => lifecycle.stop(),
    },
    {
      name: REPLICATION,
      where: 'once',
      everyMs: REPLICATION_EVERY_MS,
      atOnce: true,
      run: () => (replication.job.stopping ? replication.job.start() : undefined),
      stop: () => replication.job.stop(),
    },
    {
      name: 'giving up uploads that an outage broke off',
      where: 'everywhere',
      everyMs: ABANDON_EVERY_MS,
      run: () => services.intents.abandonRest(),
    },
    store.keep && {
      name: 'tidying the database',
      where: 'once',
      everyMs: TIDY_EVERY_MS,
      run: () => store.keep?.(),
    },
    {
      name: 'forgetting old tokens',
      where: 'once',
      everyMs: FORGET_EVERY_MS,
      run: () => services.renameTokens.prune(clock.now()),
    },
    // At once: members that were being made or removed when the process before this one ended.
    cloudhsm && {
      name: 'keeping CloudHSM clusters',
      where: 'once',
      everyMs: Math.min(HSMS_EVERY_MS, dayMs),
      atOnce: true,
      run: () => cloudhsm.steward.keep(),
    },
    builtIn && {
      name: 'keeping KMS keys',
      where: 'once',
      everyMs: Math.min(KEYS_EVERY_MS, dayMs),
      run: () => builtIn.keep(),
    },
    builtIn &&
      shared && {
        name: 'letting go of key material that was destroyed',
        where: 'everywhere',
        everyMs: NOTICE_EVERY_MS,
        run: () => builtIn.notice(),
      },
    // Everywhere: connections and what their health is are a process's own.
    builtIn && {
      name: 'asking external key stores for their health',
      where: 'everywhere',
      everyMs: XKS_HEALTH_EVERY_MS,
      run: () => builtIn.checkHealth(),
    },
    authFailures && {
      name: 'sampling failed authentications',
      where: 'everywhere',
      everyMs: SAMPLE_EVERY_MS,
      run: () => authFailures.sample(),
    },
    audit && {
      name: 'removing old records of the audit log',
      where: 'once',
      everyMs: RETAIN_EVERY_MS,
      run: () => audit.retain(clock.now(), auditRetentionMs),
    },
  ];
  return jobs.filter((one) => one !== undefined && one !== false);

  function lifecycleJob({ keys }: Gateway, report: (counts: LifecycleCounts) => void): LifecycleJob {
    return new LifecycleJob({
      ...services,
      sealer: keys.sealer,
      dayMs,
      report(counts) {
        report(counts);
        log.info(counts, 'lifecycle rules were applied');
      },
      trouble: (bucket, error) => log.error({ err: error, bucket }, 'lifecycle rules of a bucket failed'),
    });
  }
}
