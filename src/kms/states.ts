import type { KeyFacts } from '../encryption/ports.js';
import { KmsError } from '../encryption/ports.js';
import { disabled, pendingDeletion } from './errors.js';
import type { BackingKey, KeyRecord } from './key-record.js';

export type KeyState = Exclude<KeyFacts['keyState'], 'Unavailable' | 'Creating' | 'Updating'>;

/** Imported material that has expired is as good as deleted, whether or not the job has come by. */
export const isThere = (backing: BackingKey, nowMs: number): boolean =>
  backing.wrapped !== undefined && (backing.imported?.validToMs === undefined || backing.imported.validToMs > nowMs);

/** A key whose material was deleted or has expired, all or in part, waits for its import again. */
export function stateOf(record: KeyRecord, nowMs: number): KeyState {
  if (isPendingDeletion(record.state) || record.origin !== 'EXTERNAL') return record.state;
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
    if (!isPendingDeletion(state)) throw invalidState(`${arn} is not pending deletion.`);
    return;
  }
  if (state === 'PendingDeletion') throw pendingDeletion(arn);
  if (state === 'PendingReplicaDeletion') throw invalidState(`${arn} is pending replica deletion.`);
  if (rule === 'not pending deletion') return;
  if (state === 'PendingImport') throw invalidState(`${arn} is pending import.`);
  if (rule === 'usable' && state === 'Disabled') throw disabled(arn);
}

/** Scheduled to be destroyed, whether its waiting period has begun or waits for the last replica. */
export const isPendingDeletion = (state: KeyState): boolean =>
  state === 'PendingDeletion' || state === 'PendingReplicaDeletion';

export const invalidState = (message: string): KmsError => new KmsError('KMSInvalidStateException', message);
