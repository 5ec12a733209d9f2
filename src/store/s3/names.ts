import type { OwnedRun, Run } from '../ports.js';
import { hex } from '../run-objects/format.js';

/** Both numbers are in the name: a listing says all of a run, and a deletion meets none of another length. */
const NAME = /^([0-9a-f]{32})\/(0|[1-9][0-9]{0,15})-([1-9][0-9]{0,3})$/;

export const ownerPrefix = (owner: Uint8Array): string => `${hex(owner)}/`;

export const runName = (owner: Uint8Array, { first, count }: Run): string => `${ownerPrefix(owner)}${first}-${count}`;

/** Undefined: no run's. */
export function parseRunName(name: string): OwnedRun | undefined {
  const [, owner, first, count] = NAME.exec(name) ?? [];
  if (owner === undefined) return undefined;
  return { owner: Buffer.from(owner, 'hex'), run: { first: Number(first), count: Number(count) } };
}
