/** A setting that can't be used: one line, shown as it is before the process ends. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
