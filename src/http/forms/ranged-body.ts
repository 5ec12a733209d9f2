import type { LengthRange } from '../../auth/form/ports.js';
import type { BodyEnd, BodySource, Sink } from '../../base/stream.js';
import { S3Error } from '../../s3/error.js';

/** How much of a file beyond its bound is read, to tell the client how large it is. */
const COUNTED_BYTES = 16 * 1024 * 1024;

/** A file whose size the form's policy bounds. Not a byte beyond the bound is handed on. */
export class RangedBody implements BodySource {
  readonly length = undefined;

  constructor(
    private readonly raw: BodySource,
    private readonly range: LengthRange,
  ) {}

  async pump(sink: Sink): Promise<BodyEnd> {
    const { min, max } = this.range;
    let bytes = 0;
    const end = await this.raw.pump((chunk) => {
      bytes += chunk.length;
      if (bytes <= max) return sink(chunk);
      if (bytes > max + COUNTED_BYTES) throw tooLarge(bytes, max);
    });
    if (bytes > max) throw tooLarge(bytes, max);
    if (bytes < min) {
      throw new S3Error('EntityTooSmall', { extra: { ProposedSize: String(bytes), MinSizeAllowed: String(min) } });
    }
    return end;
  }
}

const tooLarge = (proposed: number, max: number): S3Error =>
  new S3Error('EntityTooLarge', { extra: { ProposedSize: String(proposed), MaxSizeAllowed: String(max) } });
