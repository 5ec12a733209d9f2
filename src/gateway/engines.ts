import type { OpenBlobEngine, OpenMetaEngine } from '../store/engines.js';

/** Loads an engine: only who uses it waits for it, and needs what it is built on. */
type Load<T> = () => Promise<T>;

export interface Engines {
  /** By the scheme of `COFFER_META`. */
  meta: Readonly<Record<string, Load<OpenMetaEngine>>>;
  /** By the scheme of `COFFER_BLOBS`. What the rows' own database keeps goes by the name of that engine. */
  blobs: Readonly<Record<string, Load<OpenBlobEngine>>>;
}

const postgres: Load<OpenMetaEngine> = async () => (await import('../store/postgres/open.js')).openPostgres;

/** What several gateways can share. One line each. */
export const ENGINES: Engines = {
  meta: { postgres, postgresql: postgres },
  blobs: {},
};

/** `postgres` of `postgres://…`, in lower case; of a word without one, the word itself. */
export const schemeOf = (url: string): string => /^[^:]*/.exec(url)![0].toLowerCase();
