import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bin, freePort, idOf, isRoot, lacking as lackingPostgres } from './postgres.js';

function lacks(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
}

/** What these tests lack here; undefined where they can run. */
export const lacking: string | undefined =
  lackingPostgres ??
  ['patroni', 'etcd', 'haproxy'].filter(lacks).map((program) => `${program} is not installed`)[0] ??
  (isRoot ? undefined : 'only root can become the user postgres');

interface Node {
  name: string;
  port: number;
  restPort: number;
  patroni: ChildProcess;
}

/** Two PostgreSQL under Patroni, the second one synchronous, with one etcd, behind HAProxy. */
export class PatroniCluster {
  readonly #processes: ChildProcess[] = [];
  readonly #nodes: Node[] = [];

  private constructor(
    private readonly directory: string,
    /** HAProxy's: leads to the primary, whichever that is. */
    readonly port: number,
  ) {}

  static async start(): Promise<PatroniCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-patroni-'));
    await chmod(directory, 0o755);
    await chown(directory, idOf('-u'), idOf('-g'));
    const cluster = new PatroniCluster(directory, await freePort());
    try {
      await cluster.#start();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** As it says itself. */
  async roles(): Promise<Record<string, string>> {
    for (const { restPort, patroni } of this.#nodes) {
      if (patroni.exitCode !== null || patroni.signalCode !== null) continue;
      const answer = await fetch(`http://127.0.0.1:${restPort}/cluster`).catch(() => undefined);
      if (!answer) continue;
      const { members } = (await answer.json()) as { members: { name: string; role: string; state: string }[] };
      return Object.fromEntries(members.map(({ name, role, state }) => [name, `${role} ${state}`]));
    }
    return {};
  }

  /** Its server and what would start it again, as if the machine were gone. Returns its name. */
  async killPrimary(): Promise<string> {
    const roles = await this.roles();
    const primary = this.#nodes.find(({ name }) => /^(leader|master)/.test(roles[name] ?? ''))!;
    primary.patroni.kill('SIGKILL');
    await this.#killServer(primary.name);
    return primary.name;
  }

  async stop(): Promise<void> {
    for (const child of this.#processes) child.kill('SIGKILL');
    for (const { name } of this.#nodes) await this.#killServer(name).catch(() => {});
    // What was killed still lets go of its files.
    await delay(500);
    await rm(this.directory, { recursive: true, force: true, maxRetries: 10 });
  }

  async #killServer(name: string): Promise<void> {
    const pid = Number((await readFile(join(this.directory, name, 'postmaster.pid'), 'utf8')).split('\n')[0]);
    process.kill(pid, 'SIGKILL');
  }

  #run(program: string, ...args: string[]): ChildProcess {
    const log = openSync(join(this.directory, `${program}-${this.#processes.length}.log`), 'a');
    const child = spawn(program, args, {
      uid: idOf('-u'),
      gid: idOf('-g'),
      cwd: this.directory,
      env: { ...process.env, HOME: this.directory },
      stdio: ['ignore', log, log],
    });
    child.on('error', () => {});
    this.#processes.push(child);
    return child;
  }

  async #start(): Promise<void> {
    const [client, peer] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`);
    const etcd = this.#run(
      'etcd',
      '--name',
      'e0',
      '--data-dir',
      join(this.directory, 'etcd'),
      '--enable-v2=true',
      ...['--listen-client-urls', client!, '--advertise-client-urls', client!],
      ...['--listen-peer-urls', peer!, '--initial-advertise-peer-urls', peer!, '--initial-cluster', `e0=${peer}`],
    );
    await Promise.race([once(etcd, 'spawn'), once(etcd, 'exit')]);
    for (const name of ['p0', 'p1']) {
      const [port, restPort] = [await freePort(), await freePort()];
      const file = join(this.directory, `${name}.yml`);
      await writeFile(
        file,
        configOf({ name, port, restPort, etcd: client!.slice(7), data: join(this.directory, name) }),
      );
      this.#nodes.push({ name, port, restPort, patroni: this.#run('patroni', file) });
    }
    const servers = this.#nodes.map(
      ({ name, port, restPort }) => `  server ${name} 127.0.0.1:${port} check port ${restPort}\n`,
    );
    const config = join(this.directory, 'haproxy.cfg');
    await writeFile(config, HAPROXY(this.port) + servers.join(''));
    this.#run('haproxy', '-f', config);
    for (let ready = false; !ready; await delay(500)) {
      const ended = this.#processes.find(({ exitCode }) => exitCode !== null);
      if (ended) throw new Error(`${ended.spawnfile} ended: see ${this.directory}`);
      const states = Object.values(await this.roles());
      ready =
        states.length === 2 &&
        states.some((state) => /^(leader|master) running/.test(state)) &&
        states.some((state) => state.startsWith('sync_standby'));
    }
  }
}

const configOf = (node: {
  name: string;
  port: number;
  restPort: number;
  etcd: string;
  data: string;
}): string => `scope: coffer
name: ${node.name}
restapi: {listen: '127.0.0.1:${node.restPort}', connect_address: '127.0.0.1:${node.restPort}'}
etcd3: {host: '${node.etcd}'}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 3
    retry_timeout: 5
    synchronous_mode: true
    postgresql: {parameters: {max_connections: 60, wal_log_hints: "on", shared_buffers: 64MB}}
  initdb: [{encoding: UTF8}, {locale: C}]
  pg_hba: ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
postgresql:
  listen: 127.0.0.1:${node.port}
  connect_address: 127.0.0.1:${node.port}
  data_dir: ${node.data}
  bin_dir: ${bin}
  authentication: {superuser: {username: postgres, password: x}, replication: {username: repl, password: x}}
  parameters: {unix_socket_directories: ""}
watchdog: {mode: "off"}
`;

const HAPROXY = (port: number): string => `global
  maxconn 500
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen primary
  bind 127.0.0.1:${port}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
`;
