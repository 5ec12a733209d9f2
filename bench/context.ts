import { fork } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CeilingTask } from './ceilings/tasks.js';
import type { Job, JobResult } from './job.js';
import { bucketOf, defaultEncryptionOf, MODES } from './modes.js';
import type { Options } from './options.js';
import { hottest } from './profile.js';
import { ServerProcess } from './server-process.js';
import { format, type Line } from './table.js';
import { Worker } from './worker.js';

/** A process that has just been stopped may still make a file. */
const REMOVE = { recursive: true, force: true, maxRetries: 3 };

/** What the rows share: the processes beside the server, temporary directories, and the table. */
export class Context {
  readonly lines: Line[] = [];
  readonly client = new Worker<Job, JobResult>('client.ts');
  ceilings = new Worker<CeilingTask, number>('ceilings/process.ts');

  private constructor(
    readonly options: Options,
    readonly directory: string,
  ) {}

  static async open(options: Options): Promise<Context> {
    return new Context(options, await mkdtemp(join(tmpdir(), 'coffer-bench-')));
  }

  async close(): Promise<void> {
    this.client.stop();
    this.ceilings.stop();
    await rm(this.directory, REMOVE);
  }

  /** Between rows: frees the disk and what the ceilings' process holds. */
  async reset(): Promise<void> {
    this.ceilings.stop();
    this.ceilings = new Worker('ceilings/process.ts');
    for (const name of await readdir(this.directory)) await rm(join(this.directory, name), REMOVE);
  }

  temporary(name: string): Promise<string> {
    return mkdtemp(join(this.directory, `${name}-`));
  }

  add(line: Line): void {
    this.lines.push(line);
    process.stderr.write(`${format([line]).split('\n')[2]}\n`);
  }

  /** A server with a bucket for each mode; what is in `directory` stays when it ends. */
  async withServer<T>(
    options: { directory?: string; profile?: boolean; tls?: boolean; dist?: string; env?: Record<string, string> },
    work: (server: ServerProcess) => Promise<T>,
  ): Promise<T> {
    const directory = options.directory ?? (await this.temporary('server'));
    const profileTo = options.profile && this.options.cpuProfile ? await this.temporary('profile') : undefined;
    const server = await ServerProcess.start({ ...options, directory, profileTo });
    try {
      return await work(server);
    } finally {
      await server.stop();
      if (profileTo) process.stderr.write(`${await hottest(profileTo)}\n`);
      if (!options.directory) await rm(directory, REMOVE);
    }
  }

  async makeBuckets(port: number): Promise<void> {
    for (const mode of MODES) {
      const path = `/${bucketOf(mode)}`;
      await this.client.do({ port, clients: 1, targets: [{ method: 'PUT', path }] });
      const encryption = { method: 'PUT', path, query: { encryption: '' } };
      await this.client.do({ port, clients: 1, targets: [encryption], text: defaultEncryptionOf(mode) });
    }
  }

  /** The port of a process in which node:http answers every request with an empty 200. */
  async emptyHttp(): Promise<{ port: number; stop(): void }> {
    const path = fileURLToPath(new URL('ceilings/empty-http.ts', import.meta.url));
    const child = fork(path, { execArgv: ['--import', 'tsx'] });
    const { result } = await new Promise<{ result: number }>((resolve) =>
      child.once('message', (m) => resolve(m as never)),
    );
    return { port: result, stop: () => void child.kill() };
  }
}
