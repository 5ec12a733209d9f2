import { ConfigError } from './base/config-error.js';
import { StoreDamaged } from './base/damaged.js';
import { readConfig } from './config.js';
import { RootKeyError } from './seal/root-key.js';
import { StoreInUse, StoreTooNew, StoreUnavailable } from './store/errors.js';
import { welcome } from './welcome.js';
import { type Coffer, startCoffer } from './wire.js';

/** Errors that say in one line what is to be done; anything else is a defect and shows its stack. */
const EXPLAINED = [ConfigError, RootKeyError, StoreInUse, StoreTooNew, StoreDamaged, StoreUnavailable];

try {
  const config = readConfig(process.env);
  const coffer = await startCoffer(config);
  // First of all: whoever reads the lines below may end the process at once.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(coffer));
  process.stdout.write(welcome(coffer, config, process.stdout.isTTY === true));
} catch (error) {
  const explained = EXPLAINED.some((type) => error instanceof type);
  process.stderr.write(explained ? `coffer: ${(error as Error).message}\n` : `coffer: ${(error as Error).stack}\n`);
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
