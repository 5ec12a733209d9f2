import type { ClientBudget } from '../base/client-budget.js';
import type { BodySource } from '../base/stream.js';
import { S3Error } from '../s3/error.js';
import { readBody } from './body-source.js';

export type ReadBody = Awaited<ReturnType<typeof readBody>>;

/**
 * A body that is read whole: `use` has it, and until it is done the memory counts. The memory is reserved before the first byte
 * is read, so a thousand clients that send slowly hold no more than the budget; and a client that is slow while others wait is
 * told RequestTimeout.
 * @throws S3Error MaxMessageLengthExceeded, RequestTimeout, SlowDown
 */
export async function withSmallBody<T>(
  source: BodySource,
  maxBytes: number,
  budget: ClientBudget,
  use: (read: ReadBody) => Promise<T> | T,
): Promise<T> {
  if (source.length === 0) return use(await readBody(source, maxBytes));
  if (source.length !== undefined && source.length > maxBytes) throw new S3Error('MaxMessageLengthExceeded');
  let gone: S3Error | undefined;
  let displace: (() => void) | undefined;
  const displaced = new Promise<never>((_, reject) => {
    displace = () => {
      gone = new S3Error('RequestTimeout');
      reject(gone);
    };
  });
  displaced.catch(() => {});
  const holding = budget.open(() => displace?.());
  const whileHeld: BodySource = {
    length: source.length,
    pump: (sink) =>
      source.pump((chunk) => {
        if (gone) throw gone;
        return sink(chunk);
      }),
  };
  try {
    await holding.take(source.length ?? maxBytes);
    const reading = readBody(whileHeld, maxBytes);
    reading.catch(() => {});
    return await use(await Promise.race([reading, displaced]));
  } finally {
    holding.close();
  }
}
