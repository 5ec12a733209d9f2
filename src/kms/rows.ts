import { utf8 } from '../base/bytes.js';
import { TAG } from '../store/keys.js';
import type { Shape } from '../store/table.js';

/** One backing key of a CMK. Old ones stay: what they encrypted decrypts for as long as the CMK lives. */
export interface BackingKey {
  /** Key material id: 32 random bytes, hex. */
  id: string;
  /** XAES-256-GCM under the key-store key, base64. */
  wrapped: string;
  createdMs: number;
  /** Absent for the first. */
  rotation?: 'ON_DEMAND' | 'AUTOMATIC';
}

export interface KeyRecord {
  /** UUID. */
  keyId: string;
  accountId: string;
  description: string;
  createdMs: number;
  manager: 'AWS' | 'CUSTOMER';
  state: 'Enabled' | 'Disabled' | 'PendingDeletion';
  /** While PendingDeletion: when the key is destroyed. */
  deletionMs?: number;
  /** As it was put, JSON. */
  policy: string;
  /** Oldest first; the last one encrypts. */
  backingKeys: BackingKey[];
  tags: [key: string, value: string][];
}

export interface AliasRecord {
  /** `alias/…`. */
  name: string;
  accountId: string;
  targetKeyId: string;
  createdMs: number;
  updatedMs: number;
}

export const KEY: Shape<KeyRecord> = { type: 'kms-key', version: 1 };
export const ALIAS: Shape<AliasRecord> = { type: 'kms-alias', version: 1 };

const row = (text: string): Buffer => Buffer.concat([TAG.kms, utf8(text)]);

/** Accounts have 12 digits and key ids 36 characters: neither needs an end mark. */
export const keyRow = (accountId: string, keyId: string): Buffer => row(`k/${accountId}/${keyId}`);
export const aliasRow = (accountId: string, name: string): Buffer => row(`a/${accountId}/${name}`);
export const keysOf = (accountId: string): Buffer => row(`k/${accountId}/`);
export const aliasesOf = (accountId: string): Buffer => row(`a/${accountId}/`);
export const ALL_KEYS = row('k/');
export const ALL_ALIASES = row('a/');
