import { action } from '../action.js';
import { page, readPage } from '../paging.js';

export const listKeyRotations = action({
  name: 'ListKeyRotations',
  input: (input) => ({
    ...readPage(input, { limit: 100, max: 1000 }),
    keyId: input.requiredText('KeyId', { min: 1, max: 2048 }),
    include: input.oneOf('IncludeKeyMaterial', ['ALL_KEY_MATERIAL', 'ROTATIONS_ONLY']) ?? 'ROTATIONS_ONLY',
  }),
  async handle({ keyId, include, limit, after }, who, keys) {
    const record = await keys.require(who, 'kms:ListKeyRotations', keyId);
    const materials = record.backingKeys.filter((one) => include === 'ALL_KEY_MATERIAL' || one.rotation !== undefined);
    const from = after === '' ? 0 : materials.findIndex((one) => one.id === after) + 1;
    const { shown, ...rest } = page(materials.slice(from), limit, (one) => one.id);
    const current = record.backingKeys.at(-1)!.id;
    return {
      Rotations: shown.map((one) => ({
        KeyId: keys.arn(record),
        KeyMaterialId: one.id,
        KeyMaterialState: one.id === current ? 'CURRENT' : 'NON_CURRENT',
        ...(one.rotation ? { RotationDate: one.createdMs / 1000, RotationType: one.rotation } : {}),
      })),
      ...rest,
    };
  },
});
