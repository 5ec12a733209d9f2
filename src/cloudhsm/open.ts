import type { Clock } from '../base/clock.js';
import type { RecordSealer } from '../seal/ports.js';
import type { MetaStore } from '../store/ports.js';
import { HsmBook } from './book.js';
import { CloudHsm } from './cloudhsm.js';
import { readHsmFile } from './hsm-file.js';
import { Places } from './places.js';
import type { Say } from './ports.js';
import { Turns } from './turns.js';

/** CloudHSM over a store. It starts no process yet. @throws ConfigError of the file */
export function openCloudHsm(options: {
  hsmFile: string;
  meta: MetaStore;
  sealer: RecordSealer;
  clock: Clock;
  region: string;
  dayMs: number;
  say: Say;
}): CloudHsm {
  const { hsmFile, meta, sealer, ...rest } = options;
  const file = readHsmFile(hsmFile);
  return new CloudHsm({
    ...rest,
    file,
    book: new HsmBook(meta, sealer),
    places: new Places(file),
    turns: new Turns(),
  });
}
