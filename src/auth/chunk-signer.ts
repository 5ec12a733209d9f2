import { createHmac, type KeyObject } from 'node:crypto';

/** Signs the lines of a chunk's or trailer's string to sign, date and scope put in behind the first. Hex. */
export interface ChunkSigner {
  /** The request's own signature. */
  seed: string;
  sign(lines: readonly string[]): string;
  /** What it is made of, to be made again in another thread. */
  parts: { key: KeyObject | Buffer; date: string; scope: string };
}

/** `key`: the day's signing key. `date` as X-Amz-Date. */
export function chunkSigner(seed: string, key: KeyObject | Buffer, date: string, scope: string): ChunkSigner {
  return {
    seed,
    sign: ([name, ...others]) =>
      createHmac('sha256', key)
        .update(`${name}\n${date}\n${scope}\n${others.join('\n')}`)
        .digest('hex'),
    parts: { key, date, scope },
  };
}
