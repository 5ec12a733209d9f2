/**
 * Large buffers that are used again. Allocated anew for each value of an upload they cost page faults, and garbage that the
 * collector finds late: a pool made uploads faster and their memory flat.
 */
export class BufferPool {
  readonly #idle: Buffer[] = [];

  constructor(
    readonly bytes: number,
    private readonly idleMax: number,
  ) {}

  take(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
  }

  /** Nobody may touch the buffer any more. Parts of buffers and buffers of another size are left to the collector. */
  give(buffer: Buffer): void {
    if (buffer.length === this.bytes && buffer.buffer.byteLength === this.bytes && this.#idle.length < this.idleMax) {
      this.#idle.push(buffer);
    }
  }
}
