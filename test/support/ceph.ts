import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const OSDS = 3;

/** What is missing for a Ceph cluster here; undefined: nothing. */
export function cephMissing(): string | undefined {
  for (const program of ['ceph-mon', 'ceph-mgr', 'ceph-osd', 'ceph', 'ceph-authtool', 'monmaptool']) {
    if (!existsSync(`/usr/bin/${program}`)) return `${program} (Debian: ceph-mon ceph-mgr ceph-osd ceph-common)`;
  }
  try {
    createRequire(import.meta.url).resolve('koffi');
  } catch {
    return 'koffi';
  }
  return process.getuid?.() === 0 ? undefined : 'being root';
}

/** A cluster in memory: monitors, a manager, three OSDs, all of them children of this process. Its pool is `blobs`. */
export class CephCluster {
  readonly #daemons = new Map<string, ChildProcess>();
  /** A daemon that ended by itself. */
  #ended: string | undefined;

  private constructor(
    readonly dir: string,
    private readonly monitors: string[],
  ) {}

  static async start({ monitors = 1, memoryMiB = 1024 } = {}): Promise<CephCluster> {
    const dir = await mkdtemp(join(tmpdir(), 'coffer-ceph-'));
    const names = ['a', 'b', 'c'].slice(0, monitors);
    const cluster = new CephCluster(dir, names);
    try {
      await cluster.#make(memoryMiB);
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get conf(): string {
    return join(this.dir, 'ceph.conf');
  }

  url(namespace = ''): string {
    return `rados:blobs?conf=${this.conf}${namespace && `&namespace=${namespace}`}`;
  }

  async ceph(...args: string[]): Promise<string> {
    const { stdout } = await run('ceph', ['-c', this.conf, '--connect-timeout', '120', ...args]);
    return stdout;
  }

  /** Names in the pool, one a line: `ls`. */
  async rados(...args: string[]): Promise<string> {
    const { stdout } = await run('rados', ['-c', this.conf, '-p', 'blobs', ...args]);
    return stdout;
  }

  /** `mon.a`, `osd.0` … */
  async kill(daemon: string): Promise<void> {
    const child = this.#daemons.get(daemon)!;
    this.#daemons.delete(daemon);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Stands still, and goes on. */
  signal(daemon: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#daemons.get(daemon)!.kill(signal);
  }

  startDaemon(daemon: string): void {
    const [type, id] = daemon.split('.') as [string, string];
    const child = spawn(`ceph-${type}`, ['-c', this.conf, '-f', '-i', id], { stdio: 'ignore' });
    this.#daemons.set(daemon, child);
    child.once('exit', (code) => {
      if (this.#daemons.get(daemon) === child) this.#ended ??= `${daemon} ended with ${code}`;
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#daemons.keys()].map((daemon) => this.kill(daemon)));
    await rm(this.dir, { recursive: true, force: true });
  }

  async #make(memoryMiB: number): Promise<void> {
    const { dir, conf, monitors } = this;
    const fsid = randomUUID();
    const ports = await freePorts(monitors.length);
    const addresses = ports.map((port) => `v2:127.0.0.1:${port}`);
    await writeFile(conf, configuration(dir, fsid, monitors, addresses, memoryMiB));
    const keyring = join(dir, 'keyring');
    await run('ceph-authtool', ['--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *']);
    const all = ['mon', 'osd', 'mgr'].flatMap((type) => ['--cap', type, 'allow *']);
    await run('ceph-authtool', [keyring, '--gen-key', '-n', 'client.admin', ...all]);
    const map = join(dir, 'monmap');
    const added = monitors.flatMap((name, i) => ['--addv', name, `[${addresses[i]}]`]);
    await run('monmaptool', ['--create', '--fsid', fsid, ...added, '--set-min-mon-release', 'pacific', map]);
    for (const name of monitors) {
      await mkdir(join(dir, `mon.${name}`));
      await run('ceph-mon', ['-c', conf, '-i', name, '--mkfs', '--monmap', map, '--keyring', keyring]);
      this.startDaemon(`mon.${name}`);
    }
    await mkdir(join(dir, 'mgr.x'));
    const mgr = ['mon', 'allow profile mgr', 'osd', 'allow *'];
    await this.ceph('auth', 'get-or-create', 'mgr.x', ...mgr, '-o', join(dir, 'mgr.x/keyring'));
    this.startDaemon('mgr.x');
    for (let i = 0; i < OSDS; i++) await this.#makeOsd(i);
    for (;;) {
      const { num_up_osds } = JSON.parse(await this.ceph('osd', 'stat', '-f', 'json')) as { num_up_osds: number };
      if (num_up_osds === OSDS) break;
      if (this.#ended) throw new Error(this.#ended);
      await wait(200);
    }
    await this.ceph('osd', 'pool', 'create', 'blobs', '16', '16', 'replicated');
    await this.ceph('osd', 'pool', 'application', 'enable', 'blobs', 'coffer');
  }

  async #makeOsd(i: number): Promise<void> {
    const uuid = randomUUID();
    const dir = join(this.dir, `osd.${i}`);
    await mkdir(dir);
    const keyring = join(dir, 'keyring');
    await run('ceph-authtool', ['--create-keyring', keyring, '--gen-key', '-n', `osd.${i}`]);
    const key = /key = (\S+)/.exec(await readFile(keyring, 'utf8'))![1];
    const secrets = join(dir, 'secrets');
    await writeFile(secrets, JSON.stringify({ cephx_secret: key }));
    await this.ceph('osd', 'new', uuid, String(i), '-i', secrets);
    await run('ceph-osd', ['-c', this.conf, '-i', String(i), '--mkfs', '--osd-uuid', uuid, '--keyring', keyring]);
    this.startDaemon(`osd.${i}`);
  }
}

const configuration = (dir: string, fsid: string, monitors: string[], addresses: string[], memoryMiB: number) => `
[global]
fsid = ${fsid}
mon host = ${addresses.map((address) => `[${address}]`).join(',')}
mon initial members = ${monitors.join(',')}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = ${dir}/keyring
log file = ${dir}/$name.log
admin socket = ${dir}/$name.asok
run dir = ${dir}
crash dir = ${dir}
osd pool default size = 3
osd pool default min size = 2
osd pool default pg num = 16
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
[client]
admin socket =
log file =
[mon]
mon data = ${dir}/mon.$id
mon allow pool delete = true
mon data avail warn = 2
mon data avail crit = 1
auth allow insecure global id reclaim = false
mon osd down out interval = 600
mon osd min down reporters = 1
mon lease = 2
mon election timeout = 2
[mgr]
mgr data = ${dir}/mgr.x
keyring = ${dir}/mgr.x/keyring
mgr initial modules =
[osd]
osd data = ${dir}/osd.$id
keyring = ${dir}/osd.$id/keyring
osd objectstore = memstore
memstore device bytes = ${memoryMiB * 1024 * 1024}
osd class load list = *
osd class default list = *
osd op num shards = 2
osd op num threads per shard = 1
osd recovery sleep = 0
osd heartbeat interval = 1
osd heartbeat grace = 5
`;

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
