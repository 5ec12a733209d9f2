import { createHmac } from 'node:crypto';
import type { Secret } from '../base/secret.js';
import { KmsError } from '../encryption/ports.js';
import type { Call } from './call.js';
import { requireWrappingAlgorithm, type WrappingAlgorithm } from './crypto/import-wrapping.js';
import { unsupported } from './errors.js';
import { type BackingKey, isPrimary, type KeyRecord } from './key-record.js';
import { invalidState, isPendingDeletion, requireState, stateOf } from './states.js';

/**
 * Which material fits into which wrapping.
 * https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-get-public-key-and-token.html
 */
export function requireWrappable(call: Call, record: KeyRecord, name: string, spec: string): WrappingAlgorithm {
  requireState('not pending deletion', call.keys.stateOf(record), call.keys.arn(record));
  const algorithm = requireWrappingAlgorithm(name);
  const direct = algorithm.startsWith('RSAES');
  const tooLarge =
    record.spec.startsWith('RSA') ||
    record.spec.startsWith('ML_') ||
    (record.spec === 'ECC_NIST_P521' && spec === 'RSA_2048');
  if (direct && tooLarge) {
    throw unsupported(`Wrapping algorithm ${algorithm} is not valid for key spec ${record.spec} under ${spec}.`);
  }
  return algorithm;
}

/**
 * The id of imported material follows from key and material: the same material has the same id again. It is a keyed hash under the
 * key's own salt, which never leaves the sealed record, so the id tells nothing about weak material.
 */
export function importedId({ keyId, importSalt }: KeyRecord, material: Secret): string {
  const salt = Buffer.from(importSalt!, 'base64');
  return createHmac('sha256', salt)
    .update(`coffer/kms/imported-material\0${keyId}\0`)
    .update(material.expose())
    .digest('hex');
}

export interface Imported {
  id: string;
  wrapped: string;
  publicKey?: string | undefined;
  description?: string | undefined;
  validToMs?: number | undefined;
  nowMs: number;
}

/** Puts imported material into the record: new, waiting for a rotation, or back where it was. @throws KmsError */
export function addImported(
  record: KeyRecord,
  imported: Imported,
  importType: 'NEW_KEY_MATERIAL' | 'EXISTING_KEY_MATERIAL' | undefined,
  arn: string,
): KeyRecord {
  const known = record.backingKeys.find((one) => one.id === imported.id);
  const type = importType ?? (record.backingKeys.length === 0 ? 'NEW_KEY_MATERIAL' : 'EXISTING_KEY_MATERIAL');
  const state = stateOf(record, imported.nowMs) === 'PendingImport' ? enabled(record) : record.state;
  if (known) return replaceBacking({ ...record, state }, withMaterial(known, imported));
  if (
    !isPrimary(record) ||
    (record.backingKeys.length > 0 && (type === 'EXISTING_KEY_MATERIAL' || record.spec !== 'SYMMETRIC_DEFAULT'))
  ) {
    throw new KmsError(
      'IncorrectKeyMaterialException',
      'The key material is not the material that was imported into this KMS key before.',
    );
  }
  if (type === 'EXISTING_KEY_MATERIAL') {
    throw new KmsError('IncorrectKeyMaterialException', 'No key material was imported into this KMS key before.');
  }
  const waiting = record.backingKeys.find((one) => one.pending);
  if (waiting) {
    throw invalidState(
      `New key material (id: ${imported.id}) cannot be imported into KMS key ${arn}, because another key material (id: ${waiting.id}) is pending rotation.`,
    );
  }
  const added = withMaterial({ id: imported.id, createdMs: imported.nowMs }, imported);
  const pending = record.backingKeys.length > 0 && { pending: true as const };
  return { ...record, state, backingKeys: [...record.backingKeys, { ...added, ...pending }] };
}

/** The material goes, its id stays: only the same can come back. @throws NotFoundException */
export function dropMaterial(record: KeyRecord, id: string): KeyRecord {
  const known = record.backingKeys.find((one) => one.id === id);
  if (!known || known.wrapped === undefined) return record;
  // What never encrypted anything leaves nothing behind.
  if (known.pending && isPrimary(record))
    return { ...record, backingKeys: record.backingKeys.filter((one) => one !== known) };
  const { wrapped: _, ...rest } = known;
  const { description } = known.imported!;
  const gone: BackingKey = { ...rest, imported: description === undefined ? {} : { description } };
  return replaceBacking({ ...record, state: enabled(record) }, gone);
}

/** PendingImport follows from the material; a key that waited for it is enabled when it is all there, whatever it was before. */
const enabled = ({ state }: KeyRecord): KeyRecord['state'] => (isPendingDeletion(state) ? state : 'Enabled');

function withMaterial(backing: BackingKey, { wrapped, publicKey, description, validToMs }: Imported): BackingKey {
  const kept = description ?? backing.imported?.description;
  return {
    ...backing,
    wrapped,
    ...(publicKey !== undefined && { publicKey }),
    imported: { ...(kept !== undefined && { description: kept }), ...(validToMs !== undefined && { validToMs }) },
  };
}

const replaceBacking = (record: KeyRecord, backing: BackingKey): KeyRecord => ({
  ...record,
  backingKeys: record.backingKeys.map((one) => (one.id === backing.id ? backing : one)),
});
