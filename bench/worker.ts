import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A child process that answers one message at a time. */
export class Worker<Task, Result> {
  readonly #child: ChildProcess;
  #settle: { resolve(result: Result): void; reject(error: Error): void } | undefined;

  /** `file` is relative to this folder. */
  constructor(file: string) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    this.#child = fork(path, { execArgv: ['--import', 'tsx'], serialization: 'advanced' });
    this.#child.on('message', ({ result, error }: { result?: Result; error?: string }) => {
      const settle = this.#settle;
      this.#settle = undefined;
      if (error === undefined) settle?.resolve(result as Result);
      else settle?.reject(new Error(`${file}: ${error}`));
    });
    this.#child.on('exit', () => this.#settle?.reject(new Error(`${file} ended`)));
  }

  do(task: Task): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#child.send(task as object);
    });
  }

  stop(): void {
    this.#settle = undefined;
    this.#child.kill();
  }
}
