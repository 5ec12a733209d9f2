import { createHash } from 'node:crypto';
import { equalSha256 } from '../base/mac.js';
import type { BodyEnd, BodySource, Sink } from '../base/stream.js';
import { AuthError } from './error.js';

/** A body whose SHA-256 was signed. It is verified when the last byte has passed. */
export class HashedBody implements BodySource {
  constructor(
    readonly raw: BodySource,
    /** Hex. */
    readonly claimed: string,
  ) {}

  get length(): number | undefined {
    return this.raw.length;
  }

  async pump(sink: Sink): Promise<BodyEnd> {
    const hash = createHash('sha256');
    const end = await this.raw.pump((chunk) => {
      hash.update(chunk);
      return sink(chunk);
    });
    const computed = hash.digest('hex');
    if (!equalSha256(computed, this.claimed)) {
      throw new AuthError(
        'XAmzContentSHA256Mismatch',
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        {
          ClientComputedContentSHA256: this.claimed,
          S3ComputedContentSHA256: computed,
        },
      );
    }
    return end;
  }
}
