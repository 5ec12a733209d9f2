import type { Connections, Statement } from './connections.js';

/** Numbers that one trip to the database reserves. 2^53 are enough for 1.4 * 10^11 trips. */
const BLOCK = 65_536;

/**
 * Blob numbers of this process, from blocks that the database gives to one process each: they are never given twice, and those of
 * this process grow. What is left of a block when the process ends is never used.
 */
export class BlobNumbers {
  #next = 0;
  #end = 0;
  #reserving: Promise<void> | undefined;
  readonly #reserve: Statement;

  constructor(
    private readonly connections: Connections,
    schema: string,
  ) {
    this.#reserve = {
      name: 'reserve-numbers',
      text: `UPDATE ${schema}.blob_mark SET next = next + $1::bigint RETURNING next - $1::bigint`,
    };
  }

  /** Nothing is given before. */
  async open(): Promise<void> {
    await this.#more(BLOCK);
  }

  get next(): number {
    return this.#next;
  }

  /** The first of `count` numbers side by side. */
  async take(count: number): Promise<number> {
    while (this.#end - this.#next < count) {
      this.#reserving ??= this.#more(Math.max(BLOCK, count)).finally(() => {
        this.#reserving = undefined;
      });
      await this.#reserving;
    }
    const first = this.#next;
    this.#next += count;
    return first;
  }

  async #more(count: number): Promise<void> {
    // A repetition after a lost answer skips a block, which does no harm.
    const [row] = await this.connections.query(this.#reserve, [count]);
    const first = Number(row![0]);
    if (first !== this.#end) this.#next = first;
    this.#end = first + count;
  }
}
