import { setImmediate as yieldToRequests } from 'node:timers/promises';
import type { MetaStore } from '../../store/ports.js';
import { CommitBuilder, type Stored } from '../../store/table.js';
import { type AuditChain, placeOfCheckpoint } from './chain.js';
import { ChainCheck } from './chain-check.js';
import type { CheckpointRecord } from './rows.js';

/** Pages of one commit: up to 4 MiB are read for it. */
const ROWS_AT_ONCE = 64;

const NOTHING: CheckpointRecord = {
  sequence: 0,
  mac: '00'.repeat(32),
  writtenMs: 0,
  pages: 0,
  events: 0,
  gaps: 0,
  damage: 0,
};

/**
 * Removes pages written before `beforeMs`, oldest first. Each commit moves the checkpoint and deletes what lies before it: a crash
 * between two leaves a chain that verifies. What didn't verify is counted in the checkpoint before it goes. `upTo`: no page behind this one.
 */
export async function removeOldPages(
  meta: MetaStore,
  chain: AuditChain,
  beforeMs: number,
  upTo = Number.MAX_SAFE_INTEGER,
): Promise<number> {
  let removed = 0;
  for (;;) {
    const some = await removeSome(meta, chain, beforeMs, upTo);
    if (some === 0) return removed;
    removed += some;
    await yieldToRequests();
  }
}

async function removeSome(meta: MetaStore, chain: AuditChain, beforeMs: number, upTo: number): Promise<number> {
  const stored = await chain.checkpoint();
  const before = stored?.record ?? NOTHING;
  const check = new ChainCheck(chain, placeOfCheckpoint(stored?.record));
  let checkpoint: CheckpointRecord | undefined;
  const passed: Uint8Array[] = [];
  let dels = 0;
  for (const row of await chain.rows(ROWS_AT_ONCE)) {
    passed.push(row.key);
    const page = check.take(row);
    // How old it is can't be told; it goes with the next one that is old.
    if (!page) continue;
    if (page.writtenMs >= beforeMs || page.sequence > upTo) break;
    dels = passed.length;
    checkpoint = {
      sequence: page.sequence,
      mac: page.mac.toBytes().toString('hex'),
      writtenMs: page.writtenMs,
      pages: before.pages + check.pages,
      events: before.events + check.events,
      gaps: before.gaps + check.gaps,
      damage: before.damage + check.damage,
    };
  }
  if (!checkpoint) return 0;
  return (await commit(meta, chain, stored, checkpoint, passed.slice(0, dels))) ? dels : 0;
}

function commit(
  meta: MetaStore,
  chain: AuditChain,
  stored: Stored<CheckpointRecord> | undefined,
  checkpoint: CheckpointRecord,
  dels: Uint8Array[],
): Promise<boolean> {
  const builder = new CommitBuilder().expect(chain.names.checkpoint, stored).frees();
  builder.put(chain.checkpoints.put(chain.names.checkpoint, checkpoint));
  for (const key of dels) builder.del(key);
  return meta.commit(builder.build());
}
