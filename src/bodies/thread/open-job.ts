import { readSync } from 'node:fs';
import { copyTo } from '../../base/bytes.js';
import { type BodyKeys, messageOpener } from '../../encryption/body-keys.js';
import { BodyDamaged, type Opener } from '../../encryption/body-opener.js';
import { StoreDamaged } from '../../store/errors.js';
import type { FromThread, Place, ToThread } from '../messages.js';
import { SLOT_BYTES } from '../slots.js';

type Message = Extract<ToThread, { kind: 'part' | 'extents' | 'bytes' | 'fed' | 'fill' }>;

/** Ciphertext of one read: what a slot takes, and the tags with it. One for all jobs of a thread: nothing is kept in it. */
const scratch = Buffer.allocUnsafeSlow(SLOT_BYTES + 64 * 1024);

/** Reads a body's ciphertext, opens it and fills slots with the plaintext, in order. */
export class OpenJob {
  /** Parts and bytes to come, in order. */
  readonly #input: Exclude<Message, { kind: 'fill' | 'fed' }>[] = [];
  readonly #slots: number[] = [];
  #fed = false;
  #opener: Opener | undefined;
  /** Plaintext that the slot had no room for. */
  #over: Buffer[] = [];
  #filled = 0;
  /** Of plaintext in all so far. */
  #done = 0;

  constructor(
    private readonly job: number,
    private readonly keys: BodyKeys,
    private readonly length: number,
    private readonly views: readonly Buffer[],
    private readonly post: (message: FromThread) => void,
  ) {}

  take(message: Message): void {
    if (message.kind === 'fill') this.#slots.push(message.slot);
    else if (message.kind === 'fed') this.#fed = true;
    else this.#input.push(message);
    while (this.#slots.length > 0 && this.#fill(this.#slots[0]!)) this.#slots.shift();
  }

  end(): void {
    try {
      this.#opener?.final();
    } catch {
      // Given up before its end: that it is incomplete is known.
    }
    this.#opener = undefined;
    this.#over = [];
  }

  /** `false`: the slot waits for more input. */
  #fill(slot: number): boolean {
    const view = this.views[slot]!;
    const over = this.#over;
    this.#over = [];
    for (const plaintext of over) this.#put(view, plaintext);
    for (;;) {
      const isLast = this.#done === this.length;
      if (this.#filled === SLOT_BYTES && !isLast) break;
      // The last bytes leave when the end of every part has been verified.
      if (this.#step(view)) continue;
      if (!this.#fed) return false;
      this.#finishPart();
      if (!isLast || this.#over.length > 0) throw new StoreDamaged('a body is shorter than its record says');
      break;
    }
    this.post({ kind: 'filled', job: this.job, slot, length: this.#filled });
    this.#filled = 0;
    return true;
  }

  /** Opens one read's worth. `false`: there is no input. */
  #step(view: Buffer): boolean {
    const next = this.#input[0];
    if (next === undefined) return false;
    if (next.kind === 'part') {
      this.#finishPart();
      const { partId, size, chunkBytes, start, end } = next;
      this.#opener = messageOpener(this.keys, { partId: Buffer.from(partId), size, chunkBytes }, { start, end });
      this.#input.shift();
      return true;
    }
    if (!this.#opener) throw new BodyDamaged('bytes of no part');
    const take = (plaintext: Buffer): void => this.#put(view, plaintext);
    if (next.kind === 'bytes') {
      this.#input.shift();
      this.#opener.feed(Buffer.from(next.bytes.buffer, next.bytes.byteOffset, next.bytes.byteLength), take);
      return true;
    }
    const [extent] = next.extents;
    if (!extent) {
      this.#input.shift();
      return true;
    }
    const wanted = this.#opener.wanted(SLOT_BYTES - this.#filled);
    if (wanted === 0) throw new BodyDamaged('a body has bytes behind its end');
    const bytes = Math.min(wanted, extent.length, scratch.length);
    readAll(extent, bytes);
    extent.offset += bytes;
    extent.length -= bytes;
    if (extent.length === 0) next.extents.shift();
    this.#opener.feed(scratch.subarray(0, bytes), take);
    return true;
  }

  #finishPart(): void {
    const opener = this.#opener;
    this.#opener = undefined;
    opener?.final();
  }

  #put(view: Buffer, plaintext: Buffer): void {
    // Behind something that had no room, nothing has.
    const room = this.#over.length > 0 ? 0 : SLOT_BYTES - this.#filled;
    const bytes = Math.min(room, plaintext.length);
    copyTo(view, this.#filled, plaintext.subarray(0, bytes));
    this.#filled += bytes;
    this.#done += bytes;
    if (this.#done > this.length) throw new StoreDamaged('a body is longer than its record says');
    if (bytes < plaintext.length) this.#over.push(plaintext.subarray(bytes));
  }
}

function readAll({ fd, offset }: Place, bytes: number): void {
  for (let at = 0; at < bytes; ) {
    let read: number;
    try {
      read = readSync(fd, scratch, at, bytes - at, offset + at);
    } catch (error) {
      throw new StoreDamaged(`a body can't be read (${(error as NodeJS.ErrnoException).code})`);
    }
    if (read === 0) throw new StoreDamaged('a file of bodies ends too early');
    at += read;
  }
}
