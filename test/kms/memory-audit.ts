import type { AuditEvent, AuditLog, LastUse } from '../../src/kms/audit/ports.js';
import type { MetaStore } from '../../src/store/ports.js';
import type { CommitBuilder } from '../../src/store/table.js';

/** Keeps events in an array, in the order they were told. */
export class MemoryAudit implements AuditLog {
  readonly events: AuditEvent[] = [];
  readonly #uses = new Map<string, LastUse>();

  constructor(private readonly meta: MetaStore) {}

  record(event: AuditEvent, used: readonly { accountId: string; keyId: string }[] = []): undefined {
    this.events.push(event);
    const { action: operation, timeMs, eventId, requestId } = event;
    for (const { accountId, keyId } of used) {
      this.#uses.set(`${accountId}/${keyId}`, { operation, timeMs, eventId, requestId });
    }
    return undefined;
  }

  async commit(commit: CommitBuilder, event: AuditEvent): Promise<boolean> {
    const done = await this.meta.commit(commit.build());
    if (done) this.events.push(event);
    return done;
  }

  async lastUse(accountId: string, keyId: string): Promise<LastUse | undefined> {
    return this.#uses.get(`${accountId}/${keyId}`);
  }
}
