import { utf8 } from '../base/bytes.js';
import { ConfigError } from '../base/config-error.js';
import type { RecordSealer } from '../seal/ports.js';
import { TAG } from '../store/keys.js';
import type { MetaStore } from '../store/ports.js';
import { CommitBuilder, type Shape, Table } from '../store/table.js';

/** Whose keys the rows without a region are. A store that never had another region takes its name from COFFER_REGION alone. */
interface HomeRegion {
  region: string;
}

export const HOME_REGION: Shape<HomeRegion> = { type: 'kms-home-region', version: 1 };
export const HOME_REGION_ROW = Buffer.concat([TAG.kms, utf8('h')]);

/** `severalRegions`: whether there are others, from now on. @throws ConfigError where keys would change their region */
export async function keepHomeRegion(
  meta: MetaStore,
  sealer: RecordSealer,
  region: string,
  severalRegions: boolean,
): Promise<void> {
  const table = new Table(meta, sealer, HOME_REGION);
  const stored = await table.get(HOME_REGION_ROW);
  if (stored && stored.record.region !== region) {
    throw new ConfigError(
      `COFFER_REGION is ${region}, but this store has keys of other regions besides those of ${stored.record.region}: COFFER_REGION has to stay ${stored.record.region}`,
    );
  }
  if (stored || !severalRegions) return;
  const commit = new CommitBuilder().expect(HOME_REGION_ROW, undefined).put(table.put(HOME_REGION_ROW, { region }));
  await meta.commit(commit.build());
}
