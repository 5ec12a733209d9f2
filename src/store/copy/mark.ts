import { utf8 } from '../../base/bytes.js';
import { ConfigError } from '../../base/config-error.js';
import { TAG } from '../keys.js';
import type { MetaStore } from '../ports.js';

/** The row that stands in a store for as long as it is being filled from another one. Its value: that one's store id. */
export const COPY_MARK_KEY = Buffer.concat([TAG.system, utf8('copy')]);

/** Call at start-up. @throws ConfigError where the store is a copy that isn't whole */
export async function requireNoCopy(meta: MetaStore): Promise<void> {
  if ((await meta.get(COPY_MARK_KEY)) === undefined) return;
  throw new ConfigError(
    'this store is a copy that is not whole yet: run `coffer store copy` again, it goes on where it was',
  );
}
