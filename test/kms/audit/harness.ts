import { join } from 'node:path';
import { afterEach } from 'vitest';
import { ManualClock } from '../../../src/base/clock.js';
import { Secret } from '../../../src/base/secret.js';
import type { AuditEvent } from '../../../src/kms/audit/ports.js';
import { PAGES } from '../../../src/kms/audit/rows.js';
import type { Timers } from '../../../src/kms/audit/timers.js';
import { type AuditParts, AuditTrail } from '../../../src/kms/audit/trail.js';
import { RootSealer } from '../../../src/seal/record-sealer.js';
import { RootKey } from '../../../src/seal/root-key.js';
import { OutcomeUnknown, StoreUnavailable } from '../../../src/store/errors.js';
import { under } from '../../../src/store/keys.js';
import { MemoryMetaStore } from '../../../src/store/memory/meta-store.js';
import type { Commit, MetaStore, Row } from '../../../src/store/ports.js';
import { temporaryDirectory } from '../../store/harness.js';

export const ACCOUNT = '111111111111';
export const START_MS = Date.UTC(2026, 0, 1);
export const DAY_MS = 86_400_000;

/** Delays that end when a test moves the time. */
export class ManualTimers implements Timers {
  #nowMs = 0;
  readonly #waiting = new Set<{ atMs: number; run: () => void }>();

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, run };
    this.#waiting.add(timer);
    return () => this.#waiting.delete(timer);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const timer of [...this.#waiting]) {
      if (timer.atMs > this.#nowMs) continue;
      this.#waiting.delete(timer);
      timer.run();
    }
  }
}

export type Fault = 'unavailable' | 'lost' | 'applied';

/** A store in memory that fails where a test wants it, keeps what was committed, and lets others run while it commits. */
export class FaultyStore extends MemoryMetaStore {
  /** Of the next commits. `lost` and `applied` both answer OutcomeUnknown. */
  faults: (Fault | undefined)[] = [];
  /** Every commit fails with it. */
  broken: Fault | undefined;
  /** Commits until the process is gone: nothing is read or written then. */
  left = Number.POSITIVE_INFINITY;
  readonly commits: Commit[] = [];

  override async commit(commit: Commit): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.left <= 0) throw new StoreUnavailable('dead');
    this.left--;
    const fault = this.faults.shift() ?? this.broken;
    if (fault === 'unavailable') throw new StoreUnavailable('not now');
    if (fault === 'lost') throw new OutcomeUnknown('lost');
    const done = await super.commit(commit);
    if (done) this.commits.push(commit);
    if (fault === 'applied') throw new OutcomeUnknown('applied');
    return done;
  }

  /** All rows, as a copy of the data directory would have them. */
  all(): Promise<Row[]> {
    return this.range({ gte: Buffer.of(1), lt: Buffer.of(0xff), limit: 100_000 });
  }

  /** Behind the back of whoever has it open. */
  async tamper(change: { puts?: { key: Uint8Array; value: Uint8Array }[]; dels?: Uint8Array[] }): Promise<void> {
    await super.commit(change);
  }

  async replaceAll(rows: Row[]): Promise<void> {
    await this.tamper({ dels: (await this.all()).map(({ key }) => key) });
    await this.tamper({ puts: rows });
  }
}

export const pageRows = (meta: MetaStore): Promise<Row[]> => meta.range({ ...under(PAGES), limit: 100_000 });

export function keysOf(fill: number): { sealer: RootSealer; chainKey: Secret } {
  const rootKey = new RootKey(new Secret(Buffer.alloc(32, fill)));
  return { sealer: new RootSealer(rootKey), chainKey: rootKey.derive('coffer/audit-chain') };
}

/** What a trail is opened with, and what of it a test moves and looks at. Survives the trail: open it again for a restart. */
export async function makeParts<S extends MetaStore = FaultyStore>(
  meta: S = new FaultyStore() as MetaStore as S,
): Promise<AuditParts & { meta: S; clock: ManualClock; timers: ManualTimers; troubles: string[] }> {
  const troubles: string[] = [];
  return {
    meta,
    ...keysOf(7),
    headFile: join(await temporaryDirectory(), 'root.key.audit'),
    clock: new ManualClock(START_MS),
    timers: new ManualTimers(),
    onTrouble: (message) => void troubles.push(message),
    troubles,
  };
}

const opened: AuditTrail[] = [];

// Before the directory of the head file goes.
afterEach(async () => {
  for (const trail of opened.splice(0)) await trail.close();
});

/** Closed after the test. */
export async function openTrail(parts: AuditParts): Promise<AuditTrail> {
  const trail = await AuditTrail.open(parts);
  opened.push(trail);
  return trail;
}

export async function makeTrail() {
  const parts = await makeParts();
  return { ...parts, trail: await openTrail(parts), parts };
}

let count = 0;

export function event(members: Partial<AuditEvent> = {}): AuditEvent {
  const id = ++count;
  return {
    eventId: `event-${id}`,
    timeMs: START_MS + id,
    requestId: `request-${id}`,
    action: 'Decrypt',
    caller: {
      arn: `arn:aws:iam::${ACCOUNT}:user/alice`,
      accountId: ACCOUNT,
      userId: 'AIDAALICE',
      accessKeyId: 'AKIAALICE',
    },
    result: 'Success',
    ...members,
  };
}

/** The ids of all events in the log, in its order. */
export async function idsIn(trail: AuditTrail): Promise<string[]> {
  const entries = await trail.tail({ limit: 1_000_000 });
  return entries.map((entry) => ('event' in entry ? entry.event.eventId : `damaged ${entry.sequence}`));
}

/** Lets everything that is under way come to rest. */
export async function rest(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}
