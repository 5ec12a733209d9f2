import type { BodyProducer, Sink } from '../../base/stream.js';
import { StoreDamaged } from '../../store/errors.js';
import { inlineBodyKey } from '../../store/keys.js';
import type { BlobSnapshot, MetaStore, Run } from '../../store/ports.js';
import type { BodyPart } from '../../store/records.js';

/** Decrypts a range of one body. `encryption/` implements it. */
export interface PartOpener {
  /** What has to be fed: the header, then these bytes [start, end) of the ciphertext. */
  readonly headerBytes: number;
  readonly ciphertext: { start: number; end: number };
  /** Ciphertext in order, first exactly the header. Returns plaintext of the range. */
  update(ciphertext: Buffer): Buffer[];
  /** All was fed. @throws BodyDamaged where something is missing. */
  final(): Buffer[];
}

/** A part, where in the whole body it starts, and how to open a range [start, end) of it. */
export interface ReadablePart {
  part: BodyPart;
  offset: number;
  open(start: number, end: number): PartOpener;
}

/** Blob values fetched at once, and ahead of what is being sent. */
const READ_VALUES = 2;

/** The bytes [start, end) of a body that lies in one or more parts. */
export class BodyReader implements BodyProducer {
  readonly length: number;

  constructor(
    private readonly meta: MetaStore,
    private readonly snapshot: BlobSnapshot,
    private readonly objectId: Buffer,
    /** The parts that the range touches, in order; may be made while reading. */
    private readonly parts: AsyncIterable<ReadablePart> | Iterable<ReadablePart>,
    private readonly range: { start: number; end: number },
  ) {
    this.length = range.end - range.start;
  }

  async pump(sink: Sink): Promise<void> {
    let sent = 0;
    const counted: Sink = (chunk) => {
      sent += chunk.length;
      return sink(chunk);
    };
    for await (const readable of this.parts) {
      const start = Math.max(0, this.range.start - readable.offset);
      const end = Math.min(readable.part.size, this.range.end - readable.offset);
      if (start >= end && !(readable.part.size === 0 && this.length === 0)) continue;
      const opener = readable.open(start, end);
      if (readable.part.inline) await this.#pumpInline(readable.part, opener, counted);
      else await this.#pumpRuns(readable.part, opener, counted);
    }
    if (sent !== this.length) throw new StoreDamaged('a body is shorter than its record says');
  }

  /** The snapshot belongs to the edge. */
  async close(): Promise<void> {}

  async #pumpInline(part: BodyPart, opener: PartOpener, sink: Sink): Promise<void> {
    const row = await this.meta.get(inlineBodyKey(this.objectId, Buffer.from(part.partId, 'hex')));
    if (!row) throw new StoreDamaged('the inline body of an object is missing');
    const { headerBytes, ciphertext } = opener;
    await give(opener.update(row.value.subarray(0, headerBytes)), sink);
    await give(opener.update(row.value.subarray(ciphertext.start, ciphertext.end)), sink);
    await give(opener.final(), sink);
  }

  async #pumpRuns(part: BodyPart, opener: PartOpener, sink: Sink): Promise<void> {
    const { runs, valueBytes } = part;
    if (!runs || !valueBytes) throw new StoreDamaged('the record of a body names no blobs');
    const { headerBytes, ciphertext } = opener;
    const firstValue = Math.floor(ciphertext.start / valueBytes);
    const lastValue = Math.floor((ciphertext.end - 1) / valueBytes);
    if (firstValue > 0) {
      const [value] = await this.#read(runs, 0, 1);
      await give(opener.update(value!.subarray(0, headerBytes)), sink);
    }
    let ahead = this.#read(runs, firstValue, Math.min(READ_VALUES, lastValue - firstValue + 1));
    for (let at = firstValue; at <= lastValue; at += READ_VALUES) {
      const values = await ahead;
      const next = at + READ_VALUES;
      if (next <= lastValue) {
        ahead = this.#read(runs, next, Math.min(READ_VALUES, lastValue - next + 1));
        // Where sending fails first, nobody awaits it any more.
        ahead.catch(() => {});
      }
      for (let i = 0; i < values.length; i++) {
        const base = (at + i) * valueBytes;
        const value = values[i]!;
        if (at + i === 0) await give(opener.update(value.subarray(0, headerBytes)), sink);
        const from = Math.max(0, ciphertext.start - base);
        const to = Math.min(value.length, ciphertext.end - base);
        await give(opener.update(from === 0 && to === value.length ? value : value.subarray(from, to)), sink);
      }
    }
    await give(opener.final(), sink);
  }

  /** `count` values from value `index` of the body on, across runs. */
  async #read(runs: Run[], index: number, count: number): Promise<Buffer[]> {
    const values: Buffer[] = [];
    let base = 0;
    for (const run of runs) {
      const from = Math.max(index + values.length, base);
      if (from < base + run.count && values.length < count) {
        const some = Math.min(count - values.length, base + run.count - from);
        values.push(...(await this.snapshot.read(run.first + from - base, some)));
      }
      base += run.count;
      if (values.length === count) break;
    }
    if (values.length < count) throw new StoreDamaged('the record of a body names too few blobs');
    return values;
  }
}

/** Hands buffers on without waiting where the sink doesn't ask for it. */
async function give(buffers: Buffer[], sink: Sink): Promise<void> {
  for (const buffer of buffers) {
    const wait = sink(buffer);
    if (wait) await wait;
  }
}
