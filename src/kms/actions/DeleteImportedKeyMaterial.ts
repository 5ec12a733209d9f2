import { keyAction } from '../action.js';
import { notFound } from '../errors.js';
import { dropMaterial } from '../import.js';
import { currentBacking } from '../key-record.js';
import { shredMark } from '../shred.js';
import { readMaterialId } from './ImportKeyMaterial.js';

export const deleteImportedKeyMaterial = keyAction({
  name: 'DeleteImportedKeyMaterial',
  input: (input) => ({ materialId: readMaterialId(input) }),
  needs: () => ({}),
  states: 'any',
  origin: 'EXTERNAL',
  async handle({ materialId }, record, call) {
    const { keys } = call;
    const id = materialId ?? currentBacking(record)?.id;
    if (id === undefined) return { KeyId: keys.arn(record) };
    if (!record.backingKeys.some((one) => one.id === id)) {
      throw notFound(`Key material ${id} is not associated with the KMS key ${keys.arn(record)}`);
    }
    call.note({ keyMaterialId: id });
    await keys.ring.update(
      record,
      call.committing,
      (found) => {
        call.requireStill(found, 'any');
        return dropMaterial(found, id);
      },
      (commit) => commit.put(shredMark()),
    );
    keys.ring.wraps.forget(id);
    keys.parts.shred?.();
    return { KeyId: keys.arn(record), KeyMaterialId: id };
  },
});
