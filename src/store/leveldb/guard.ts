import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreDamaged } from '../errors.js';
import { scanLog } from './log-scan.js';
import { type Manifest, readManifest } from './manifest.js';
import type { StoredTable } from './verification.js';

/** What a database directory held before LevelDB's recovery touched it. */
export interface Inspection {
  /** The number of the last operation that is stored whole. Grows by one with every put and del, gapless. */
  lastSequence: number;
  /** Files whose unacknowledged last write was cut off by a crash; LevelDB drops it. */
  torn: string[];
  tables: StoredTable[];
  /** Paths of the live logs, the newest last. */
  logs: string[];
}

/** u64le sequence of the first operation ‖ u32le number of operations: how every batch in a log begins. */
const BATCH_HEADER_BYTES = 12;

/**
 * Reads CURRENT, MANIFEST and every live log of a closed database and refuses damage, before LevelDB opens it and silently
 * drops what it can't read. Batches carry the sequence numbers of their operations, so a missing log or record is a gap.
 *
 * @throws StoreDamaged naming the file
 */
export async function inspect(directory: string): Promise<Inspection> {
  const manifest = await readManifest(directory);
  const torn = manifest.torn ? [manifest.file] : [];
  let next: number | undefined;
  const logs = (await liveLogs(directory, manifest.logNumber)).map((name) => join(directory, name));
  for (const path of logs) {
    let records = 0;
    const scan = await scanLog(path, BATCH_HEADER_BYTES, (payload, offset) => {
      if (payload.length < BATCH_HEADER_BYTES) throw new StoreDamaged(`${path} is damaged at byte ${offset}`);
      const sequence = Number(payload.readBigUInt64LE(0));
      const expected = next ?? Math.min(sequence, manifest.lastSequence + 1);
      if (sequence !== expected) {
        throw new StoreDamaged(`${path} lacks operations ${expected} to ${sequence - 1} at byte ${offset}`);
      }
      next = sequence + payload.readUInt32LE(8);
      records++;
    });
    const tornBefore = torn.find((name) => name.endsWith('.log'));
    if (scan.damaged) throw new StoreDamaged(`${path} is damaged at byte ${scan.badAt}`);
    if (tornBefore !== undefined && records > 0) throw new StoreDamaged(`${tornBefore} is damaged at its end`);
    if (scan.badAt !== undefined) torn.push(path);
  }
  return {
    lastSequence: Math.max(manifest.lastSequence, (next ?? 1) - 1),
    torn,
    tables: tablesOf(directory, manifest),
    logs,
  };
}

/** The live tables with their paths. */
export function tablesOf(directory: string, { tables }: Manifest): StoredTable[] {
  return [...tables].map(([number, table]) => ({ ...table, path: join(directory, tableName(number)) }));
}

const tableName = (number: number): string => `${String(number).padStart(6, '0')}.ldb`;

async function liveLogs(directory: string, logNumber: number): Promise<string[]> {
  const logs = (await readdir(directory)).filter((name) => /^\d+\.log$/.test(name));
  const numbered = logs.map((name) => ({ name, number: Number.parseInt(name, 10) }));
  return numbered
    .filter(({ number }) => number >= logNumber)
    .sort((a, b) => a.number - b.number)
    .map(({ name }) => name);
}

/**
 * The second net, after LevelDB has opened: what it reports to have dropped, other than the torn writes that are known.
 * Returns the line of LevelDB's LOG.
 */
export async function droppedByLevel(directory: string, torn: string[]): Promise<string | undefined> {
  const log = await readFile(join(directory, 'LOG'), 'utf8');
  return log
    .split('\n')
    .find((line) => /Corruption|dropping \d+ bytes/.test(line) && !torn.some((file) => line.includes(file)));
}
