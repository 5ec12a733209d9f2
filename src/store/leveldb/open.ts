import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Level } from 'level';
import { makeDirectory } from '../../base/make-directory.js';
import { StoreDamaged, StoreInUse, StoreUnavailable } from '../errors.js';
import { OpenSnapshots, type SnapshotLimits } from '../open-snapshots.js';
import type { Store } from '../store.js';
import { ValueLog } from '../value-log/value-log.js';
import { LevelBlobStore } from './blob-store.js';
import { consumeCleanMark, writeCleanMark } from './clean-mark.js';
import type { WriteProbe } from './database.js';
import { DiskReserve } from './disk-reserve.js';
import { Engine } from './engine.js';
import { readIfThere, syncDirectory } from './files.js';
import { beginCreation, endCreation, type Format, readFormat, writeFormat } from './format-file.js';
import { FreeSpace } from './free-space.js';
import { LevelMetaStore } from './meta-store.js';
import { Progress } from './progress.js';
import { Reclaimer } from './reclaimer.js';
import { troubleOf } from './trouble.js';
import { VerifyingMark } from './verifying-mark.js';

export interface StoreOptions {
  /** Below so many free bytes the store is read-only. Default 1 GiB. */
  freeSpaceFloorBytes?: number;
  /**
   * Where large runs go. `value-log` (the default): into segment files, where each byte is written once. `leveldb`: beside the
   * small ones. What is stored already is read from where it lies.
   */
  blobs?: 'value-log' | 'leveldb';
  /** Size of a file that is removed when the disk is full all the same. Default 0: none. */
  reserveBytes?: number;
  /** Whether space of deleted blobs is reclaimed in the background, and how long deletions are collected first. Default 1 s. */
  reclaim?: { enabled?: boolean; pauseMs?: number };
  /** Beyond these a snapshot of blobs gives up what it keeps back. Default: an hour, 1 GiB. */
  snapshotLimits?: SnapshotLimits;
  /** So many bytes of the tables of each database are verified before the store opens, the rest in the background. Default 256 MiB. */
  verifyBeforeOpenBytes?: number;
  /** One line for the log: a failed write, a recovery, damage. */
  onTrouble?(message: string): void;
  /** Test seams. `blobTableBytes`: 64 MiB otherwise. */
  blobTableBytes?: number;
  valueLogFromBytes?: number;
  segmentMinBytes?: number;
  probe?: WriteProbe;
  nowMs?(): number;
  measureFreeBytes?(directory: string): Promise<number>;
}

export type { Store };

const GiB = 1024 ** 3;
const MiB = 1024 ** 2;
const VALUE_LOG_FROM_BYTES = 128 * 1024;

/**
 * Opens the data directory, or makes it. Nothing is read or written through LevelDB before its files have been inspected.
 *
 * @throws StoreInUse, StoreTooNew, StoreDamaged, StoreUnavailable, each with one line that names directory or file
 *
 * @example
 * const store = await openStore('./storage');
 * await store.meta.commit({ puts: [{ key: Buffer.from('a'), value: Buffer.from('1') }] });
 * await store.close();
 */
export async function openStore(dir: string, options: StoreOptions = {}): Promise<Store> {
  const directory = resolve(dir);
  await makeDirectory(directory);
  await readFormat(directory); // a newer layout is left alone, its lock included
  const lock = await takeLock(directory).catch(async (error: Error) => {
    if (!error.message.includes('No space left')) throw error;
    // Ended before it could give its reserve away: what that was kept for is here.
    await rm(join(directory, 'reserve'), { force: true });
    return takeLock(directory);
  });
  try {
    return await openLocked(directory, options, lock);
  } catch (error) {
    await lock.close();
    throw error;
  }
}

