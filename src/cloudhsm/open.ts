import type { Clock } from '../base/clock.js';
import type { AuditLog } from '../kms/audit/ports.js';
import type { RecordSealer } from '../seal/ports.js';
import type { MetaStore } from '../store/ports.js';
import { HsmBook } from './book.js';
import { CloudHsm } from './cloudhsm.js';
import { readHsmFile } from './hsm-file.js';
import { Places } from './places.js';
import type { Say } from './ports.js';
import { type ClusterLeases, Turns } from './turns.js';

const WATCH_EVERY_MS = 1000;

/** CloudHSM over a store. It starts no process yet. @throws ConfigError of the file */
export function openCloudHsm(options: {
  hsmFile: string;
  meta: MetaStore;
  sealer: RecordSealer;
  /** Absent where a remote KMS keeps the log. */
  audit?: AuditLog | undefined;
  clock: Clock;
  region: string;
  dayMs: number;
  say: Say;
  watchEveryMs?: number;
  /** Absent where one process has the store for itself. */
  leases?: ClusterLeases | undefined;
}): CloudHsm {
  const { hsmFile, meta, sealer, audit, watchEveryMs = WATCH_EVERY_MS, leases, ...rest } = options;
  const file = readHsmFile(hsmFile);
  return new CloudHsm({
    ...rest,
    watchEveryMs,
    file,
    audit,
    book: new HsmBook(meta, sealer),
    places: new Places(file),
    turns: new Turns(leases),
  });
}
