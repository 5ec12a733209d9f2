import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type Parser, withoutBodyCallback } from './body-callback.js';
import { readIntoSharedBuffer } from './read-buffer.js';

/** Behind it ends a head, and the last chunk of a body in chunks. */
const BLANK_LINE = Buffer.from('\r\n\r\n');
/** What a paused socket may still bring. More than that breaks the agreement. */
const HELD_MAX_BYTES = 1024 * 1024;
/** So much is held before a socket is not even read any more. */
const HELD_READING_BYTES = 64 * 1024;

/** Who takes pieces of a request's body at once, without the copies that node's parser makes. */
const takers = new WeakMap<IncomingMessage, (piece: Buffer) => boolean>();

/**
 * Pieces of the body that come while `request` is flowing and nothing of it is buffered, where a `data` event would be emitted, may
 * come to `take` instead; they are lent until it returns. Where it answers `true` the socket is paused, and whoever takes resumes it:
 * the system keeps what comes meanwhile, and nobody copies it.
 */
export function takeAtOnce(request: IncomingMessage, take: (piece: Buffer) => boolean): void {
  takers.set(request, take);
}

export function takeNoMore(request: IncomingMessage): void {
  takers.delete(request);
}

interface AtWork {
  request: IncomingMessage;
  response: ServerResponse;
  /** Bytes of the body that are still to come; undefined where it comes in chunks. */
  bodyLeft: number | undefined;
  answered: boolean;
}

/**
 * One socket, one request at work. node:http parses all that a client sends ahead and starts every request at once, however long
 * the answers before it take: a thousand requests in one packet would be a thousand answers in memory. Here bytes reach its parser
 * only up to the end of a request, and those behind wait, unparsed and with the socket paused, until the answer has left. What
 * follows a request (nonsense as well) can't take its answer away so.
 *
 * It stands between the socket and node's own `data` listener (`test/http/turnstile.test.ts` holds that there is one). Where
 * requests end it knows from node's parser; it only takes care never to hand over more than one end at a time.
 */
export class Turnstile {
  #held: Buffer[] = [];
  #heldBytes = 0;
  #draining = false;
  #atWork: AtWork | undefined;
  /** Whose heads were parsed too early. */
  readonly #waiting: (() => void)[] = [];
  /** The last bytes that were parsed: a blank line may be cut. */
  #tail = Buffer.alloc(0);
  #discarding = false;
  readonly #feed: ((bytes: Buffer) => void) | undefined;
  /** What comes lies in memory that is used again. */
  readonly #lent: boolean = false;

  /** What is done when the client has ended its side. */
  #onEnd: (() => void) | undefined;
  #ended = false;

  /** `ended`: called when the client has ended its side, and what it had sent before is parsed. */
  constructor(
    private readonly socket: Socket,
    ended: () => void = () => {},
  ) {
    this.#takeEnd(ended);
    const [parse] = socket.listeners('data');
    if (!parse) return;
    this.#feed = (bytes) => parse.call(socket, bytes);
    socket.removeListener('data', parse as (bytes: Buffer) => void);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('drain', () => this.#drain());
    this.#lent = readIntoSharedBuffer(socket);
  }

  /** Runs it when the requests before it are answered: at once, as a rule. */
  enter(request: IncomingMessage, response: ServerResponse, run: () => void): void {
    if (this.#atWork) this.#waiting.push(() => this.#begin(request, response, run));
    else this.#begin(request, response, run);
  }

  /** Nothing that still comes is wanted. */
  discard(): void {
    this.#discarding = true;
    this.#held = [];
    this.socket.resume();
    this.#end();
  }

  /** Node answers no request that it parses behind an end: it hears of the end when there is none any more. */
  #takeEnd(ended: () => void): void {
    const { socket } = this;
    const finish = socket.listeners('end').find(({ name }) => name.endsWith('socketOnEnd'));
    if (finish) socket.removeListener('end', finish as () => void);
    this.#onEnd = () => {
      ended();
      finish?.call(socket);
    };
    socket.once('end', () => {
      this.#ended = true;
      this.#end();
    });
  }

  #end(): void {
    if (!this.#ended || this.#held.length > 0 || this.#waiting.length > 0 || this.#draining) return;
    const end = this.#onEnd;
    this.#onEnd = undefined;
    end?.();
  }

