import type { AuditEvent, AuditLog, LastUse } from '../../src/kms/audit/ports.js';
import type { MetaStore } from '../../src/store/ports.js';
import type { CommitBuilder } from '../../src/store/table.js';

/** For tests of what is recorded, not of how: keeps events in an array, and commits what mutates as it is. */
export class MemoryAudit implements AuditLog {
  readonly events: AuditEvent[] = [];
  readonly #lastUses = new Map<string, LastUse>();

  constructor(private readonly meta: MetaStore) {}

  record(event: AuditEvent, used: readonly { accountId: string; keyId: string }[] = []): undefined {
    this.events.push(event);
    if (event.result !== 'Success' || event.dryRun) return undefined;
    const { action: operation, timeMs, eventId, requestId } = event;
    for (const { accountId, keyId } of used) {
      this.#lastUses.set(`${accountId}/${keyId}`, { operation, timeMs, eventId, requestId });
    }
    return undefined;
  }

  async commit(commit: CommitBuilder, event: AuditEvent): Promise<boolean> {
    const done = await this.meta.commit(commit.build());
    if (done) this.events.push(event);
    return done;
  }

  async lastUse(accountId: string, keyId: string): Promise<LastUse | undefined> {
    return this.#lastUses.get(`${accountId}/${keyId}`);
  }
}
