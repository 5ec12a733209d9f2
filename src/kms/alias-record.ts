import { utf8 } from '../base/bytes.js';
import { TAG } from '../store/keys.js';
import type { Shape } from '../store/table.js';

export interface AliasRecord {
  /** `alias/…`. */
  name: string;
  accountId: string;
  targetKeyId: string;
  createdMs: number;
  updatedMs: number;
}

export const ALIAS: Shape<AliasRecord> = { type: 'kms-alias', version: 1 };

const row = (text: string): Buffer => Buffer.concat([TAG.kms, utf8(text)]);

export const aliasRow = (accountId: string, name: string): Buffer => row(`a/${accountId}/${name}`);
export const aliasesOf = (accountId: string): Buffer => row(`a/${accountId}/`);

/** Rows of all accounts. */
export const ALL_ALIASES = row('a/');
