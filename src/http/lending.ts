import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ClientGone, STALLED_MS } from './drained.js';

/**
 * Memory that a connection has on loan. It is given back when the socket has taken it; where the connection ends first, when the
 * socket is closed: until then the system may still read it, and what comes into it next is somebody else's.
 */
export class Lending {
  readonly #stop = new AbortController();
  readonly #lent = new Set<() => void>();
  readonly #stalled: NodeJS.Timeout;
  #ended = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly socket: Socket,
    stalledMs = STALLED_MS,
  ) {
    this.#stalled = setTimeout(() => this.#lookStalled(), stalledMs);
    socket.once('close', this.#onClose);
    if (socket.destroyed || response.destroyed) this.#stop.abort(new ClientGone());
  }

  /** Aborted where the client is gone or takes nothing, with ClientGone. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** What to call when the socket has taken it, or has failed to. */
  until(release: () => void): () => void {
    const taken = (): void => {
      if (!this.#lent.delete(taken)) return;
      this.#stalled.refresh();
      release();
      this.#leave();
    };
    this.#lent.add(taken);
    return taken;
  }

  /** Nothing more is lent. */
  end(): void {
    this.#ended = true;
    this.#leave();
  }

  readonly #onClose = (): void => {
    this.#stop.abort(new ClientGone());
    for (const taken of [...this.#lent]) taken();
    this.#leave();
  };

  /** Where nothing is on loan, it's not the client that is waited for. */
  #lookStalled(): void {
    if (this.#lent.size > 0) this.response.destroy();
    else this.#stalled.refresh();
  }

  /** Its watch ends with the last loan. */
  #leave(): void {
    if (!this.#ended || this.#lent.size > 0) return;
    clearTimeout(this.#stalled);
    this.socket.off('close', this.#onClose);
  }
}
