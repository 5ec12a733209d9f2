import { u64, utf8 } from '../../base/bytes.js';
import { TAG } from '../../store/keys.js';
import type { Shape } from '../../store/table.js';
import type { LastUse } from './ports.js';

/** Pages have a plaintext of their own (page.ts); the other rows of the log are records like any other. */
export const PAGE_TYPE = 'kms-audit-page';

/** Where the chain begins since retention removed what was before. */
export interface CheckpointRecord {
  /** Of the last page that was removed. */
  sequence: number;
  /** Its MAC, hex. */
  mac: string;
  /** When it was written. */
  writtenMs: number;
  /** Pages and events removed since the log began. */
  pages: number;
  events: number;
  /** `AuditGap` events among them. */
  gaps: number;
  /** Places where the removed part didn't verify. */
  damage: number;
}

/** How far a root-key rotation has got (rekey.ts). MACs in hex; absent where the page doesn't open. */
export interface RekeyRecord {
  sequence: number;
  oldMac?: string;
  newMac?: string;
}

export const CHECKPOINT: Shape<CheckpointRecord> = { type: 'kms-audit-checkpoint', version: 1 };
export const LAST_USE: Shape<LastUse> = { type: 'kms-last-use', version: 1 };
export const REKEY: Shape<RekeyRecord> = { type: 'kms-audit-rekey', version: 1 };

const row = (text: string): Buffer => Buffer.concat([TAG.kms, utf8(text)]);

/** What all rows of all chains start with: pages, checkpoint, rotation. Rows of last uses aren't among them. */
export const CHAIN_ROWS = row('l');
/** Of the first chain; `ChainNames` has those of all. */
export const PAGES = row('l/');
export const CHECKPOINT_ROW = row('lc');
export const REKEY_ROW = row('lr');

export const pageRow = (sequence: number): Buffer => Buffer.concat([PAGES, u64(sequence)]);

export const ALL_LAST_USES = row('u/');
/** Accounts have 12 digits and key ids 36 characters: neither needs an end mark. */
export const lastUseRow = (accountId: string, keyId: string): Buffer => row(`u/${accountId}/${keyId}`);
