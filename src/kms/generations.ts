import { utf8 } from '../base/bytes.js';
import { TAG } from '../store/keys.js';
import type { Row } from '../store/ports.js';

/**
 * Rows that say nothing but that something changed: each change of a key's grants, or of an account's aliases, writes one, and its
 * revision is another one then. Only stores that several processes write have them: what was read under a revision is as it was read
 * for as long as the row has it, and one small row stands for many.
 */
const row = (text: string): Buffer => Buffer.concat([TAG.kms, utf8(text)]);

/** `accountId`: as `accountAt` says. */
export const grantsGenerationRow = (accountId: string, keyId: string): Buffer => row(`gv/${accountId}/${keyId}`);
export const aliasesGenerationRow = (accountId: string): Buffer => row(`av/${accountId}`);

export const ALL_GRANTS_GENERATIONS = row('gv/');
export const ALL_ALIASES_GENERATIONS = row('av/');

/** A revision as it is compared; `''`: there is no such row, nothing of the kind was ever written. */
export type Generation = string;

export const generationOf = (row: Pick<Row, 'revision'> | undefined): Generation =>
  row ? row.revision.toString('latin1') : '';

/** As a check of a commit. */
export const asStored = (generation: Generation): { revision: Buffer } | undefined =>
  generation === '' ? undefined : { revision: Buffer.from(generation, 'latin1') };
