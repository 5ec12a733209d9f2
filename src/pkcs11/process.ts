import { type ChildProcess, fork } from 'node:child_process';
import type { Answered, AnswerFrom, Asked, CallOf, Calls, RequestIn } from './protocol.js';

/** The token answered, and said no. */
export class TokenRefused extends Error {
  override name = 'TokenRefused';
  /** `code`: CKR_… of the library, or the protocol's own. */
  constructor(
    readonly code: string,
    message = code,
  ) {
    super(message);
  }
}

/** The process ended, or answered nothing in time: whether it did what was asked isn't known. */
export class ProcessLost extends Error {
  override name = 'ProcessLost';
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/** Requests that wait for one process. */
const WAITING_MAX = 10_000;

/**
 * The process that alone loads a PKCS#11 library, whose calls block, hang or crash there and nowhere else, as its parent sees it.
 * Started at once, ended by `end`, by its own crash, or for being silent.
 */
export class LibraryProcess<T extends Calls<T>> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isOver = false;
  readonly ended: Promise<void>;

  /** `worker`: a module that calls `serveParent`. `described`: what it gets in its arguments; nothing secret. */
  constructor(
    worker: URL,
    described: object,
    env: Record<string, string>,
    private readonly timeoutMs: number,
  ) {
    const stdio = ['ignore', 'ignore', 'ignore', 'ipc'] as ('ignore' | 'ipc')[];
    this.#child = fork(worker, [JSON.stringify(described)], { env, execArgv: [], serialization: 'advanced', stdio });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', () => {
        this.#over('its process ended');
        resolve();
      });
    });
    this.#child.on('error', () => this.#over('its process did not start'));
    this.#child.on('message', (message: Answered) => this.#answered(message));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** @throws TokenRefused, ProcessLost */
  ask<C extends CallOf<T>>(call: C, request: RequestIn<T, C>, timeoutMs = this.timeoutMs): Promise<AnswerFrom<T, C>> {
    if (this.#isOver) return Promise.reject(new ProcessLost('its process ended'));
    if (this.#waiting.size >= WAITING_MAX) return Promise.reject(new ProcessLost('too many requests wait for it'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      // A process that hangs once is not waited for again: it is ended, and another takes its place.
      const timer = setTimeout(() => this.end('it did not answer in time'), timeoutMs);
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject, timer });
      this.#child.send({ id, call, request } satisfies Asked, (error) => {
        if (error) this.end('its process can not be reached');
      });
    });
  }

  /** At once, also where it is stopped or hangs. */
  end(why = 'it was ended'): void {
    this.#over(why);
    this.#child.kill('SIGKILL');
  }

  #answered(message: Answered): void {
    const one = this.#waiting.get(message.id);
    if (!one) return;
    this.#waiting.delete(message.id);
    clearTimeout(one.timer);
    if ('code' in message) one.reject(new TokenRefused(message.code, message.message));
    else one.resolve(message.answer);
  }

  #over(why: string): void {
    this.#isOver = true;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new ProcessLost(why));
    }
    this.#waiting.clear();
  }
}

/** For one thing, in a process of its own, which is gone when the promise settles. @throws as `work` */
export async function during<P extends Pick<LibraryProcess<never>, 'end' | 'ended'>, R>(
  library: P,
  work: (library: P) => Promise<R>,
): Promise<R> {
  try {
    return await work(library);
  } finally {
    library.end();
    await library.ended;
  }
}
