import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CREDENTIALS } from './presign.js';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const SAMPLE_MS = 20;

export interface ServerOptions {
  /** Where the data directory, the root key and everything else of it go. */
  directory: string;
  /** Writes a CPU profile here when it stops. */
  profileTo?: string | undefined;
  /** With a certificate that it makes itself. */
  tls?: boolean;
  /** The folder of another build. */
  dist?: string;
  /** Settings besides. */
  env?: Record<string, string>;
}

/** The process that is measured. */
export class ServerProcess {
  private constructor(
    readonly child: ChildProcess,
    readonly port: number,
    readonly dataDir: string,
  ) {}

  static async start({ directory, profileTo, tls = false, dist, env: more }: ServerOptions): Promise<ServerProcess> {
    const dataDir = join(directory, 'data');
    const env = {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COFFER_'))),
      XDG_CONFIG_HOME: join(directory, 'config'),
      COFFER_DATA_DIR: dataDir,
      // An older build may not know it.
      ...(dist === undefined && { COFFER_DISK_RESERVE_MIB: '0' }),
      COFFER_ROOT_KEY_FILE: join(directory, 'root.key'),
      COFFER_PORT: '0',
      COFFER_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      COFFER_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      COFFER_LOG_LEVEL: 'warn',
      ...(tls && { COFFER_TLS: 'self-signed' }),
      ...more,
    };
    const profile = profileTo ? ['--cpu-prof', `--cpu-prof-dir=${profileTo}`] : [];
    const child = spawn(process.execPath, [...profile, join(dist ?? process.env.BENCH_DIST ?? DIST, 'main.js')], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const port = await new Promise<number>((resolve, reject) => {
      let output = '';
      child.stdout!.on('data', (chunk) => {
        output += chunk;
        const url = /https?:\/\/127\.0\.0\.1:(\d+)/.exec(output);
        if (url) resolve(Number(url[1]));
      });
      child.once('exit', (status) => reject(new Error(`the server ended with status ${status}`)));
    });
    return new ServerProcess(child, port, dataDir);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
  }

  /** Anonymous resident memory, bytes: LevelDB's mapped tables count in RSS, not here. */
  rssAnonBytes(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'latin1');
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  }

  /** The most that `work` made the server hold. */
  async peakDuring(work: () => Promise<unknown>): Promise<number> {
    let peak = this.rssAnonBytes();
    const timer = setInterval(() => {
      peak = Math.max(peak, this.rssAnonBytes());
    }, SAMPLE_MS);
    try {
      await work();
    } finally {
      clearInterval(timer);
    }
    return Math.max(peak, this.rssAnonBytes());
  }
}
