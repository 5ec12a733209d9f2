import type { Command } from './command.js';
import { auditTail } from './commands/audit-tail.js';
import { auditVerify } from './commands/audit-verify.js';
import { bucketPolicyRemove } from './commands/bucket-policy-remove.js';
import { hsmActivate } from './commands/hsm-activate.js';
import { hsmUser } from './commands/hsm-user.js';
import { keyImpact } from './commands/key-impact.js';
import { objectsRewrap } from './commands/objects-rewrap.js';
import { replicationFailed } from './commands/replication-failed.js';
import { replicationRun } from './commands/replication-run.js';
import { rootKeyRotate } from './commands/root-key-rotate.js';
import { storeCopy } from './commands/store-copy.js';
import { storeStatus } from './commands/store-status.js';
import { storeVerify } from './commands/store-verify.js';

/** Every command, in the order that `coffer --help` shows them. */
export const COMMANDS: readonly Command[] = [
  storeStatus,
  storeVerify,
  storeCopy,
  keyImpact,
  objectsRewrap,
  auditTail,
  auditVerify,
  replicationRun,
  replicationFailed,
  bucketPolicyRemove,
  hsmActivate,
  hsmUser,
  rootKeyRotate,
];

export const findCommand = (noun: string, verb: string): Command | undefined =>
  COMMANDS.find((one) => one.noun === noun && one.verb === verb);
