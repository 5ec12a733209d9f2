import type { KeyFacts } from '../encryption/ports.js';
import { KmsError } from '../encryption/ports.js';
import { disabled, pendingDeletion } from './errors.js';
import type { BackingKey, KeyRecord } from './key-record.js';

export type KeyState = Extract<KeyFacts['keyState'], 'Enabled' | 'Disabled' | 'PendingDeletion' | 'PendingImport'>;

/** Imported material that has expired is as good as deleted, whether or not the job has come by. */
export const isThere = (backing: BackingKey, nowMs: number): boolean =>
  backing.wrapped !== undefined && (backing.imported?.validToMs === undefined || backing.imported.validToMs > nowMs);

/** A key whose material was deleted or has expired, all or in part, waits for its import again. */
export function stateOf(record: KeyRecord, nowMs: number): KeyState {
  if (record.state === 'PendingDeletion' || record.origin !== 'EXTERNAL') return record.state;
  const needed = record.backingKeys.filter((one) => !one.pending);
  if (needed.length === 0 || !needed.every((one) => isThere(one, nowMs))) return 'PendingImport';
  return record.state;
}

/**
 * In which states an action is allowed; where it isn't, it is answered as AWS's table says.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
 */
export type StateRule = 'any' | 'usable' | 'imported' | 'not pending deletion' | 'pending deletion';

export function requireState(rule: StateRule, state: KeyState, arn: string): void {
  if (rule === 'any') return;
  if (rule === 'pending deletion') {
    if (state !== 'PendingDeletion') throw invalidState(`${arn} is not pending deletion.`);
    return;
  }
  if (state === 'PendingDeletion') throw pendingDeletion(arn);
  if (rule === 'not pending deletion') return;
  if (state === 'PendingImport') throw invalidState(`${arn} is pending import.`);
  if (rule === 'usable' && state === 'Disabled') throw disabled(arn);
}

export const invalidState = (message: string): KmsError => new KmsError('KMSInvalidStateException', message);
