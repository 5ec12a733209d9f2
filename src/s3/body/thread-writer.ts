import { codedPayload } from '../../auth/payload.js';
import { randomId } from '../../base/ids.js';
import { BLOB_RUN_BYTES, BLOB_VALUE_BYTES } from '../../base/limits.js';
import type { BodyProducer, BodySource } from '../../base/stream.js';
import type { Algorithm } from '../../bodies/checksums.js';
import type { SealedContent } from '../../bodies/messages.js';
import { SealStream } from '../../bodies/seal-stream.js';
import type { BodyThreads } from '../../bodies/threads.js';
import { type BodyKeys, sealedLength } from '../../encryption/body-keys.js';
import { LARGE_CHUNK_BYTES } from '../../encryption/message-sealer.js';
import { OutcomeUnknown } from '../../store/errors.js';
import type { Intent } from '../../store/intents.js';
import type { BlobStore, Reservation, Run } from '../../store/ports.js';
import type { BodyPart } from '../../store/records.js';
import type { CommitBuilder } from '../../store/table.js';
import type { BodyWriterParts, WrittenBody } from './writer.js';

/** Runs that are full, or being filled, and not durable yet: what a crash of the machine loses, and the disk has to catch up with. */
const OPEN_RUNS = 3;

export interface ThreadWriterParts extends Pick<BodyWriterParts, 'intents' | 'dead'> {
  blobs: BlobStore & Required<Pick<BlobStore, 'reserve'>>;
  threads: BodyThreads;
}

/**
 * Stores a body of a known size through a body thread: this one reserves room for its runs and makes them durable. As with
 * `BodyWriter`, nothing names what was written until the commit that `attach` joined holds.
 */
export class ThreadWriter implements WrittenBody {
  readonly partId = randomId();
  readonly #stream: SealStream;
  readonly #keys: Pick<BodyKeys, 'outerKey'>;
  /** Of the message, bytes. */
  readonly #total: number;
  #reserved = 0;
  #reserving: Promise<void> | undefined;
  #failure: unknown;
  /** Reserved and not full yet, in order. */
  readonly #rooms: Reservation[] = [];
  readonly #commits: Promise<Run>[] = [];
  #intent: Intent | undefined;

  constructor(
    private readonly parts: ThreadWriterParts,
    private readonly objectId: Buffer,
    keys: BodyKeys,
    private readonly source: BodySource | BodyProducer,
    private readonly size: number,
    algorithms: Algorithm[],
  ) {
    this.#keys = { outerKey: keys.outerKey };
    this.#total = sealedLength(keys, size, LARGE_CHUNK_BYTES);
    const { coding } = codedPayload(source as BodySource);
    this.#stream = new SealStream(parts.threads, {
      keys,
      partId: this.partId,
      chunkBytes: LARGE_CHUNK_BYTES,
      coding,
      algorithms,
      room: (sentBytes) => this.#room(sentBytes),
      written: (crc32c) => this.#written(crc32c),
    });
  }

  /** Takes the body. What it says of itself is not compared yet, and not all of it need be durable. */
  async take(): Promise<SealedContent> {
    const { raw } = codedPayload(this.source as BodySource);
    await raw.pump((chunk) => this.#stream.write(chunk), { takesAtOnce: true });
    const sealed = await this.#stream.finish();
    if (sealed.size !== this.size) throw new Error('a body has another length than was declared');
    return sealed;
  }

  /** Everything is durable. */
  async finish(): Promise<BodyPart> {
    await this.#stream.close();
    const runs = await Promise.all(this.#commits);
    const partId = this.partId.toString('hex');
    return { partId, size: this.size, chunkBytes: LARGE_CHUNK_BYTES, runs, valueBytes: BLOB_VALUE_BYTES };
  }

  attach(commit: CommitBuilder): void {
    this.#intent?.fulfil(commit);
  }

  /** As that of `BodyWriter`. */
  async abort(unsure = false): Promise<void> {
    // First of all the thread stops: room that is given up may be another's at once.
    await this.#stream.close();
    await this.#reserving?.catch(() => {});
    for (const room of this.#rooms.splice(0)) await room.abandon();
    const settled = await Promise.allSettled(this.#commits);
    const runs = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const unknown = settled.some((one) => one.status === 'rejected' && one.reason instanceof OutcomeUnknown);
    if (unsure) return;
    await this.#intent?.abandon(this.parts.dead.ofRuns(this.objectId, this.partId, runs), unknown);
  }

  /** Reserves ahead, so that nobody waits for it as a rule. */
  #room(sentBytes: number): void | Promise<void> {
    if (this.#failure) throw this.#failure;
    const needed = Math.min(this.#total, sealedLength(this.#keys, sentBytes, LARGE_CHUNK_BYTES));
    const isDue = this.#reserved < this.#total && this.#reserved - needed < BLOB_RUN_BYTES / 2;
    if (isDue && !this.#reserving) {
      const reserving = this.#reserve().finally(() => {
        this.#reserving = undefined;
      });
      reserving.catch((error: unknown) => {
        this.#failure = error;
      });
      this.#reserving = reserving;
    }
    if (this.#reserved < needed) return this.#reserving;
  }

  async #reserve(): Promise<void> {
    this.#intent ??= await this.parts.intents.declare(this.partId);
    const open = this.#commits.length + this.#rooms.length - OPEN_RUNS;
    if (open >= 0 && this.#commits[open]) await this.#commits[open];
    const bytes = Math.min(BLOB_RUN_BYTES, this.#total - this.#reserved);
    const lengths: number[] = [];
    for (let left = bytes; left > 0; left -= BLOB_VALUE_BYTES) lengths.push(Math.min(left, BLOB_VALUE_BYTES));
    const room = await this.parts.blobs.reserve(this.partId, lengths);
    this.#reserved += bytes;
    this.#rooms.push(room);
    const { fd, offset, length } = room;
    this.#stream.room({ fd, offset, length });
  }

  #written(crc32c: number): void {
    const committed = this.#rooms.shift()!.commit(crc32c);
    // Its failure is met by whoever awaits it; until then it must not count as unhandled.
    committed.catch(() => {});
    this.#commits.push(committed);
  }
}
