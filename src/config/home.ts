import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { ConfigError } from '../base/config-error.js';
import type { Env } from './environment.js';

/**
 * Where root key and credentials lie by default: `$XDG_CONFIG_HOME/coffer`, or `~/.config/coffer`. A relative XDG path is invalid
 * and ignored. https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function configHome(env: Env): string {
  const xdg = env.XDG_CONFIG_HOME;
  return join(xdg && isAbsolute(xdg) ? xdg : join(env.HOME || homedir(), '.config'), 'coffer');
}

/** Who takes the data directory away must not have the root key with it. @throws ConfigError */
export function requireApart(keyPath: string, dataDir: string): void {
  const way = relative(real(dataDir), real(keyPath));
  const inside = way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way));
  if (!inside) return;
  throw new ConfigError(
    `the root key would lie inside the data directory (${keyPath}): keep them apart, or set COFFER_ROOT_KEY_BESIDE_DATA=1`,
  );
}

/** Without symbolic links, as far as the path exists. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(real(parent), basename(path));
  }
}
