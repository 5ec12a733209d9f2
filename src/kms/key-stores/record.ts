import { utf8 } from '../../base/bytes.js';
import { TAG } from '../../store/keys.js';
import type { Range } from '../../store/ports.js';
import type { Shape } from '../../store/table.js';
import { accountAt, HOME, type Place } from '../place.js';
import type { ConnectionErrorCode } from './ports.js';

export interface ClusterBacking {
  type: 'AWS_CLOUDHSM';
  clusterId: string;
  /** PEM. */
  trustAnchor: string;
  /** Of the crypto user `kmsuser`. */
  password: string;
}

export interface ProxyBacking {
  type: 'EXTERNAL_KEY_STORE';
  /** `https://` host, or host and port. */
  endpoint: string;
  /** `/…/kms/xks/v1`. */
  path: string;
  accessKeyId: string;
  secretAccessKey: string;
}

export interface CustomKeyStore {
  /** `cks-` and 17 hexadecimal digits. */
  id: string;
  name: string;
  createdMs: number;
  state: 'CONNECTED' | 'CONNECTING' | 'DISCONNECTED' | 'FAILED';
  /** While FAILED. */
  errorCode?: ConnectionErrorCode;
  /** Counts what changed that a connection depends on: one that was made under an earlier number isn't used. */
  epoch: number;
  backing: ClusterBacking | ProxyBacking;
}

/**
 * All custom key stores of an account, in one row: names, proxies and clusters that are in use are seen in the commit that takes
 * them, and there are few.
 */
export interface AccountKeyStores {
  accountId: string;
  stores: CustomKeyStore[];
}

/** https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html */
export const KEY_STORES_PER_ACCOUNT_MAX = 10;

export const KEY_STORES: Shape<AccountKeyStores> = { type: 'kms-key-stores', version: 1 };

const row = (text: string): Buffer => Buffer.concat([TAG.kms, utf8(text)]);

export const ALL_KEY_STORES = row('c/');
export const keyStoresRow = (place: Place, accountId: string): Buffer => row(`c/${accountAt(place, accountId)}`);

/** Of one region alone: accounts begin with a digit, regions with a letter. */
const rangeAt = (letter: string, place: Place): Range =>
  place === HOME
    ? { gte: row(`${letter}/0`), lt: row(`${letter}/:`) }
    : { gte: row(`${letter}/${place}/`), lt: row(`${letter}/${place}0`) };
export const keyStoresAt = (place: Place): Range => rangeAt('c', place);
export const orphansAt = (place: Place): Range => rangeAt('o', place);

/** Which keys a key store holds: by what the holder calls each. Every reference has one key at most. */
export const ALL_MEMBERS = row('m/');
export const membersOf = (place: Place, accountId: string, keyStoreId: string): Buffer =>
  row(`m/${accountAt(place, accountId)}/${keyStoreId}/`);
export const memberRow = (place: Place, accountId: string, keyStoreId: string, reference: string): Buffer =>
  row(`m/${accountAt(place, accountId)}/${keyStoreId}/${reference}`);

/** Keys of a cluster whose KMS key is gone: to be deleted there, once it can be reached. */
export const ALL_ORPHANS = row('o/');
export const orphansOf = (place: Place, accountId: string, keyStoreId: string): Buffer =>
  row(`o/${accountAt(place, accountId)}/${keyStoreId}/`);
export const orphanRow = (place: Place, accountId: string, keyStoreId: string, reference: string): Buffer =>
  row(`o/${accountAt(place, accountId)}/${keyStoreId}/${reference}`);

export function readOrphanRow(key: Buffer): { accountId: string; keyStoreId: string; reference: string } {
  const [accountId, keyStoreId, reference] = key.toString('latin1').split('/').slice(-3) as [string, string, string];
  return { accountId, keyStoreId, reference };
}
