import type { BodyProducer, Sink } from '../../base/stream.js';
import type { Opener } from '../../encryption/body-opener.js';
import { StoreDamaged } from '../../store/errors.js';

/** A range of a body whose whole message is at hand: all of it is authenticated before a byte goes out. */
export class InlineBody implements BodyProducer {
  constructor(
    /** Bytes of the range. */
    readonly length: number,
    private readonly message: Buffer,
    private readonly opener: Opener,
  ) {}

  async pump(sink: Sink): Promise<void> {
    const { message, opener } = this;
    const chunks: Buffer[] = [];
    let bytes = 0;
    for (const { start, end } of opener.segments) {
      opener.feed(message.subarray(start, end), (chunk) => {
        bytes += chunk.length;
        chunks.push(chunk);
      });
    }
    opener.final();
    if (bytes !== this.length) throw new StoreDamaged('a body is shorter than its record says');
    for (const chunk of chunks) {
      const wait = sink(chunk);
      if (wait) await wait;
    }
  }

  async close(): Promise<void> {}
}
