import { AsyncLocalStorage } from 'node:async_hooks';
import { AroundMeta } from './around-meta.js';
import { LeaseLost } from './errors.js';
import { isLeaseFence } from './keys.js';
import type { Lease } from './leases.js';
import type { Commit } from './ports.js';

interface Turn {
  lease: Lease;
  /** Until what it was begun for has come to its end: what it started and nobody waits for is fenced no longer. */
  under: boolean;
}

/**
 * Rows of a store that several gateways share. What is committed `within` a lease checks the lease's fence besides, whoever makes the
 * commit; and a commit that a fence has turned down is an error of its own, not another writer who was faster.
 */
export class FencedMeta extends AroundMeta {
  readonly #turns = new AsyncLocalStorage<Turn>();

  /** Runs what only the holder of the lease may do. @throws LeaseLost where it is lost already, and from the first commit after it was */
  async within<T>(lease: Lease, work: () => Promise<T> | T): Promise<T> {
    if (lease.lost) throw lost(lease.name);
    const turn = { lease, under: true };
    try {
      return await this.#turns.run(turn, async () => work());
    } finally {
      turn.under = false;
    }
  }

  override async commit(commit: Commit): Promise<boolean> {
    const turn = this.#turns.getStore();
    const fence = turn?.under ? turn.lease.fence : [];
    const fenced = fence.length > 0 ? { ...commit, checks: [...(commit.checks ?? []), ...fence] } : commit;
    if (await this.inner.commit(fenced)) return true;
    await this.#requireFences(fenced);
    return false;
  }

  /** A fence never holds again: to try once more is in vain. @throws LeaseLost */
  async #requireFences({ checks = [] }: Commit): Promise<void> {
    const fences = checks.filter(({ key }) => isLeaseFence(key));
    if (fences.length === 0) return;
    const rows = await this.inner.getMany(fences.map(({ key }) => key));
    for (const [i, { key, revision }] of fences.entries()) {
      if (!rows[i]?.revision.equals(revision as Uint8Array)) throw lost(Buffer.from(key).toString('utf8'));
    }
  }
}

const lost = (name: string): LeaseLost => new LeaseLost(`not written: another gateway has taken the lease ${name}`);
