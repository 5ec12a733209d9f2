import { readConfig } from './config.js';
import { explain } from './explained.js';
import { welcome } from './welcome.js';
import { type Coffer, startCoffer } from './wire.js';

try {
  const config = readConfig(process.env);
  const coffer = await startCoffer(config);
  // First of all: whoever reads the lines below may end the process at once.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(coffer));
  process.stdout.write(welcome(coffer, config, process.stdout.isTTY === true));
} catch (error) {
  process.stderr.write(`coffer: ${explain(error)}\n`);
  process.exit(1);
}

async function stop(coffer: Coffer): Promise<void> {
  try {
    await coffer.close();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`coffer: ${(error as Error).stack}\n`);
    process.exit(1);
  }
}
