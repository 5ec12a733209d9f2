import { ConfigError } from '../base/config-error.js';
import type { Secret } from '../base/secret.js';
import type { DefaultedSetting, Setting } from './settings.js';

export type Env = Readonly<Record<string, string | undefined>>;

/** An empty variable counts as absent: Compose files leave them so. @throws ConfigError */
export function read<T>(env: Env, setting: DefaultedSetting<T>): T {
  return setting.parse(env[setting.name] || setting.defaultText, setting.name);
}

export function readOptional<T>(env: Env, setting: Setting<T>): T | undefined {
  const value = env[setting.name];
  return value ? setting.parse(value, setting.name) : undefined;
}

/** From the variable itself or from the file that `<name>_FILE` names. */
export function readSecret(env: Env, direct: Setting<Secret>, file: Setting<Secret>): Secret | undefined {
  exclude(env, direct, file);
  return readOptional(env, direct) ?? readOptional(env, file);
}

export function exclude(env: Env, one: Setting, other: Setting): void {
  if (env[one.name] && env[other.name]) throw new ConfigError(`${one.name} and ${other.name} exclude each other`);
}
