import { CommandError, UsageError } from './admin/errors.js';
import { ConfigError } from './base/config-error.js';
import { StoreDamaged } from './base/damaged.js';
import { systemErrorLine } from './base/system-error.js';
import { RootKeyError } from './seal/root-key.js';
import { OutcomeUnknown, StoreInUse, StoreTooNew, StoreUnavailable } from './store/errors.js';

/** Errors that say in one line what is to be done, as those of the system do; anything else is a defect and shows its stack. */
const EXPLAINED = [
  ConfigError,
  RootKeyError,
  StoreInUse,
  StoreTooNew,
  StoreDamaged,
  StoreUnavailable,
  OutcomeUnknown,
  CommandError,
  UsageError,
];

/** What a person at the terminal is told. */
export function explain(error: unknown): string {
  const { message, stack } = error as Error;
  if (EXPLAINED.some((type) => error instanceof type)) return message;
  return systemErrorLine(error) ?? String(stack ?? error);
}
