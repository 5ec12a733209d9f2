import { makeDirectory } from '../base/make-directory.js';
import type { Config } from '../config.js';
import { requireRightRootKey } from '../seal/check-value.js';
import { KeyPlaces, type RootKeyPlace } from '../seal/key-places.js';
import { RootSealer } from '../seal/record-sealer.js';
import { loadOrCreateRootKey, type RootKey } from '../seal/root-key.js';
import { requireNoRotation } from '../seal/rotation-mark.js';
import { isEmptyStore } from '../store/empty.js';
import type { Store } from '../store/store.js';

/** The root key of a store, and what is sealed with it. */
export interface GatewayKeys {
  rootKey: RootKey;
  sealer: RootSealer;
  places: KeyPlaces;
  root: RootKeyPlace;
  /** Where it lies; absent where it comes from a passphrase. */
  rootKeyFile: string | undefined;
}

/** Loads the root key, or makes one for an empty store. @throws ConfigError, RootKeyError */
export async function openKeys(config: Config, { meta, storeId }: Store): Promise<GatewayKeys> {
  const isNew = await isEmptyStore(meta);
  await makeDirectory(config.configHome);
  await requireNoRotation(meta);
  const places = new KeyPlaces(config.configHome, storeId);
  const root = places.rootOf(config);
  const rootKeyFile = 'file' in root ? root.file : undefined;
  const rootKey = await loadOrCreateRootKey(
    rootKeyFile !== undefined
      ? { file: rootKeyFile, create: isNew }
      : { passphrase: config.rootKeyPassphrase!, saltFile: places.saltFile, create: isNew },
  );
  const sealer = new RootSealer(rootKey);
  await requireRightRootKey(meta, sealer, isNew);
  return { rootKey, sealer, places, root, rootKeyFile };
}
