import { KmsError } from '../../encryption/ports.js';
import { keyAction } from '../action.js';
import type { KeyRecord } from '../key-record.js';
import type { Keys } from '../keys.js';
import { lacksSomewhere } from '../pending-import.js';
import { ON_DEMAND_ROTATIONS_MAX, requireRotatable } from '../rotation.js';
import { invalidState, isThere } from '../states.js';

export const rotateKeyOnDemand = keyAction({
  name: 'RotateKeyOnDemand',
  input: () => undefined,
  needs: () => ({}),
  states: 'usable',
  check: requireRotatable,
  async handle(_, record, call) {
    const { keys } = call;
    const arn = keys.arn(record);
    const check = (found: KeyRecord): void => {
      call.requireStill(found, 'usable');
      requireRotatable(found, arn);
      const rotated = found.backingKeys.filter((one) => one.rotation === 'ON_DEMAND').length;
      if (rotated >= ON_DEMAND_ROTATIONS_MAX) throw tooMany(arn);
    };
    if (record.origin === 'EXTERNAL') {
      const nowMs = keys.clock.now();
      await keys.ring.update(
        record,
        call.committing,
        (found) => {
          check(found);
          return takePending(found, nowMs, arn);
        },
        () => requireImportedEverywhere(keys, record, nowMs),
      );
    } else {
      await keys.rotate(record, 'ON_DEMAND', call.committing, (found) => {
        check(found);
        return found;
      });
    }
    return { KeyId: arn };
  },
});

/** Imported material that waits for its rotation becomes current. */
function takePending(found: KeyRecord, nowMs: number, arn: string): KeyRecord {
  const waiting = found.backingKeys.find((one) => one.pending && isThere(one, nowMs));
  if (!waiting) throw invalidState(`No available key material pending rotation for the key: ${arn}.`);
  const { pending: _, ...current } = waiting;
  const others = found.backingKeys.filter((one) => one !== waiting);
  return { ...found, backingKeys: [...others, { ...current, rotation: 'ON_DEMAND', rotatedMs: nowMs }] };
}

/** The commit checks that replicas stay as they are read here. */
async function requireImportedEverywhere(keys: Keys, record: KeyRecord, nowMs: number): Promise<void> {
  const lacking = await lacksSomewhere(keys, record, nowMs);
  if (!lacking) return;
  throw invalidState(`The key material that is pending rotation was not imported into ${keys.arnAt(lacking)}.`);
}

const tooMany = (arn: string): KmsError =>
  new KmsError(
    'LimitExceededException',
    `The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: ${arn}`,
  );
