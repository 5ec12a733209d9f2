import { Worker } from 'node:worker_threads';
import { BodyThreadLost } from './faults.js';
import type { FromThread, ToThread } from './messages.js';
import type { Slots } from './slots.js';

/** Tests run the sources, and a thread can't: it takes what was built. */
const MAIN = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/bodies/thread/main.js' : './thread/main.js',
  import.meta.url,
);
/** What a thread itself keeps is little; bodies lie outside of this. */
const HEAP = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 1 };

/** One body in a thread's hands, seen from the main thread. */
export interface JobEvents {
  message(message: Exclude<FromThread, { kind: 'ended' }>): void;
  /** The thread is gone, and touches nothing any more. */
  lost(error: Error): void;
}

/** A body's connection to its thread. */
export interface Job {
  readonly id: number;
  send(message: ToThread): void;
  /** Resolves when the thread touches nothing of it any more. Idempotent. */
  end(): Promise<void>;
}

/** The threads that bodies pass through. They start with the first body that wants one; one that dies is replaced. */
export class BodyThreads {
  readonly #threads: (BodyThread | undefined)[];
  #next = 0;
  #closed = false;

  constructor(
    count: number,
    readonly slots: Slots,
    private readonly onTrouble: (error: Error) => void = () => {},
  ) {
    this.#threads = Array.from({ length: count });
  }

  /** In the thread with the fewest bodies. */
  begin(events: JobEvents): Job {
    if (this.#closed) throw new BodyThreadLost('the body threads are closed');
    let least = 0;
    const jobs = (i: number): number => this.#threads[i]?.jobs ?? 0;
    for (let i = 1; i < this.#threads.length; i++) if (jobs(i) < jobs(least)) least = i;
    this.#threads[least] ??= this.#start(least);
    return this.#threads[least]!.begin(this.#next++, events);
  }

  /** Bodies under way fail. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#threads.map((thread) => thread?.stop()));
  }

  /** For tests: as if the threads had crashed. */
  async kill(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread?.stop()));
  }

  #start(i: number): BodyThread {
    return new BodyThread(this.slots.memory, (error) => {
      this.#threads[i] = undefined;
      if (error) this.onTrouble(error);
    });
  }
}

class BodyThread {
  readonly #worker: Worker;
  readonly #jobs = new Map<number, { events: JobEvents; ended: (() => void) | undefined }>();
  #outbox: ToThread[] = [];
  #gone = false;

  constructor(memory: SharedArrayBuffer, onExit: (error: Error | undefined) => void) {
    this.#worker = new Worker(MAIN, {
      workerData: { memory },
      resourceLimits: HEAP,
      execArgv: [],
      name: 'coffer-bodies',
    });
    // It keeps no process alive: requests do.
    this.#worker.unref();
    let cause: Error | undefined;
    this.#worker.on('message', (message: FromThread) => this.#take(message));
    this.#worker.on('error', (error) => {
      cause = error;
    });
    this.#worker.on('exit', () => {
      this.#gone = true;
      onExit(cause);
      const lost = new BodyThreadLost('a body thread ended', { cause });
      for (const { events, ended } of [...this.#jobs.values()]) {
        events.lost(lost);
        ended?.();
      }
      this.#jobs.clear();
    });
  }

  get jobs(): number {
    return this.#jobs.size;
  }

  begin(id: number, events: JobEvents): Job {
    const entry: { events: JobEvents; ended: (() => void) | undefined } = { events, ended: undefined };
    this.#jobs.set(id, entry);
    let ending: Promise<void> | undefined;
    return {
      id,
      send: (message) => this.#send(message),
      end: () => {
        ending ??= new Promise((resolve) => {
          if (this.#gone || !this.#jobs.has(id)) return resolve();
          entry.ended = resolve;
          this.#send({ kind: 'end', job: id });
        });
        return ending;
      },
    };
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  /** What one turn of the event loop has for the thread goes as one message: each costs both sides some 10 µs. */
  #send(message: ToThread): void {
    if (this.#outbox.push(message) > 1) return;
    queueMicrotask(() => {
      const messages = this.#outbox;
      this.#outbox = [];
      if (!this.#gone) this.#worker.postMessage(messages);
    });
  }

  #take(message: FromThread): void {
    const entry = this.#jobs.get(message.job);
    if (!entry) return;
    if (message.kind !== 'ended') {
      entry.events.message(message);
      return;
    }
    this.#jobs.delete(message.job);
    entry.ended?.();
  }
}
