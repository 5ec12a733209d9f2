import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { InProcess } from '../http/in-process.js';
import type { Operator } from '../http/operator.js';
import type { Router } from '../http/router.js';
import type { Jobs } from '../jobs/jobs.js';
import { Destinations } from '../jobs/replication/destinations.js';
import { ReplicationJob } from '../jobs/replication/job.js';
import { readTargetsFile } from '../jobs/replication/targets-file.js';
import { ReplicationWorker } from '../jobs/replication/worker.js';
import type { ReplicationCounts } from '../s3/replication/counts.js';
import type { Services } from '../s3/services.js';

/** The job's name. */
export const REPLICATION = 'replicating objects';
/** What other gateways queue is found by looking for it. */
const SHARED_LOOK_MS = 5000;

export interface WiredReplication {
  job: ReplicationJob;
  destinations: Destinations;
}

/** What brings versions to where the rules want them. The job does nothing before it is started. @throws ConfigError */
export function wireReplication(
  config: Config,
  services: Services,
  counts: ReplicationCounts,
  { operator, router, jobs }: { operator: Operator; router: Router; jobs: Jobs },
  log: Logger,
): WiredReplication {
  const { clock, buckets, region } = services;
  const { queue } = services.replication;
  const here = new InProcess(operator, router, clock, region);
  const targets = config.replicationTargetsFile === undefined ? [] : readTargetsFile(config.replicationTargetsFile);
  const destinations = new Destinations(targets, buckets, clock, (caller) => here.as(caller));
  const worker = new ReplicationWorker({
    services,
    destinations,
    access: (role) => here.access(role),
    stopping: () => job.stopping,
    queue,
    counts,
    dayMs: config.dayMs,
    trouble: (bucketArn, error) =>
      log.warn({ destination: bucketArn, reason: (error as Error).message }, 'a replication destination is not served'),
  });
  const job = new ReplicationJob({
    queue,
    clock,
    counts,
    work: (task) => jobs.within(REPLICATION, () => worker.work(task)),
    ...(services.meta.shared && { lookMs: SHARED_LOOK_MS }),
    failed: (error) => log.error({ err: error }, 'replication failed; it is tried again'),
  });
  return { job, destinations };
}
