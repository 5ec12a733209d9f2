import type { Budget } from '../../base/budget.js';
import { randomId } from '../../base/ids.js';
import { BLOB_FLUSH_BYTES, BLOB_VALUE_BYTES, INLINE_BODY_MAX_BYTES } from '../../base/limits.js';
import { VALUE_POOL } from '../../encryption/body-sealer.js';
import type { Sealer } from '../../encryption/data-keys.js';
import type { DeadRows } from '../../store/dead.js';
import { OutcomeUnknown, PutInDoubt } from '../../store/errors.js';
import type { Intent, Intents } from '../../store/intents.js';
import { inlineBodyKey } from '../../store/keys.js';
import type { BlobStore, Run } from '../../store/ports.js';
import type { BodyPart } from '../../store/records.js';
import type { CommitBuilder } from '../../store/table.js';

export interface BodyWriterParts {
  blobs: BlobStore;
  intents: Intents;
  dead: DeadRows;
  budget: Budget;
}

/** A body that was stored, and that nothing names yet. */
export interface WrittenBody {
  /** Joins the commit that makes the body reachable. */
  attach(commit: CommitBuilder): void;
  /**
   * It won't be: what was written goes to the sweeper. Never throws: the next start finds what is left by the intent.
   * `unsure`: the commit that it was attached to may have been applied, or may be yet. Nothing is said to be dead then: the intent,
   * which went with the commit or stays, says it once this gateway's lease has ended, and with it all that it may still commit.
   */
  abort(unsure?: boolean): Promise<void>;
}

/**
 * Takes a body as it arrives, encrypts it and writes it in synced batches, one in flight while the next collects. Nothing names
 * what it wrote until the commit that `attach` joined holds; until then `abort` hands all of it to the sweeper.
 */
export class BodyWriter implements WrittenBody {
  readonly partId = randomId();
  #size = 0;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #runs: Run[] = [];
  #inline: Buffer | undefined;
  #intent: Intent | undefined;
  #inFlight: Promise<void> | undefined;
  /** Set with the first flush, before anything of it has happened: from then on the body lies in `blob`. */
  #flushed = false;
  #aborted = false;
  /** What a put has left isn't known, nor by which run it would be deleted: only its intent leads there. */
  #unknown = false;
  #sealer: Sealer;

  /** `seal` makes the sealer for this writer's part id. */
  constructor(
    private readonly parts: BodyWriterParts,
    private readonly objectId: Buffer,
    seal: (partId: Buffer) => Sealer,
    /** Parts of uploads never lie inline: they are read for as long as the whole object is, from the blob snapshot. */
    private readonly mayBeInline = true,
  ) {
    this.#sealer = seal(this.partId);
  }

  /** Bytes of plaintext so far. */
  get size(): number {
    return this.#size;
  }

  /** A sink for `BodySource.pump`. */
  write(chunk: Buffer): void | Promise<void> {
    this.#size += chunk.length;
    const values = this.#sealer.update(chunk);
    if (values.length > 0) return this.#take(values);
  }

  /** All bytes have come: the rest is written. */
  async finish(): Promise<BodyPart> {
    const rest = this.#sealer.final();
    const bytes = rest.reduce((sum, value) => sum + value.length, 0);
    const part: BodyPart = {
      partId: this.partId.toString('hex'),
      size: this.#size,
      chunkBytes: this.#sealer.chunkBytes,
    };
    if (this.mayBeInline && !this.#flushed && this.#pending.length === 0 && bytes <= INLINE_BODY_MAX_BYTES) {
      this.#inline = rest.length === 1 ? rest[0]! : Buffer.concat(rest);
      return { ...part, inline: true };
    }
    await this.#take(rest);
    await this.#inFlight;
    if (this.#pending.length > 0) {
      this.#flush();
      await this.#inFlight;
    }
    return { ...part, runs: this.#runs, valueBytes: BLOB_VALUE_BYTES };
  }

  attach(commit: CommitBuilder): void {
    if (this.#inline) commit.put({ key: inlineBodyKey(this.objectId, this.partId), value: this.#inline });
    this.#intent?.fulfil(commit);
  }

  async abort(unsure = false): Promise<void> {
    // A chunk may still be on its way in, waiting for a write or for room: it must begin nothing that nobody would free.
    this.#aborted = true;
    await this.#inFlight?.catch(() => {});
    this.parts.budget.release(this.#pendingBytes);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#sealer.dispose();
    if (unsure) return;
    await this.#intent?.abandon(this.parts.dead.ofRuns(this.objectId, this.partId, this.#runs), this.#unknown);
  }

  async #take(values: Buffer[]): Promise<void> {
    for (const value of values) {
      if (this.#aborted) return;
      if (!this.parts.budget.tryAcquire(value.length)) {
        // Too many uploads at once: write what has been collected, so that it doesn't hold memory while this one waits.
        await this.#inFlight;
        if (this.#aborted) return;
        if (this.#pending.length > 0) this.#flush();
        await this.#inFlight;
        if (this.#aborted) return;
        await this.parts.budget.acquire(value.length);
        if (this.#aborted) {
          this.parts.budget.release(value.length);
          return;
        }
      }
      this.#pending.push(value);
      this.#pendingBytes += value.length;
      if (this.#pendingBytes >= BLOB_FLUSH_BYTES) {
        await this.#inFlight;
        if (this.#aborted) return;
        this.#flush();
      }
    }
  }

  #flush(): void {
    this.#flushed = true;
    const values = this.#pending;
    const bytes = this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    const written = this.#write(values)
      // Where it failed, nobody knows who still reads them.
      .then(() => {
        for (const value of values) VALUE_POOL.give(value);
      })
      .finally(() => this.parts.budget.release(bytes));
    // Its failure is met by whoever awaits it next; until then it must not count as unhandled.
    written.catch(() => {});
    this.#inFlight = written;
  }

  async #write(values: Buffer[]): Promise<void> {
    this.#intent ??= await this.parts.intents.declare(this.partId);
    // One run a batch, also where two follow each other: a run is deleted as it was put.
    const at = this.#runs.reduce((sum, { count }) => sum + count, 0);
    this.#intent.requireHeld();
    try {
      this.#runs.push(await this.parts.blobs.put(this.partId, values, at));
    } catch (error) {
      // The body ends here, and nothing is put after it.
      if (error instanceof PutInDoubt) this.#runs.push(error.run);
      else if (error instanceof OutcomeUnknown) this.#unknown = true;
      throw error;
    }
  }
}
