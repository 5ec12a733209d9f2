import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { clusterEnvironment, EitherGateway, isCluster } from './cluster.js';

export const ACCESS_KEY_ID = 'AKIAIOSFODNN7COFFER1';
export const SECRET_ACCESS_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYCOFFERTEST';
export const credentials = { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY };

/** Each request on a connection of its own, and so at either gateway. */
const perRequest = isCluster ? { requestHandler: { httpAgent: new Agent({ keepAlive: false }) } } : {};

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  readonly pid: number;
  /** Everything the process wrote to its outputs so far. */
  output(): string;
  s3(config?: S3ClientConfig): S3Client;
  kms(): KMSClient;
  /** Sends a signal and waits for the end. @returns the exit code, or null where the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

export interface StartOptions {
  /** Another build's. */
  main?: string;
  /** Data of an earlier start; a new folder otherwise. */
  dir?: string;
  env?: Record<string, string>;
}

/** A real server over the built code, on a free port, in a folder of its own: one process, or two gateways of which either answers. */
export async function startServer(options: StartOptions = {}): Promise<TestServer> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'coffer-test-')));
  const first = await startProcess(dir, options);
  if (!isCluster) return serverOf(dir, first.url, [first]);
  const second = await startProcess(dir, options);
  const either = await EitherGateway.over([first, second].map(({ url }) => Number(new URL(url).port)));
  const url = `${new URL(first.url).protocol}//127.0.0.1:${either.port}`;
  return serverOf(dir, url, [first, second], () => either.close());
}

interface Process {
  child: ChildProcess;
  url: string;
  output(): string;
  exited: Promise<number | null>;
}

async function startProcess(dir: string, { env, main }: StartOptions): Promise<Process> {
  const { child, output } = spawnServer(dir, env, main);
  const url = await new Promise<string>((resolve, reject) => {
    const look = (): void => {
      const found = /https?:\/\/127\.0\.0\.1:\d+/.exec(output());
      if (found) resolve(found[0]);
    };
    child.stdout!.on('data', look);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${output()}`)));
  });
  return { child, url, output, exited: new Promise((resolve) => child.once('exit', resolve)) };
}

function serverOf(
  dir: string,
  url: string,
  processes: readonly Process[],
  closeBefore: () => Promise<void> = async () => {},
): TestServer {
  const port = Number(new URL(url).port);
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    for (const { child } of processes) child.kill(signal);
    const codes = await Promise.all(processes.map(({ exited }) => exited));
    await closeBefore();
    return codes.find((code) => code !== 0) ?? codes[0]!;
  };
  const server: TestServer = {
    url,
    port,
    dir,
    pid: processes[0]!.child.pid!,
    output: () => processes.map(({ output }) => output()).join(''),
    s3: (config = {}) =>
      new S3Client({
        endpoint: url,
        region: 'us-east-1',
        forcePathStyle: true,
        credentials,
        maxAttempts: 1,
        ...perRequest,
        ...config,
      }),
    kms: () => new KMSClient({ endpoint: url, region: 'us-east-1', credentials, maxAttempts: 1, ...perRequest }),
    end,
    async close() {
      await end('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
  return server;
}

/** What a server and the commands about its data are started with. */
export function serverEnvironment(dir: string, env: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: dir,
    XDG_CONFIG_HOME: join(dir, 'config'),
    COFFER_PORT: '0',
    COFFER_DATA_DIR: join(dir, 'data'),
    COFFER_DISK_RESERVE_MIB: '0',
    COFFER_ACCESS_KEY_ID: ACCESS_KEY_ID,
    COFFER_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY,
    ...clusterEnvironment(dir),
    ...env,
  };
}

/** Starts the process without waiting for it to serve: for start-up failures. */
export function spawnServer(
  dir: string,
  env: Record<string, string> = {},
  main = 'dist/main.js',
): { child: ChildProcess; output: () => string } {
  let text = '';
  const child = spawn(process.execPath, [main], {
    env: serverEnvironment(dir, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout!.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    text += chunk;
  });
  return { child, output: () => text };
}

/** How a failed start ends. */
export async function failedStart(
  dir: string,
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const { child, output } = spawnServer(dir, env);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, output: output() };
}
