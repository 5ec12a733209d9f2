import { algorithmsOf } from './crypto/key-spec.js';
import { currentBacking, isPrimary, type KeyRecord, type MultiRegion } from './key-record.js';
import { keyArn } from './key-reference.js';
import type { Keys } from './keys.js';
import type { Place } from './place.js';

/** KeyMetadata of the API model. https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html */
export async function metadata(record: KeyRecord, keys: Keys): Promise<Record<string, unknown>> {
  const { region } = keys;
  const state = await keys.shownState(record);
  const current = currentBacking(record);
  const imported = state === 'PendingImport' ? undefined : current?.imported;
  return {
    AWSAccountId: record.accountId,
    KeyId: record.keyId,
    Arn: keyArn(region, record),
    CreationDate: record.createdMs / 1000,
    Enabled: state === 'Enabled',
    Description: record.description,
    KeyUsage: record.usage,
    KeyState: state,
    ...(record.deletionMs !== undefined && { DeletionDate: record.deletionMs / 1000 }),
    Origin: record.origin,
    ...(record.keyStore && (await keyStoreMembers(record, keys))),
    ...(imported && expiry(imported)),
    KeyManager: record.manager,
    CustomerMasterKeySpec: record.spec,
    KeySpec: record.spec,
    ...algorithmsOf(record.spec, record.usage),
    MultiRegion: record.multiRegion !== undefined,
    ...(record.multiRegion && { MultiRegionConfiguration: configuration(record, record.multiRegion, keys) }),
    ...(record.deletionDays !== undefined && { PendingDeletionWindowInDays: record.deletionDays }),
    ...(record.spec === 'SYMMETRIC_DEFAULT' && current && { CurrentKeyMaterialId: current.id }),
  };
}

async function keyStoreMembers({ accountId, keyStore }: KeyRecord, { stores }: Keys): Promise<Record<string, unknown>> {
  const { id, reference } = keyStore!;
  const { backing } = await stores.book.find(accountId, id);
  return {
    CustomKeyStoreId: id,
    ...(backing.type === 'AWS_CLOUDHSM'
      ? { CloudHsmClusterId: backing.clusterId }
      : { XksKeyConfiguration: { Id: reference } }),
  };
}

function configuration(record: KeyRecord, { primary, replicas }: MultiRegion, keys: Keys): Record<string, unknown> {
  const shown = (place: Place) => {
    const region = keys.regionAt(place);
    return { Arn: keyArn(region, record), Region: region };
  };
  return {
    MultiRegionKeyType: isPrimary(record) ? 'PRIMARY' : 'REPLICA',
    PrimaryKey: shown(primary),
    ReplicaKeys: replicas.map(shown),
  };
}

/** ExpirationModel and ValidTo of imported material. */
export const expiry = ({ validToMs }: { validToMs?: number }): Record<string, unknown> =>
  validToMs === undefined
    ? { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' }
    : { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: validToMs / 1000 };
