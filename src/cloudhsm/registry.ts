import type { HsmAction } from './action.js';
import { copyBackupToRegion } from './actions/CopyBackupToRegion.js';
import { createCluster } from './actions/CreateCluster.js';
import { createHsm } from './actions/CreateHsm.js';
import { deleteBackup } from './actions/DeleteBackup.js';
import { deleteCluster } from './actions/DeleteCluster.js';
import { deleteHsm } from './actions/DeleteHsm.js';
import { deleteResourcePolicy } from './actions/DeleteResourcePolicy.js';
import { describeBackups } from './actions/DescribeBackups.js';
import { describeClusters } from './actions/DescribeClusters.js';
import { getResourcePolicy } from './actions/GetResourcePolicy.js';
import { initializeCluster } from './actions/InitializeCluster.js';
import { listTags } from './actions/ListTags.js';
import { modifyBackupAttributes } from './actions/ModifyBackupAttributes.js';
import { modifyCluster } from './actions/ModifyCluster.js';
import { putResourcePolicy } from './actions/PutResourcePolicy.js';
import { restoreBackup } from './actions/RestoreBackup.js';
import { tagResource } from './actions/TagResource.js';
import { untagResource } from './actions/UntagResource.js';

// biome-ignore lint/suspicious/noExplicitAny: each action has its own input
const all: readonly HsmAction<any>[] = [
  copyBackupToRegion,
  createCluster,
  createHsm,
  deleteBackup,
  deleteCluster,
  deleteHsm,
  deleteResourcePolicy,
  describeBackups,
  describeClusters,
  getResourcePolicy,
  initializeCluster,
  listTags,
  modifyBackupAttributes,
  modifyCluster,
  putResourcePolicy,
  restoreBackup,
  tagResource,
  untagResource,
];

/** Every action of the API, by name. */
export const HSM_ACTIONS: ReadonlyMap<string, (typeof all)[number]> = new Map(all.map((one) => [one.name, one]));
