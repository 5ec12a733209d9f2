import { writevSync } from 'node:fs';
import { crc32c } from '@node-rs/crc32';
import { StoreUnavailable } from '../../store/errors.js';
import type { Place } from '../messages.js';

/** Ciphertext is gathered up to this before it is written: pieces of a chunk's size would cost a system call each. */
const WRITE_BYTES = 512 * 1024;
/** As many buffers as one system call takes on any platform. */
const PIECES_MAX = 512;

/** Writes a message into the rooms that it got, one after the other, each filled to its last byte. */
export class RoomWriter {
  readonly #rooms: Place[] = [];
  #pieces: Buffer[] = [];
  #bytes = 0;
  #crc = 0;
  /** Of the first room: written or gathered. */
  #used = 0;

  constructor(private readonly written: (crc32c: number) => void) {}

  add(room: Place): void {
    this.#rooms.push(room);
  }

  /** Keeps the bytes until they are written. */
  write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const room = this.#rooms[0];
      if (!room) throw new Error('a body has more bytes than room');
      const piece = bytes.subarray(at, at + room.length - this.#used);
      at += piece.length;
      this.#used += piece.length;
      this.#pieces.push(piece);
      this.#bytes += piece.length;
      this.#crc = crc32c(piece, this.#crc);
      if (this.#used === room.length) this.#full(room);
      else if (this.#bytes >= WRITE_BYTES || this.#pieces.length >= PIECES_MAX) this.#flush(room);
    }
  }

  /** The message has ended. @throws Error where it doesn't end with a room. */
  end(): void {
    if (this.#rooms.length > 0) throw new Error('a body has less bytes than room');
  }

  drop(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }

  #full(room: Place): void {
    this.#flush(room);
    this.#rooms.shift();
    const crc = this.#crc;
    this.#crc = 0;
    this.#used = 0;
    this.written(crc);
  }

  #flush({ fd, offset }: Place): void {
    let position = offset + this.#used - this.#bytes;
    let pieces = this.#pieces;
    let left = this.#bytes;
    this.#pieces = [];
    this.#bytes = 0;
    while (left > 0) {
      const written = writev(fd, pieces, position);
      position += written;
      left -= written;
      if (left > 0) pieces = behind(pieces, written);
    }
  }
}

function writev(fd: number, pieces: Buffer[], position: number): number {
  try {
    return writevSync(fd, pieces, position);
  } catch (error) {
    throw new StoreUnavailable(`a body can't be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** What is left of the pieces where only so many bytes were written. */
function behind(pieces: Buffer[], written: number): Buffer[] {
  let skip = written;
  const left: Buffer[] = [];
  for (const piece of pieces) {
    if (skip < piece.length) left.push(skip > 0 ? piece.subarray(skip) : piece);
    skip = Math.max(0, skip - piece.length);
  }
  return left;
}
