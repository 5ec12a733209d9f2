import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { monotonicMs } from '../base/clock.js';
import { ConfigError } from '../base/config-error.js';
import { shownUrl } from '../config/kinds.js';
import type { Config } from '../config.js';
import { tracesOf } from '../seal/key-places.js';
import { requireNoCopy } from '../store/copy/mark.js';
import { isEmptyStore } from '../store/empty.js';
import type { OpenedMeta } from '../store/engines.js';
import { FencedMeta } from '../store/fenced-meta.js';
import type { Lease, Leases } from '../store/leases.js';
import { openStore } from '../store/leveldb/open.js';
import { LocalLeases } from '../store/local-leases.js';
import { MeasuredMeta } from '../store/measured-meta.js';
import type { BlobStore } from '../store/ports.js';
import { SharedLeases } from '../store/shared-leases.js';
import type { Store } from '../store/store.js';
import type { Engines } from './engines.js';
import { rememberStore, requireNoLostStore } from './lost-store.js';
import { openEngines } from './shared-engines.js';

/** The engines of a gateway, opened, and what it holds in them. */
export interface Profile {
  store: Store;
  leases: Leases;
  /** Runs work whose commits the lease fences. */
  within<T>(lease: Lease, work: () => Promise<T> | T): Promise<T>;
  /** So that a later start misses the store where it is gone. `path`: `KeyPlaces.storeFile`. */
  remember(path: string): Promise<void>;
}

export interface ProfileOptions {
  onTrouble(message: string): void;
  /** Whether space of deleted blobs is reclaimed in the background. A command that is soon over doesn't. Default: yes. */
  reclaim?: boolean;
  engines?: Engines;
  /** Of a clock that is never set. */
  nowMs?(): number;
}

/** Opens what `COFFER_META` and `COFFER_BLOBS` name. @throws ConfigError, StoreInUse, StoreTooNew, StoreDamaged, StoreUnavailable */
export function openProfile(config: Config, options: ProfileOptions): Promise<Profile> {
  return config.meta === 'embedded' ? openEmbedded(config, options) : openShared(config, options);
}

/** Both in the data directory, which one process has for itself. */
async function openEmbedded(config: Config, { onTrouble, reclaim = true }: ProfileOptions): Promise<Profile> {
  const blobs = config.blobs ?? 'value-log';
  if (blobs !== 'value-log' && blobs !== 'leveldb') {
    throw new ConfigError(
      `COFFER_BLOBS=${shownUrl(blobs)} needs COFFER_META: rows that gateways share, as in postgres://…`,
    );
  }
  await requireNoLostStore(config);
  const store = await openStore(config.dataDir, { ...config.disk, blobs, onTrouble, reclaim: { enabled: reclaim } });
  return {
    store,
    leases: new LocalLeases(),
    within: async (_, work) => work(),
    remember: (path) => rememberStore(path, store.storeId, config.dataDir),
  };
}

/** Rows in a database, blobs there too or in an object store; others may be at work on them at the same time. */
async function openShared(config: Config, options: ProfileOptions): Promise<Profile> {
  const { engines, onTrouble, nowMs = monotonicMs } = options;
  const { opened, blobs, close } = await openEngines(config, {
    engines,
    onTrouble,
    accept: async ({ meta, storeId }) => {
      await requireNoCopy(meta);
      await requireNoLostDatabase(config, meta, storeId);
    },
  });
  try {
    const measured = new MeasuredMeta(opened.meta);
    const meta = new FencedMeta(measured);
    const leases = await SharedLeases.open({ meta: measured, nowMs, onTrouble });
    // Again: a copy that began meanwhile has seen no lease, and one that begins now sees this one.
    await requireNoCopy(opened.meta).catch(async (error: unknown) => {
      await leases.close();
      throw error;
    });
    leases.start();
    return {
      store: {
        storeId: opened.storeId,
        meta,
        blobs,
        compactMeta: (range) => opened.compactMeta(range),
        readOnly: () => opened.readOnly?.(),
        keep: async () => opened.keep?.(),
        measureSpace: async () => {},
        trouble: () => troubleOf(opened, blobs),
        counts: () => ({ commits: measured.counts, engine: opened.counts?.() ?? {} }),
        async close() {
          await leases.close();
          await close();
        },
      },
      leases,
      within: (lease, work) => meta.within(lease, work),
      remember: (path) => rememberStore(path, opened.storeId, shownUrl(config.meta)),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Which of the two it is. The log says more than whoever reaches the port may read. */
async function troubleOf(meta: OpenedMeta, blobs: BlobStore): Promise<string | undefined> {
  const [rows, bytes] = await Promise.all([meta.trouble(), blobs.trouble?.()]);
  if (rows !== undefined) return 'the metadata store is not available';
  return bytes === undefined ? undefined : 'the blob store is not available';
}

/**
 * An empty database is where a store is made, but not where this root key has had one: a URL that names the wrong database must not
 * turn into an empty store. @throws ConfigError
 */
async function requireNoLostDatabase(
  { rootKeyFile, newStore, meta: url }: Config,
  meta: { range: Store['meta']['range'] },
  storeId: string,
): Promise<void> {
  if (newStore || rootKeyFile === undefined) return;
  const trace = tracesOf(rootKeyFile).find((path) => existsSync(path));
  if (trace === undefined) return;
  if (!(await isEmptyStore(meta))) return;
  // A start that came no further than making the database.
  if (trace.endsWith('.store') && (await readFile(trace, 'utf8')).includes(storeId)) return;
  throw new ConfigError(
    `there is no store in ${shownUrl(url)}, and ${trace} says that one was: restore it, or set COFFER_NEW_STORE=1 to begin a new one`,
  );
}