  #begin(request: IncomingMessage, response: ServerResponse, run: () => void): void {
    const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
    const bodyLeft = coding === undefined ? Number(length ?? 0) : undefined;
    const atWork: AtWork = { request, response, bodyLeft, answered: false };
    this.#atWork = atWork;
    response.once('close', () => {
      atWork.answered = true;
      this.#leave();
    });
    run();
  }

  /** The request at work is over when its answer has left and its body has come. */
  #leave(): void {
    const atWork = this.#atWork;
    if (!atWork?.answered || !(atWork.request.complete || this.socket.destroyed)) return;
    this.#atWork = undefined;
    const next = this.#waiting.shift();
    if (next) next();
    else this.#drain();
    this.#end();
  }

  /** Whether what comes belongs to no request that is known, or node has stopped to parse until its answers have gone. */
  get #busy(): boolean {
    return this.#atWork?.request.complete === true || (this.socket as { _paused?: boolean })._paused === true;
  }

  #take(bytes: Buffer): void {
    if (this.#discarding) return;
    const isNext = this.#held.length === 0 && !this.#draining && !this.#busy;
    const rest = isNext ? this.#parse(bytes) : bytes;
    if (rest) this.#hold(this.#lent ? Buffer.from(rest) : rest);
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > HELD_MAX_BYTES) this.socket.destroy();
    // Reading goes on for a little, as it does of any stream that is paused: a client that has gone is noticed.
    else if (this.#lent && this.#heldBytes < HELD_READING_BYTES) Duplex.prototype.pause.call(this.socket);
    else this.socket.pause();
  }

  /** What was held, until the next request is complete. */
  #drain(): void {
    if (this.#draining || this.#held.length === 0) return;
    this.#draining = true;
    while (this.#held.length > 0 && !this.#busy && !this.#discarding) {
      const bytes = this.#held.shift()!;
      this.#heldBytes -= bytes.length;
      const rest = this.#parse(bytes);
      if (!rest) continue;
      this.#held.unshift(rest);
      this.#heldBytes += rest.length;
    }
    this.#draining = false;
    if (this.#held.length === 0) this.socket.resume();
    this.#end();
  }

  /** Hands over what belongs to one request. @returns what is behind it */
  #parse(bytes: Buffer): Buffer | undefined {
    let at = 0;
    while (at < bytes.length) {
      if (this.socket.destroyed || this.#discarding) return undefined;
      if (this.#busy) return bytes.subarray(at);
      const slice = bytes.subarray(at, this.#endOfSlice(bytes, at));
      at += slice.length;
      if (!this.#giveAtOnce(slice)) this.#feed!(slice);
      this.#leave();
    }
    return undefined;
  }

  /** Of a body whose length is known the parser only counts. */
  #giveAtOnce(slice: Buffer): boolean {
    const { request, bodyLeft } = this.#atWork ?? {};
    if (bodyLeft === undefined || !request?.readableFlowing || request.readableLength > 0) return false;
    const take = takers.get(request);
    if (!take) return false;
    const { parser } = this.socket as unknown as { parser?: Parser };
    return withoutBodyCallback(parser, () => {
      if (take(slice)) this.socket.pause();
      if (!this.socket.destroyed) this.#feed!(slice);
    });
  }

  #endOfSlice(bytes: Buffer, at: number): number {
    const atWork = this.#atWork;
    if (atWork?.bodyLeft !== undefined) {
      const end = Math.min(bytes.length, at + atWork.bodyLeft);
      atWork.bodyLeft -= end - at;
      this.#tail = NOTHING;
      // A body that is longer than it said is the parser's to refuse.
      return end > at ? end : bytes.length;
    }
    const tail = this.#tail;
    const seam = tail.length === 0 ? -1 : Buffer.concat([tail, bytes.subarray(at, at + 3)]).indexOf(BLANK_LINE);
    const found = seam >= 0 ? at + seam - tail.length : bytes.indexOf(BLANK_LINE, at);
    this.#tail = NOTHING;
    if (found >= 0) return found + BLANK_LINE.length;
    this.#tail = Buffer.concat([tail, bytes.subarray(Math.max(at, bytes.length - 3))]).subarray(-3);
    return bytes.length;
  }
}

const NOTHING = Buffer.alloc(0);
