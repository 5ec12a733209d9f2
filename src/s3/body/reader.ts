import type { ClientBudget, ClientHolding, Displaced } from '../../base/client-budget.js';
import type { BodyProducer, Sink } from '../../base/stream.js';
import type { Opener, Span } from '../../encryption/body-opener.js';
import { StoreDamaged } from '../../store/errors.js';
import { inlineBodyKey } from '../../store/keys.js';
import type { BlobSnapshot, MetaStore, Run } from '../../store/ports.js';
import type { BodyPart } from '../../store/records.js';

/** A part, where in the whole body it starts, and how to open a range [start, end) of it. */
export interface ReadablePart {
  part: BodyPart;
  offset: number;
  open(start: number, end: number): Opener;
}

/** A row that the record names is gone: the version was replaced after its record was read, or the store is damaged. */
export class VersionReplaced extends StoreDamaged {
  override name = 'VersionReplaced';
}

/** Blob values fetched at once, and ahead of what is being sent. */
const READ_VALUES = 2;

/** The bytes [start, end) of a body that lies in one or more parts. */
export class BodyReader implements BodyProducer {
  readonly length: number;
  #inline: Buffer | undefined;
  /** Something was handed over: from now on it may take as long as it takes. */
  #begun = false;

  constructor(
    private readonly meta: MetaStore,
    private readonly snapshot: BlobSnapshot,
    private readonly objectId: Buffer,
    /** The parts that the range touches, in order. */
    private readonly parts: readonly ReadablePart[],
    private readonly range: { start: number; end: number },
    /** Of what is read for a client that may be slow to take it. */
    private readonly budget?: ClientBudget,
  ) {
    this.length = range.end - range.start;
  }

  pump(sink: Sink): Promise<void> {
    // Also while it waits for a client that doesn't read.
    return new Promise((resolve, reject) => {
      this.snapshot.onLost?.(reject);
      this.#pump(sink).then(resolve, reject);
    });
  }

  async #pump(sink: Sink): Promise<void> {
    let sent = 0;
    const counted: Sink = (chunk) => {
      sent += chunk.length;
      return sink(chunk);
    };
    for (const readable of this.parts) {
      const start = Math.max(0, this.range.start - readable.offset);
      const end = Math.min(readable.part.size, this.range.end - readable.offset);
      if (start >= end && !(readable.part.size === 0 && this.length === 0)) continue;
      const opener = readable.open(start, end);
      if (readable.part.inline) await this.#pumpInline(readable.part, opener, counted);
      else await this.#pumpRuns(readable.part, opener, counted);
    }
    if (sent !== this.length) throw new StoreDamaged('a body is shorter than its record says');
  }

  /**
   * Fetches an inline body before the answer begins: its row isn't part of the snapshot, and an overwrite may have taken it since
   * the record was read. @throws VersionReplaced: read the record again.
   */
  async prefetch(): Promise<void> {
    const [only, ...others] = this.parts;
    if (only?.part.inline && others.length === 0) this.#inline = await this.#readInline(only.part);
  }

  /** The snapshot belongs to the edge. */
  async close(): Promise<void> {}

  async #pumpInline(part: BodyPart, opener: Opener, sink: Sink): Promise<void> {
    const value = this.#inline ?? (await this.#readInline(part));
    for (const { start, end } of opener.segments) await give(opener.update(value.subarray(start, end)), sink);
    opener.final();
  }

  async #readInline(part: BodyPart): Promise<Buffer> {
    const row = await this.meta.get(inlineBodyKey(this.objectId, Buffer.from(part.partId, 'hex')));
    if (!row) throw new VersionReplaced('the inline body of an object is missing');
    return row.value;
  }

  async #pumpRuns(part: BodyPart, opener: Opener, sink: Sink): Promise<void> {
    const { runs, valueBytes } = part;
    if (!runs || !valueBytes) throw new StoreDamaged('the record of a body names no blobs');
    const owner = Buffer.from(part.partId, 'hex');
    const wanted = neededValues(opener.segments, valueBytes);
    const read = (values: NeededValue[]): Promise<Buffer[]> => {
      // Where sending fails first, nobody awaits it any more.
      const reading = this.#readAll(owner, runs, values);
      reading.catch(() => {});
      return reading;
    };
    const held = new Held(this.budget);
    const cost = (group: NeededValue[]): number =>
      // What is read, and one value more, decrypted, on its way out.
      (group.length + 1) * Math.min(valueBytes, part.size + part.chunkBytes);
    try {
      let group = take(wanted, READ_VALUES);
      await held.take(cost(group), this.#begun);
      let ahead = read(group);
      while (group.length > 0) {
        const values = await ahead;
        const next = take(wanted, READ_VALUES);
        const early = next.length > 0 && held.tryTake(cost(next));
        if (early) ahead = read(next);
        for (const [i, { slices }] of group.entries()) {
          const value = values[i]!;
          for (const { start, end } of slices) {
            const whole = start === 0 && end >= value.length;
            await give(opener.update(whole ? value : value.subarray(start, end)), (chunk) => {
              this.#begun = true;
              return held.during(sink(chunk));
            });
          }
        }
        held.give(cost(group));
        if (next.length > 0 && !early) {
          await held.take(cost(next), true);
          ahead = read(next);
        }
        group = next;
      }
      opener.final();
    } finally {
      held.close();
    }
  }

  /** Neighbours are read at once. */
  async #readAll(owner: Buffer, runs: Run[], values: NeededValue[]): Promise<Buffer[]> {
    const found: Buffer[] = [];
    for (let i = 0; i < values.length; ) {
      let count = 1;
      while (values[i + count]?.index === values[i]!.index + count) count++;
      found.push(...(await this.#read(owner, runs, values[i]!.index, count)));
      i += count;
    }
    return found;
  }

  /** `count` values from value `index` of the body on, across runs. */
  async #read(owner: Buffer, runs: Run[], index: number, count: number): Promise<Buffer[]> {
    const values: Buffer[] = [];
    let base = 0;
    for (const run of runs) {
      const from = Math.max(index + values.length, base);
      if (from < base + run.count && values.length < count) {
        const some = Math.min(count - values.length, base + run.count - from);
        values.push(...(await this.snapshot.read(owner, run, from - base, some)));
      }
      base += run.count;
      if (values.length === count) break;
    }
    if (values.length < count) throw new StoreDamaged('the record of a body names too few blobs');
    return values;
  }
}

