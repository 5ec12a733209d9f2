import { readConfig } from './config.js';
import { explain } from './explained.js';
import { type Coffer, startCoffer } from './gateway/start.js';
import { type LogOutput, standardOutput } from './log-output.js';
import { welcome } from './welcome.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** What may follow on the answers under way: jobs, the audit's last page, the databases. */
const CLOSE_MS = 60_000;
const FLUSH_MS = 1000;

/** Starts, and serves until a signal ends the process. A log or terminal that can't be written to changes nothing. */
export async function serve(): Promise<void> {
  // What nobody can read must not end the service.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const log = standardOutput();
  // Until something is served, a signal's own effect is the surest. The first process of a container has none: it needs a handler.
  const atOnce = (): never => process.exit(1);
  if (process.pid === 1) for (const signal of SIGNALS) process.on(signal, atOnce);
  try {
    const config = readConfig(process.env);
    const coffer = await startCoffer(config, log);
    // First of all: whoever reads the lines below may end the process at once.
    endBySignals(coffer, log, config.shutdownMs);
    tell(process.stdout, welcome(coffer, config, process.stdout.isTTY === true));
  } catch (error) {
    tell(process.stderr, `coffer: ${explain(error)}\n`);
    await end(1, log);
  }
}

/** The first signal lets answers under way finish, the second doesn't wait for them, the third ends the process as it is. */
function endBySignals(coffer: Coffer, log: LogOutput, shutdownMs: number): void {
  let signals = 0;
  for (const signal of SIGNALS) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      signals++;
      if (signals === 1) void stop(coffer, log, shutdownMs);
      else if (signals === 2) coffer.hurry();
      else process.kill(process.pid, 'SIGKILL');
    });
  }
}

async function stop(coffer: Coffer, log: LogOutput, shutdownMs: number): Promise<void> {
  const ms = shutdownMs + CLOSE_MS;
  setTimeout(() => {
    tell(process.stderr, `coffer: it did not close within ${ms / 1000} s, and is ended as it is\n`);
    void end(1, log);
  }, ms).unref();
  try {
    await coffer.close();
  } catch (error) {
    tell(process.stderr, `coffer: ${(error as Error).stack}\n`);
    return end(1, log);
  }
  return end(0, log);
}

async function end(status: number, log: LogOutput): Promise<void> {
  await log.flush(FLUSH_MS);
  // The end of a process waits for a write that the system holds up (a stopped terminal); nothing can be lost any more.
  if (log.held) process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
  process.exit(status);
}

/** To a file it is written at once, and a full disk is an exception. */
function tell(stream: NodeJS.WriteStream, text: string): void {
  try {
    stream.write(text);
  } catch {
    // Nobody can read it.
  }
}
