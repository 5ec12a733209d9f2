import type { KeyObject } from 'node:crypto';
import { Secret } from '../base/secret.js';
import type { BodyKeys } from '../encryption/body-keys.js';

/**
 * Keys on their way into a thread, in shared memory of their own: a message would leave a copy in its buffers. The thread wipes it
 * when it has taken them, and who sent it wipes it at the end in any case.
 */
const KEY_BYTES = 32;

/** `signingKey`: 32 bytes, for the signatures of chunks. */
export function handOver({ dataKey, outerKey }: BodyKeys, signingKey?: KeyObject | Buffer): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(3 * KEY_BYTES);
  const cells = Buffer.from(memory);
  cells.set(dataKey.expose());
  if (outerKey) cells.set(outerKey.expose(), KEY_BYTES);
  if (signingKey) {
    const bytes = Buffer.isBuffer(signingKey) ? signingKey : signingKey.export();
    cells.set(bytes, 2 * KEY_BYTES);
    if (bytes !== signingKey) bytes.fill(0);
  }
  return memory;
}

export interface TakenKeys {
  dataKey: Secret;
  outerKey: Secret | undefined;
  signingKey: Secret;
}

export function takeOver(memory: SharedArrayBuffer, hasOuterKey: boolean): TakenKeys {
  const cells = Buffer.from(memory);
  const cell = (i: number): Secret => {
    const bytes = Buffer.allocUnsafeSlow(KEY_BYTES);
    cells.copy(bytes, 0, i * KEY_BYTES, (i + 1) * KEY_BYTES);
    return new Secret(bytes);
  };
  const keys = { dataKey: cell(0), outerKey: hasOuterKey ? cell(1) : undefined, signingKey: cell(2) };
  wipe(memory);
  return keys;
}

export const wipe = (memory: SharedArrayBuffer): void => void Buffer.from(memory).fill(0);
