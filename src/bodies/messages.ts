import type { PayloadCoding } from '../auth/payload.js';
import type { Algorithm } from './checksums.js';

/** Where bytes lie: a file by its number, which is good in every thread. */
export interface Place {
  fd: number;
  offset: number;
  length: number;
}

/** What both kinds of jobs begin with. The keys lie in shared memory, so that no copy is left behind in a message. */
interface Begin {
  job: number;
  keys: SharedArrayBuffer;
  hasOuterKey: boolean;
  bucketId: Uint8Array;
  objectId: Uint8Array;
}

export type ToThread =
  /** Bytes of `length` in all are to be opened. */
  | ({ kind: 'open'; length: number } & Begin)
  /** What is fed from now on is of this part, of which the bytes [start, end) are wanted. */
  | { kind: 'part'; job: number; partId: Uint8Array; size: number; chunkBytes: number; start: number; end: number }
  | { kind: 'extents'; job: number; extents: Place[] }
  | { kind: 'bytes'; job: number; bytes: Uint8Array }
  /** There are no more parts. */
  | { kind: 'fed'; job: number }
  /** A slot to be filled with plaintext. */
  | { kind: 'fill'; job: number; slot: number }
  /** A body is to be sealed. */
  | ({
      kind: 'seal';
      partId: Uint8Array;
      chunkBytes: number;
      coding: ThreadCoding | undefined;
      algorithms: Algorithm[];
    } & Begin)
  /** Where ciphertext goes when the room before is full. */
  | { kind: 'room'; job: number; room: Place }
  /** What the client sent, in a slot. */
  | { kind: 'data'; job: number; slot: number; length: number }
  /** All of it was sent. */
  | { kind: 'finish'; job: number }
  /** The job is over, or given up. Answered by `ended`: from then on the thread touches nothing of it. */
  | { kind: 'end'; job: number };

/** The signing key lies behind the others. */
export type ThreadCoding = Omit<PayloadCoding, 'signer'> & {
  signer?: { seed: string; date: string; scope: string } | undefined;
};

export type FromThread =
  | { kind: 'filled'; job: number; slot: number; length: number }
  /** The slot's content isn't needed any more. */
  | { kind: 'taken'; job: number; slot: number }
  /** A room is full, or the message has ended in it. CRC32C of its bytes. */
  | { kind: 'written'; job: number; crc32c: number }
  | { kind: 'finished'; job: number; sealed: SealedContent }
  | { kind: 'failed'; job: number; fault: Fault }
  | { kind: 'ended'; job: number };

/** What was found out about a body on its way. */
export interface SealedContent {
  /** Of plaintext, bytes. */
  size: number;
  digests: [Algorithm, Uint8Array][];
  trailers: [string, string][];
}

/** An error, as it crosses between threads. */
export interface Fault {
  type: 'auth' | 'damaged' | 'unavailable' | 'other';
  message: string;
  code?: string;
  status?: number;
  extra?: Record<string, string>;
}
