import { type ChildProcess, spawn } from 'node:child_process';
import { serverEnvironment } from './server.js';

export interface Ran {
  /** Null where a signal ended it. */
  status: number | null;
  stdout: string;
  stderr: string;
}

/** `coffer …` over the built code, with the settings of `startServer({ dir })`. */
export function coffer(dir: string, words: string[], env: Record<string, string> = {}): Promise<Ran> {
  return startCli(dir, words, env).ran;
}

export function startCli(
  dir: string,
  words: string[],
  env: Record<string, string> = {},
): { child: ChildProcess; ran: Promise<Ran> } {
  const child = spawn(process.execPath, ['dist/cli.js', ...words], {
    env: serverEnvironment(dir, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ran = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      ran[name] += text;
    });
  }
  return {
    child,
    ran: new Promise((resolve) => child.once('close', (status) => resolve({ status, ...ran }))),
  };
}