async function openLocked(directory: string, options: StoreOptions, lock: Level): Promise<Store> {
  const { onTrouble = () => {}, nowMs = Date.now, reclaim = {}, blobTableBytes, probe } = options;
  const damage = await readIfThere(join(directory, 'damaged'));
  if (damage !== undefined)
    throw new StoreDamaged(`${damage.trim()} (restore the data, then remove ${directory}/damaged)`);

  const space = new FreeSpace({
    directory,
    floorBytes: options.freeSpaceFloorBytes ?? 1 * GiB,
    reserve: new DiskReserve(join(directory, 'reserve'), options.reserveBytes ?? 0),
    nowMs,
    measure: options.measureFreeBytes,
    onChange: onTrouble,
  });
  let format: Format | undefined = await readFormat(directory);
  if (!format) await beginCreation(directory);
  const progress = await Progress.open(join(directory, 'progress'));
  const engine = new Engine({ directory, space, progress, blobTableBytes, probe, nowMs, onTrouble });
  const snapshots = new OpenSnapshots(options.snapshotLimits, nowMs);
  const { enabled = true, pauseMs = 1000 } = reclaim;
  const reclaimer = new Reclaimer(engine.blob, snapshots, { enabled, pauseMs, onTrouble });
  const meta = new LevelMetaStore(engine);
  const log = new ValueLog({
    directory: join(directory, 'segments'),
    storeId: () => format!.storeId,
    space,
    snapshots,
    reclaim: { enabled, pauseMs },
    hasSegments: format?.hasSegments ?? false,
    willHaveSegments: () => writeFormat(directory, { ...format!, hasSegments: true }),
    segmentMinBytes: options.segmentMinBytes,
    probe: probe?.file?.bind(probe),
    onTrouble,
  });
  const logFromBytes = options.valueLogFromBytes ?? VALUE_LOG_FROM_BYTES;
  const blobs = new LevelBlobStore(
    engine,
    reclaimer,
    snapshots,
    log,
    options.blobs === 'leveldb' ? Number.POSITIVE_INFINITY : logFromBytes,
  );
  const verifying = new VerifyingMark(directory, onTrouble);
  try {
    await space.refresh();
    // Opening writes: what the last process left in logs becomes tables.
    await space.makeRoom();
    const { verifyBeforeOpenBytes = 256 * MiB } = options;
    if (format) await openExisting({ directory, engine, log, reclaimer, verifying, verifyBeforeOpenBytes, onTrouble });
    else await openNew(engine, directory);
    format ??= await endCreation(directory);
  } catch (error) {
    await progress.close();
    await space.close();
    throw error;
  }

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const clean = await engine.close();
    log.closed();
    if (clean) {
      await writeCleanMark(directory, await engine.inspect());
      await verifying.remove();
    }
    await progress.close();
    await space.close();
    await lock.close();
  };
  return {
    storeId: format.storeId,
    meta,
    blobs,
    compactMeta: (range) => meta.compact(range),
    readOnly: () => space.readOnly,
    measureSpace: async () => space.measured(),
    trouble: () => troubleOf(meta),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

async function openNew(engine: Engine, directory: string): Promise<void> {
  await engine.open(undefined);
  await syncDirectory(directory);
  await syncDirectory(dirname(directory));
}

interface Existing {
  directory: string;
  engine: Engine;
  log: ValueLog;
  reclaimer: Reclaimer;
  verifying: VerifyingMark;
  verifyBeforeOpenBytes: number;
  onTrouble(message: string): void;
}

async function openExisting(parts: Existing): Promise<void> {
  const { directory, engine, log, reclaimer, verifying, verifyBeforeOpenBytes, onTrouble } = parts;
  const inspections = await engine.inspect();
  // What ended the last process may have been a table that it had not verified yet.
  await engine.verify(inspections, reclaimer, verifying.isThere ? Number.POSITIVE_INFINITY : verifyBeforeOpenBytes);
  if (engine.isVerified) await verifying.remove();
  else await verifying.put();
  const closedInOrder = await consumeCleanMark(directory, inspections);
  engine.progressMayBeMissing = closedInOrder;
  log.closedInOrder = closedInOrder;
  await engine.open(inspections);
  const rest = engine
    .verifyRest(inspections, reclaimer)
    .then(() => (engine.isVerified ? verifying.remove() : undefined));
  rest.catch((error: Error) => onTrouble(`not all tables were verified: ${error.message}`));
}

/**
 * The databases are read before LevelDB opens them, and LevelDB's own lock comes with opening. So a third, empty database is
 * locked first and for as long as the store is open.
 */
async function takeLock(directory: string): Promise<Level> {
  const lock = new Level(join(directory, 'lock'), { writeBufferSize: 65_536, cacheSize: 65_536 });
  try {
    await lock.open();
    return lock;
  } catch (error) {
    const cause = (error as { cause?: { code?: string; message?: string } }).cause;
    if (cause?.code === 'LEVEL_LOCKED') throw new StoreInUse(`${directory} is in use by another process`);
    throw new StoreUnavailable(`${join(directory, 'lock')}: ${cause?.message ?? (error as Error).message}`);
  }
}
