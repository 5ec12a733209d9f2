import { keyAction } from '../action.js';
import { type BackingKey, currentBacking } from '../key-record.js';
import { expiry } from '../metadata.js';
import { entriesAfter, page, readPage } from '../paging.js';
import { lacksSomewhere } from '../pending-import.js';
import { requireRotating } from '../rotation.js';
import { isThere } from '../states.js';

export const listKeyRotations = keyAction({
  name: 'ListKeyRotations',
  input: (input) => ({
    ...readPage(input, { limit: 100, max: 1000, names: /^[0-9a-f]{64}$/ }),
    include: input.oneOf('IncludeKeyMaterial', ['ALL_KEY_MATERIAL', 'ROTATIONS_ONLY']) ?? 'ROTATIONS_ONLY',
  }),
  needs: () => ({}),
  states: 'any',
  check: requireRotating,
  async handle({ include, limit, after }, record, { keys }) {
    const nowMs = keys.clock.now();
    const current = currentBacking(record);
    const pending = (await lacksSomewhere(keys, record, nowMs))
      ? 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'
      : 'PENDING_ROTATION';
    const materials = record.backingKeys.filter((one) => include === 'ALL_KEY_MATERIAL' || one.rotation !== undefined);
    const name = (one: BackingKey) => one.id;
    const { shown, ...rest } = page(entriesAfter(materials, after, name), limit, name);
    return {
      Rotations: shown.map((one) => ({
        KeyId: record.keyId,
        KeyMaterialId: one.id,
        KeyMaterialState: one.pending ? pending : one === current ? 'CURRENT' : 'NON_CURRENT',
        ...(one.imported && importedMembers(one, nowMs)),
        ...(one.rotation && { RotationDate: (one.rotatedMs ?? one.createdMs) / 1000, RotationType: one.rotation }),
      })),
      ...rest,
    };
  },
});

/** Only where the material was imported. */
function importedMembers(backing: BackingKey, nowMs: number): Record<string, unknown> {
  const imported = backing.imported!;
  const there = isThere(backing, nowMs);
  return {
    ...(imported.description !== undefined && { KeyMaterialDescription: imported.description }),
    ImportState: there ? 'IMPORTED' : 'PENDING_IMPORT',
    ...(there && expiry(imported)),
  };
}
