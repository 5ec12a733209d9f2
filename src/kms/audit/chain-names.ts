import { createHmac } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { u16, u64 } from '../../base/bytes.js';
import { Secret } from '../../base/secret.js';
import type { MetaStore } from '../../store/ports.js';
import { CHAIN_ROWS, CHECKPOINT_ROW, PAGES, REKEY_ROW } from './rows.js';

/** The chain of a Coffer that is alone, and the first of several. */
export const FIRST_CHAIN = 0;
const CHAINS_MAX = 0xffff;

const more = (letter: string): Buffer => Buffer.concat([CHAIN_ROWS, Buffer.from(`n${letter}`, 'latin1')]);
const MORE_PAGES = more('/');
const MORE_CHECKPOINTS = more('c');
const MORE_REKEYS = more('r');

/**
 * What the rows and the head file of one chain are called. Several processes write a chain each, so that none waits for another's
 * pages; all chains are looked at together.
 */
export class ChainNames {
  /** What its pages' rows start with. */
  readonly pages: Buffer;
  readonly checkpoint: Buffer;
  readonly rekey: Buffer;

  constructor(readonly chain: number = FIRST_CHAIN) {
    if (!Number.isInteger(chain) || chain < 0 || chain > CHAINS_MAX) throw new RangeError(`there is no chain ${chain}`);
    const [pages, checkpoint, rekey] =
      chain === FIRST_CHAIN
        ? [PAGES, CHECKPOINT_ROW, REKEY_ROW]
        : [MORE_PAGES, MORE_CHECKPOINTS, MORE_REKEYS].map((start) => Buffer.concat([start, u16(chain)]));
    [this.pages, this.checkpoint, this.rekey] = [pages!, checkpoint!, rekey!];
  }

  page(sequence: number): Buffer {
    return Buffer.concat([this.pages, u64(sequence)]);
  }

  /** Of a row of its pages; `undefined`: it is named as no page is. */
  sequenceOf(rowKey: Buffer): number | undefined {
    if (rowKey.length !== this.pages.length + 8) return undefined;
    const sequence = Number(rowKey.readBigUInt64BE(this.pages.length));
    return Number.isSafeInteger(sequence) ? sequence : undefined;
  }

  /** `first`: of the first chain. */
  headFile(first: string): string {
    return this.chain === FIRST_CHAIN ? first : `${first}.${this.chain}`;
  }

  /** Of its own: a page of one chain is none of another's. `key`: what all chains' keys come from. */
  key(key: Secret): Secret {
    if (this.chain === FIRST_CHAIN) return key;
    const bytes = createHmac('sha256', key.expose()).update('coffer/audit-chain\0').update(u16(this.chain)).digest();
    return new Secret(bytes);
  }
}

/** Every chain that has rows or a head file, and the first. */
export async function chainsOf(meta: MetaStore, headFile: string): Promise<ChainNames[]> {
  const found = new Set([FIRST_CHAIN]);
  for (const start of [MORE_PAGES, MORE_CHECKPOINTS, MORE_REKEYS]) {
    for (let chain = FIRST_CHAIN + 1; chain <= CHAINS_MAX; chain++) {
      const range = { gte: Buffer.concat([start, u16(chain)]), lt: Buffer.concat([start, Buffer.alloc(32, 0xff)]) };
      const [row] = await meta.range({ ...range, limit: 1, keysOnly: true });
      if (!row || row.key.length < start.length + 2) break;
      chain = row.key.readUInt16BE(start.length);
      found.add(chain);
    }
  }
  const start = `${basename(headFile)}.`;
  for (const name of await readdir(dirname(headFile)).catch(() => [])) {
    const end = name.startsWith(start) ? name.slice(start.length) : '';
    if (/^[1-9]\d{0,4}$/.test(end) && Number(end) <= CHAINS_MAX) found.add(Number(end));
  }
  return [...found].sort((a, b) => a - b).map((chain) => new ChainNames(chain));
}

/** The first chain that no other process writes. `take`: a lease of that name, for as long as the process lives. */
export async function freeChain(take: (name: string) => Promise<unknown>): Promise<number> {
  for (let chain = FIRST_CHAIN; chain <= CHAINS_MAX; chain++) if (await take(`audit/${chain}`)) return chain;
  throw new Error('all chains of the audit log are taken');
}
