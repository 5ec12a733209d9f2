import { ConfigError } from '../base/config-error.js';
import { shownUrl } from '../config/kinds.js';
import type { Config } from '../config.js';
import type { OpenedMeta } from '../store/engines.js';
import type { BlobStore } from '../store/ports.js';
import { ENGINES, type Engines, schemeOf } from './engines.js';

export interface SharedEnginesOptions {
  engines?: Engines | undefined;
  onTrouble(message: string): void;
  /** Looks at the rows before the blobs are opened, and throws where they won't do. */
  accept?(opened: OpenedMeta): Promise<void>;
  /** Of the store that an empty database is to become. */
  storeId?: string;
}

/** What several gateways share, opened, and nothing written to it yet. */
export interface SharedEngines {
  opened: OpenedMeta;
  blobs: BlobStore;
  close(): Promise<void>;
}

/** Opens what `COFFER_META` and `COFFER_BLOBS` name, where both are shared. @throws ConfigError, StoreTooNew, StoreDamaged, StoreUnavailable */
export async function openEngines(config: Config, options: SharedEnginesOptions): Promise<SharedEngines> {
  const { engines = ENGINES, onTrouble, accept, storeId } = options;
  const scheme = schemeOf(config.meta);
  const load = engines.meta[scheme];
  if (!load) throw new ConfigError(`COFFER_META: there is no engine ${scheme}: ${namesOf('embedded', engines.meta)}`);
  const named = config.blobs ?? scheme;
  const inDatabase = engines.meta[schemeOf(named)] === load && !named.includes(':');
  const loadBlobs = inDatabase ? undefined : engines.blobs[schemeOf(named)];
  if (named === 'value-log' || named === 'leveldb') {
    throw new ConfigError(
      `COFFER_BLOBS=${named} lies on this machine, and others that share COFFER_META can't read it`,
    );
  }
  if (!inDatabase && !loadBlobs) {
    throw new ConfigError(`COFFER_BLOBS=${shownUrl(named)}: ${namesOf(scheme, engines.blobs)}`);
  }
  const engine = { onTrouble, graceMs: config.readerGraceMs, password: config.metaPassword };
  const opened = await (await load())(config.meta, { ...engine, ...(storeId !== undefined && { storeId }) });
  try {
    await accept?.(opened);
    const blobs = loadBlobs ? await (await loadBlobs())(named, { ...engine, storeId: opened.storeId }) : opened.blobs;
    if (!blobs) throw new ConfigError(`COFFER_BLOBS: ${scheme} keeps no blobs`);
    return {
      opened,
      blobs,
      async close() {
        if (loadBlobs) await blobs.close();
        await opened.close();
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

const namesOf = (first: string, engines: Readonly<Record<string, unknown>>): string =>
  `known are ${[first, ...Object.keys(engines).map((scheme) => `${scheme}:…`)].join(', ')}`;
