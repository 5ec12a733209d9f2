import type { ClientBase } from 'pg';
import { ConfigError } from '../../base/config-error.js';
import { StoreDamaged, StoreTooNew, StoreUnavailable } from '../errors.js';
import { type CommitMode, ISOLATION, POSTGRES_FORMAT, POSTGRES_VERSION } from './schema.js';

/** What a database says about itself and the store in it. */
export interface StoreRows {
  storeId: string;
  mode: CommitMode;
}

interface Facts {
  version: number;
  standby: boolean;
  readOnly: string;
  synchronousCommit: string;
  standbys: string;
  fsync: string;
  isolation: string;
}

const VERSION_MIN = 130_000;

/**
 * Is this a primary whose acknowledged commits last? Asked of every connection, since the next one may lead to another server.
 * @throws StoreUnavailable for a standby, ConfigError for a server that forgets
 */
export async function requireDurablePrimary(client: ClientBase): Promise<void> {
  const { rows } = await client.query<Facts>(`SELECT
    current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby,
    current_setting('transaction_read_only') AS "readOnly", current_setting('synchronous_commit') AS "synchronousCommit",
    current_setting('synchronous_standby_names') AS standbys, current_setting('fsync') AS fsync`);
  const { version, standby, readOnly, synchronousCommit, standbys, fsync } = rows[0]!;
  if (version < VERSION_MIN) throw new ConfigError('PostgreSQL 13 or later is needed');
  if (standby) throw new StoreUnavailable('this server is a standby');
  if (readOnly === 'on') throw new StoreUnavailable('this server is read-only');
  if (fsync === 'off') throw new ConfigError('the server has fsync = off: a power cut would lose everything');
  if (synchronousCommit === 'off') {
    throw new ConfigError(
      'synchronous_commit is off: what was acknowledged would be lost with the server (set it to on)',
    );
  }
  if (synchronousCommit === 'local' && standbys !== '') {
    throw new ConfigError(
      'synchronous_commit is local: what was acknowledged would be lost when a standby takes over (set it to on)',
    );
  }
}

export async function hasStore(client: ClientBase, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    `${schema}.store`,
  ]);
  return rows[0]!.there;
}

/** @throws StoreTooNew, StoreDamaged */
export async function readStoreRows(client: ClientBase, schema: string): Promise<StoreRows> {
  const { rows } = await client.query<{ name: string; value: string }>(`SELECT name, value FROM ${schema}.store`);
  const found = new Map(rows.map(({ name, value }) => [name, value]));
  const version = Number(found.get('version'));
  if (found.get('format') !== POSTGRES_FORMAT || !Number.isInteger(version) || version < 1) {
    throw new StoreDamaged(`${schema}.store doesn't say that this is a store of Coffer`);
  }
  if (version > POSTGRES_VERSION) {
    throw new StoreTooNew(`${schema}.store has version ${version}, this Coffer reads up to ${POSTGRES_VERSION}`);
  }
  const storeId = found.get('store-id') ?? '';
  const mode = found.get('mode') ?? '';
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(storeId) || !(mode in ISOLATION)) {
    throw new StoreDamaged(`${schema}.store is damaged`);
  }
  return { storeId, mode: mode as CommitMode };
}

/** The same store, and the mode that this process commits in. @throws ConfigError and as `readStoreRows` */
export async function requireStore(client: ClientBase, schema: string, expected: StoreRows): Promise<void> {
  const { storeId, mode } = await readStoreRows(client, schema);
  if (storeId !== expected.storeId) {
    throw new ConfigError(`the database holds store ${storeId}, this Coffer was started on ${expected.storeId}`);
  }
  requireMode(mode, expected.mode);
}

export function requireMode(mode: CommitMode, wanted: CommitMode | undefined): void {
  if (wanted === undefined || wanted === mode) return;
  throw new ConfigError(
    `this store is committed to in mode ${mode}, not ${wanted}: two modes at once would lose updates`,
  );
}
