import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { appendFile, chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';

const DEBIAN = '/usr/lib/postgresql';

/** Folder of the newest installed server's programs. */
function programs(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const versions = readdirSync(DEBIAN).filter((version) => existsSync(join(DEBIAN, version, 'bin/initdb')));
  versions.sort((a, b) => Number(b) - Number(a));
  return versions[0] === undefined ? undefined : join(DEBIAN, versions[0], 'bin');
}

const bin = programs();
const isRoot = process.getuid?.() === 0;

/** What these tests lack here; undefined where they can run. It stands in the names of tests that are left out. */
export const lacking: string | undefined = bin === undefined ? 'postgresql is not installed' : undefined;

const idOf = (what: '-u' | '-g'): number => Number(execFileSync('id', [what, 'postgres']).toString());

/** PostgreSQL refuses to run as root: then it runs as Debian's user for it. */
function run(program: string, ...args: string[]): string {
  const as = isRoot ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  return execFileSync(join(bin!, program), args, { ...as, stdio: 'pipe', cwd: '/' }).toString();
}

export interface ServerOptions {
  /** Lines of postgresql.conf. */
  settings?: Record<string, string>;
  /** Where the data lies; a temporary folder otherwise. */
  directory?: string;
  /** Of the superuser `postgres`, by SCRAM; without it everybody is trusted. */
  password?: string;
}

/** A PostgreSQL of its own on a free port of this machine. */
export class PostgresServer {
  private constructor(
    readonly directory: string,
    readonly port: number,
    private readonly options: ServerOptions,
  ) {}

  static async start(options: ServerOptions = {}): Promise<PostgresServer> {
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'coffer-postgres-')));
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o700);
    if (isRoot) await chown(directory, idOf('-u'), idOf('-g'));
    const server = new PostgresServer(directory, await freePort(), options);
    run('initdb', '-D', server.data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync');
    const settings = {
      listen_addresses: "'127.0.0.1'",
      port: String(server.port),
      unix_socket_directories: "''",
      max_connections: '200',
      shared_buffers: '64MB',
      ...options.settings,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
    await appendFile(join(server.data, 'postgresql.conf'), lines.join(''));
    server.up();
    if (options.password !== undefined) {
      await server.sql(`ALTER USER postgres PASSWORD '${options.password}'`);
      await server.demandPassword();
    }
    return server;
  }

  get data(): string {
    return join(this.directory, 'data');
  }

  /** `schema`: a Coffer of its own in the same database. */
  url(schema = 'coffer', port = this.port): string {
    const { password } = this.options;
    return `postgres://postgres${password === undefined ? '' : `:${password}`}@127.0.0.1:${port}/postgres?schema=${schema}`;
  }

  up(): void {
    run('pg_ctl', '-D', this.data, '-l', join(this.directory, 'log'), '-w', '-t', '600', 'start');
  }

  /** `immediate`: as if it had crashed. */
  down(mode: 'fast' | 'immediate' = 'fast'): void {
    run('pg_ctl', '-D', this.data, '-w', '-t', '600', '-m', mode, 'stop');
  }

  async demandPassword(): Promise<void> {
    await appendFile(join(this.data, 'pg_hba.conf'), '');
    execFileSync('sed', ['-i', 's/trust$/scram-sha-256/', join(this.data, 'pg_hba.conf')]);
    run('pg_ctl', '-D', this.data, 'reload');
  }

  async sql<T extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> {
    const client = new Client({
      host: '127.0.0.1',
      port: this.port,
      user: 'postgres',
      database: 'postgres',
      password: this.options.password ?? '',
    });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<T>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    try {
      this.down('immediate');
    } catch {
      // It was down.
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

let shared: Promise<PostgresServer> | undefined;

/** One server for all files that a worker runs; it ends with the worker. */
export function sharedPostgres(): Promise<PostgresServer> {
  shared ??= PostgresServer.start().then((server) => {
    endWithThisProcess(server);
    return server;
  });
  return shared;
}

/** However it ends: a process of its own waits for this one and tidies up behind it. */
function endWithThisProcess(server: PostgresServer): void {
  const pidFile = join(server.data, 'postmaster.pid');
  const script = `while kill -0 ${process.pid} 2>/dev/null; do sleep 1; done
kill -QUIT "$(head -1 '${pidFile}')"; sleep 1; rm -rf '${server.directory}'`;
  spawn('sh', ['-c', script], { detached: true, stdio: 'ignore', cwd: '/' }).unref();
}

let schemas = 0;

/** A name that no other test has. */
export const freshSchema = (): string => `t${process.pid}_${Date.now().toString(36)}_${schemas++}`;

export { delay };
