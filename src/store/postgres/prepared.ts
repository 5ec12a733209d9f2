import { randomId } from '../../base/ids.js';
import type { Commit } from '../ports.js';
import { byteaArray, int8Array } from './arrays.js';
import { lockId, sortedLocks } from './lock-ids.js';

/** From here on a commit takes many of the server's locks, whose table all gateways share. */
const HEAVY_KEYS = 64;
/** No row's key: those are latin1 of bytes and never empty. */
const HEAVY = '';

/** A commit as it is sent: everything is copied, and every key is there once. */
export interface PreparedCommit {
  /** Of the rows it names, whether each is written. */
  keys: Map<string, boolean>;
  writes: boolean;
  /** Revision of all rows it puts, and its name: drawn anew for every attempt. */
  token: Buffer;
  /** Parameters from `p_locks` on. */
  values: Buffer[];
}

/** Of puts of one key the last counts, and a deletion beats them. */
export function prepare({ checks = [], puts = [], dels = [] }: Commit, storeId: Buffer | undefined): PreparedCommit {
  const keys = new Map<string, boolean>();
  const bytesOf = new Map<string, Uint8Array>();
  const named = (key: Uint8Array, writes: boolean): string => {
    const name = Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
    keys.set(name, writes || keys.get(name) === true);
    bytesOf.set(name, key);
    return name;
  };
  for (const { key } of checks) named(key, false);
  const rows = new Map<string, Uint8Array>();
  for (const { key, value } of puts) rows.set(named(key, true), value);
  const gone = new Set<string>();
  for (const key of dels) {
    const name = named(key, true);
    rows.delete(name);
    gone.add(name);
  }
  const locks = new Map<bigint, boolean>();
  if (storeId) {
    for (const [name, writes] of keys) {
      const id = lockId(storeId, bytesOf.get(name)!);
      locks.set(id, writes || locks.get(id) === true);
    }
  }
  if (keys.size > HEAVY_KEYS) keys.set(HEAVY, true);
  return {
    keys,
    writes: rows.size + gone.size > 0,
    token: randomId(),
    values: [
      int8Array(sortedLocks(locks)),
      byteaArray(checks.map(({ key }) => key)),
      byteaArray(checks.map(({ revision }) => (revision === 'absent' ? null : revision))),
      byteaArray([...rows.keys()].map((name) => bytesOf.get(name)!)),
      byteaArray([...rows.values()]),
      byteaArray([...gone].map((name) => bytesOf.get(name)!)),
    ],
  };
}
