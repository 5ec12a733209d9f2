import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';

/**
 * The bytes of a range of an object, as many as there are of it. A server that ignores ranges sends everything: that isn't taken.
 * @throws Error where the answer breaks off, or isn't what was asked for
 */
export async function readAnswer(
  { Body, ContentRange, $metadata }: GetObjectCommandOutput,
  { start, length }: { start: number; length: number },
  signal: AbortSignal,
): Promise<Buffer> {
  const stream = Body as Readable;
  // Whoever waits for its end is told; what comes after that is nobody's, and must not count as unhandled.
  stream.on('error', () => {});
  const stop = () => stream.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop);
  try {
    const [, from, to] = /^bytes ([0-9]+)-([0-9]+)\//.exec(ContentRange ?? '') ?? [];
    const size = Number(to) - Number(from) + 1;
    const asked = Number(from) === start && size > 0 && size <= length;
    if ($metadata.httpStatusCode !== 206 || !asked) throw new Error('the answer is not the range that was asked for');
    const bytes = Buffer.allocUnsafeSlow(size);
    let at = 0;
    stream.on('data', (chunk: Buffer) => {
      if (at + chunk.length <= size) chunk.copy(bytes, at);
      at += chunk.length;
    });
    await once(stream, 'end', { signal });
    if (at !== size) throw new Error('the answer broke off');
    return bytes;
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
