import { randomId } from '../base/ids.js';
import { OutcomeUnknown } from './errors.js';
import { leaseBeatKey, leaseFenceKey } from './keys.js';
import type { Lease } from './leases.js';
import type { Check, MetaStore, Row } from './ports.js';
import { CommitBuilder } from './table.js';

export interface HeldLeaseParts {
  name: string;
  meta: MetaStore;
  nowMs(): number;
  /** After so long without a beat others may think it dead soon. */
  lostAfterMs: number;
  /** It has ended; `lost`: somebody else took it. */
  gone(lost: boolean): void;
}

/** A lease that this process has taken (`SharedLeases` says how they work). */
export class HeldLease implements Lease {
  #fence: Check | undefined;
  #renewedMs = 0;
  #ended = false;

  constructor(
    private readonly parts: HeldLeaseParts,
    /** The gateway's id. */
    protected readonly holder: Buffer,
  ) {}

  get name(): string {
    return this.parts.name;
  }

  get fence(): readonly Check[] {
    return [this.#fence!];
  }

  get lost(): boolean {
    return this.#ended || this.parts.nowMs() - this.#renewedMs >= this.parts.lostAfterMs;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Takes it from whom these rows are, if they still are so. `false`: they aren't. */
  async take(fence: Row | undefined, beat: Row | undefined): Promise<boolean> {
    const { meta } = this.parts;
    const [fenceKey, beatKey] = [leaseFenceKey(this.name), leaseBeatKey(this.name)];
    const value = Buffer.concat([this.holder, randomId()]);
    const beganMs = this.parts.nowMs();
    const commit = new CommitBuilder()
      .expect(fenceKey, fence)
      .expect(beatKey, beat)
      .put({ key: fenceKey, value })
      .put({ key: beatKey, value: this.holder })
      .frees();
    const done = await meta.commit(commit.build()).catch((error: unknown) => {
      if (!(error instanceof OutcomeUnknown)) throw error;
      // The row says it.
      return true;
    });
    if (!done) return false;
    const row = await meta.get(fenceKey);
    if (!row?.value.equals(value)) return false;
    this.#fence = { key: fenceKey, revision: row.revision };
    this.#renewedMs = beganMs;
    return true;
  }

  /** Joins the next beat. */
  renew(commit: CommitBuilder): void {
    commit.checks.push(this.#fence!);
    commit.put({ key: leaseBeatKey(this.name), value: this.holder });
  }

  /** A beat of this lease was written, by a commit that began then. */
  renewed(beganMs: number): void {
    this.#renewedMs = beganMs;
  }

  async confirm(): Promise<void> {
    if (this.#ended) return;
    const row = await this.parts.meta.get(this.#fence!.key);
    if (!row?.revision.equals(this.#fence!.revision as Buffer)) this.#end(true);
  }

  async release(): Promise<void> {
    if (this.#ended) return;
    this.#end(false);
    const commit = new CommitBuilder()
      .del(this.#fence!.key as Buffer)
      .del(leaseBeatKey(this.name))
      .frees();
    commit.checks.push(this.#fence!);
    await this.parts.meta.commit(commit.build()).catch(() => {});
  }

  #end(lost: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.parts.gone(lost);
  }
}
