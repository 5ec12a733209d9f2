/** A copy outside the pool that `Buffer.from` cuts small buffers from: zeroed, nothing of it is left. */
export function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.alloc(bytes.length);
  bytes.copy(copy);
  return copy;
}
