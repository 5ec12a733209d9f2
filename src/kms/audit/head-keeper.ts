import type { HeadFile } from './head-file.js';
import type { Head } from './page.js';
import type { Timers } from './timers.js';
import { Turns } from './turns.js';

/** A file that is replaced with every batch would cost two more syncs each. */
const WRITE_AFTER_MS = 1000;

/** Keeps the head file up to a second behind the log, never ahead of it. */
export class HeadKeeper {
  #newest: Head | undefined;
  #cancel: (() => void) | undefined;
  #failing = false;
  readonly #turns = new Turns();

  constructor(
    private readonly file: HeadFile,
    private readonly timers: Timers,
    private readonly onTrouble: (message: string, error: unknown) => void,
  ) {}

  /** `head` is durable in the store. */
  note(head: Head): void {
    this.#newest = head;
    this.#cancel ??= this.timers.after(WRITE_AFTER_MS, () => {
      this.#cancel = undefined;
      void this.write();
    });
  }

  /** Writes what was noted last. Never rejects: the log goes on, and the next write may succeed. */
  write(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    return this.#turns.take(async () => {
      const head = this.#newest;
      if (!head) return;
      this.#newest = undefined;
      try {
        await this.file.write(head);
        this.#failing = false;
      } catch (error) {
        this.#newest ??= head;
        if (!this.#failing) this.onTrouble(`the head of the audit log can't be kept in ${this.file.path}`, error);
        this.#failing = true;
      }
    });
  }
}