/** The memory of one answer. Without a budget it costs nothing. */
class Held {
  readonly #holding: ClientHolding | undefined;
  #displace: ((error: Displaced) => void) | undefined;

  constructor(budget: ClientBudget | undefined) {
    this.#holding = budget?.open((error) => this.#displace?.(error));
  }

  /** @throws BudgetExhausted, unless it is patient */
  async take(bytes: number, patient: boolean): Promise<void> {
    if (this.#holding && !this.#holding.tryTake(bytes)) await this.#holding.take(bytes, { patient });
  }

  tryTake(bytes: number): boolean {
    return this.#holding?.tryTake(bytes) ?? true;
  }

  give(bytes: number): void {
    this.#holding?.give(bytes);
  }

  /** Waits for the client, who may be displaced meanwhile. @throws Displaced */
  during(wait: void | Promise<void>): void | Promise<void> {
    const holding = this.#holding;
    if (!holding) return wait;
    holding.progressed();
    if (!wait) return undefined;
    return new Promise((resolve, reject) => {
      this.#displace = reject;
      wait.then(() => {
        holding.progressed();
        resolve();
      }, reject);
    });
  }

  close(): void {
    this.#holding?.close();
  }
}

interface NeededValue {
  index: number;
  /** Spans of the value. */
  slices: Span[];
}

/** The values that the segments lie in, ascending, each once. */
function* neededValues(segments: readonly Span[], valueBytes: number): Generator<NeededValue> {
  let pending: NeededValue | undefined;
  for (const segment of segments) {
    for (let at = segment.start; at < segment.end; ) {
      const index = Math.floor(at / valueBytes);
      const start = at - index * valueBytes;
      const end = Math.min(valueBytes, segment.end - index * valueBytes);
      if (pending?.index === index) pending.slices.push({ start, end });
      else {
        if (pending) yield pending;
        pending = { index, slices: [{ start, end }] };
      }
      at = index * valueBytes + end;
    }
  }
  if (pending) yield pending;
}

function take<T>(from: Iterator<T>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const { value, done } = from.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

/** Hands buffers on without waiting where the sink doesn't ask for it. */
async function give(buffers: Buffer[], sink: Sink): Promise<void> {
  for (const buffer of buffers) {
    const wait = sink(buffer);
    if (wait) await wait;
  }
}
