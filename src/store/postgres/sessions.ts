import type { PoolClient } from 'pg';
import { randomId } from '../../base/ids.js';
import { OutcomeUnknown } from '../errors.js';
import type { Connections, Statement } from './connections.js';

/**
 * A session's row is written by each of its commits. Where a snapshot is open for long its old versions can't go, and every commit
 * would walk past them: so a connection begins a new one from time to time.
 */
const COMMITS_PER_SESSION = 256;

export interface Session {
  /** 16 random bytes. */
  readonly id: Buffer;
  /** Its predecessor, to be deleted by the first commit. */
  retired: Buffer | null;
  uses: number;
}

/**
 * How a commit whose answer was lost is resolved. Every connection has a row that names its last commit, written by that commit
 * itself. Whoever lost an answer closes the row over another connection: that waits for a commit still running, keeps one that
 * comes later from being applied, and says which was the last one that was. So an outcome stays unknown only as long as no
 * connection can be had at all.
 */
export class Sessions {
  readonly #current = new WeakMap<PoolClient, Session>();
  readonly #close: Statement;
  readonly #forget: Statement;
  readonly counts = { applied: 0, notApplied: 0, unknown: 0 };

  constructor(
    private readonly connections: Connections,
    schema: string,
    private readonly resolveMs: number,
  ) {
    this.#close = {
      name: 'close-session',
      text:
        `INSERT INTO ${schema}.session AS s VALUES ($1, '', true, now()) ` +
        'ON CONFLICT (id) DO UPDATE SET closed = true, used = now() RETURNING last',
    };
    this.#forget = {
      name: 'forget-session',
      text: `DELETE FROM ${schema}.session WHERE used < now() - interval '1 day'`,
    };
  }

  of(client: PoolClient): Session {
    let session = this.#current.get(client);
    if (!session || session.uses >= COMMITS_PER_SESSION) {
      session = { id: randomId(), retired: session?.id ?? null, uses: 0 };
      this.#current.set(client, session);
    }
    session.uses++;
    return session;
  }

  /**
   * Whether the session's commit `token` was applied. If not, it never will be. The connection must have been given up.
   * @throws OutcomeUnknown where no answer can be had in time
   */
  async wasApplied({ id }: Session, token: Buffer, cause: unknown): Promise<boolean> {
    try {
      const [row] = await this.connections.query(this.#close, [id], performance.now() + this.resolveMs);
      const applied = (row![0] as Buffer).equals(token);
      this.counts[applied ? 'applied' : 'notApplied']++;
      return applied;
    } catch {
      this.counts.unknown++;
      throw new OutcomeUnknown(`${this.connections.shown}: the connection was lost during a commit`, { cause });
    }
  }

  /** What others left long ago. Nobody still asks for it after a day. */
  async forget(): Promise<void> {
    await this.connections.query(this.#forget, []);
  }
}
