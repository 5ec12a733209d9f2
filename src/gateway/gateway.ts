import type { Logger } from 'pino';
import type { AdminData } from '../admin/ports.js';
import type { Clock } from '../base/clock.js';
import type { Config } from '../config.js';
import type { Operator } from '../http/operator.js';
import type { Router } from '../http/router.js';
import type { Jobs } from '../jobs/jobs.js';
import type { Callers } from './callers.js';
import type { GatewayKms } from './key-service.js';
import type { GatewayKeys } from './keys.js';
import type { Profile } from './profile.js';
import type { WiredReplication } from './replication.js';
import type { GatewayS3 } from './s3.js';
import type { Sweeping } from './sweeping.js';

/** Everything that lies behind the edge: what a server serves from, and what a command works on where no server runs. */
export interface Gateway {
  config: Config;
  log: Logger;
  clock: Clock;
  /** Its engines and leases. */
  profile: Profile;
  keys: GatewayKeys;
  callers: Callers;
  kms: GatewayKms;
  s3: GatewayS3;
  /** None is registered before it serves. */
  jobs: Jobs;
  sweeping: Sweeping;
  operator: Operator;
  router: Router;
  replication: WiredReplication;
  admin: AdminData;
}
