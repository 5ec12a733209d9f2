import { ConfigError } from '../base/config-error.js';
import type { Env } from './environment.js';
import { shown } from './kinds.js';
import { SETTINGS } from './settings.js';

/** What Kubernetes sets for a service that is named "coffer" or "coffer-…", in the pods of its namespace. */
const INJECTED = /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
const INJECTED_VALUE = /^(tcp|udp|sctp):\/\//;
const HINT =
  'Kubernetes sets such variables for a service of that name; set enableServiceLinks: false in the pod, or rename the service';

/** A misspelt setting must not be silently without effect. @throws ConfigError */
export function refuseUnknown(env: Env): void {
  const known = new Set<string>(SETTINGS.map(({ name }) => name));
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('COFFER_') || value === undefined) continue;
    // COFFER_PORT itself is among what a service named "coffer" injects.
    if (name === 'COFFER_PORT' && INJECTED_VALUE.test(value)) throw new ConfigError(`${shown(name, value)}: ${HINT}`);
    if (known.has(name)) continue;
    if (INJECTED_VALUE.test(value) || INJECTED.test(name)) throw new ConfigError(`unknown setting ${name}: ${HINT}`);
    throw new ConfigError(`unknown setting ${name}${suggestion(name, [...known])}`);
  }
}

function suggestion(name: string, known: readonly string[]): string {
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: editDistance(candidate, name) }))
    .sort((a, b) => a.distance - b.distance);
  return nearest && nearest.distance <= name.length / 3 ? `; did you mean ${nearest.candidate}?` : '';
}

/** Levenshtein: how many characters are to be inserted, removed or replaced. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
