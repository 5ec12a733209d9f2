import { type Librados, loadLibrados, type Pointer } from './library.js';

interface Pending {
  done(result: number): void;
  /** What librados reads from or writes to meanwhile. */
  held: unknown;
}

/**
 * Operations on their way. librados' threads call back into this one, which must not end before: they don't keep Node.js alive, a
 * timer does. One for the whole process, like the library.
 */
export class Completions {
  static #only: Completions | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #callback: unknown;
  #last = 0;
  #keepAlive: NodeJS.Timeout | undefined;

  private constructor(readonly rados: Librados) {
    this.#callback = rados.callback((completion, arg) => this.#completed(completion, Number(arg)));
  }

  /** @throws ConfigError where librados, or what loads it, isn't installed */
  static open(): Completions {
    Completions.#only ??= new Completions(loadLibrados());
    return Completions.#only;
  }

  /** @returns the operation's result, or what kept it from being begun: below 0 it is -errno */
  run(held: unknown, start: (completion: Pointer) => number): Promise<number> {
    return new Promise((done) => {
      const id = ++this.#last;
      const made: [Pointer | null] = [null];
      const failed = this.rados.createCompletion(id, this.#callback, made) as number;
      if (failed < 0 || made[0] === null) return done(failed || -1);
      this.#pending.set(id, { done, held });
      this.#keepAlive ??= setInterval(() => {}, 3_600_000);
      const begun = start(made[0]);
      // Then nobody calls back.
      if (begun < 0) this.#settle(id, made[0], begun);
    });
  }

  #completed(completion: Pointer, id: number): void {
    this.#settle(id, completion, this.rados.returnValue(completion) as number);
  }

  #settle(id: number, completion: Pointer, result: number): void {
    this.rados.release(completion);
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) {
      clearInterval(this.#keepAlive);
      this.#keepAlive = undefined;
    }
    pending?.done(result);
  }
}
