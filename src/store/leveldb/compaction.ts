import { StoreUnavailable } from '../errors.js';
import type { Range } from '../ports.js';
import { readError } from './database.js';
import type { Engine } from './engine.js';
import { readManifest } from './manifest.js';
import type { Readers } from './readers.js';

const ALL: Range = { gte: Buffer.of(0), lt: Buffer.of(0xff) };
const ROUNDS = 4;

/** What of the store a compaction needs. */
export interface Compacting {
  engine: Engine;
  /** Those who read `meta` now. */
  cursors: Readers;
  /** Writes a row as it is. */
  touch(key: Buffer): Promise<void>;
}

/**
 * Rewrites every table that has keys of the range, so that no file holds what was overwritten or deleted before. LevelDB's own
 * compaction leaves a table alone where nothing above it overlaps; such a one gets a write within its range that changes nothing.
 * It keeps what a snapshot still sees, and old tables for as long as somebody reads them: those who read are waited for. Others may
 * write meanwhile. The blocks that the old files had are the file system's.
 */
export async function compactMeta(parts: Compacting, { gte, lt }: Range = ALL): Promise<void> {
  const { engine, cursors, touch } = parts;
  const [first, last] = [Buffer.from(gte), Buffer.from(lt)];
  const compact = async (): Promise<void> => {
    await cursors.left();
    engine.requireOpen();
    await engine.meta.level.compactRange(first, last).catch((error: unknown) => {
      throw readError(error);
    });
  };
  // Brings what is in memory into a table, which may land where nothing is above it.
  await compact();
  let old = await tablesOf(engine, first, last);
  for (let round = 0; old.size > 0; round++) {
    if (round === ROUNDS) throw new StoreUnavailable(`${old.size} tables were not compacted`);
    for (const key of old.values()) await touch(key);
    await compact();
    const now = await tablesOf(engine, first, last);
    old = new Map([...old].filter(([number]) => now.has(number)));
  }
  // Tables that somebody read while they were replaced go with the next compaction.
  await compact();
}

/** Their numbers, and a key that lies both in the table and in the range. */
async function tablesOf(engine: Engine, first: Buffer, last: Buffer): Promise<Map<number, Buffer>> {
  engine.requireOpen();
  const { tables } = await readManifest(engine.meta.directory);
  const within = [...tables].filter(
    ([, { smallest, largest }]) => Buffer.compare(smallest, last) <= 0 && Buffer.compare(largest, first) >= 0,
  );
  return new Map(
    within.map(([number, { smallest }]) => [number, Buffer.compare(smallest, first) < 0 ? first : smallest]),
  );
}
