import { KMS_CIPHERTEXT_MAX_BYTES } from '../../base/limits.js';
import { Secret } from '../../base/secret.js';
import { KmsError } from '../../encryption/ports.js';
import { keyAction } from '../action.js';
import type { RequestFacts } from '../conditions.js';
import { importMaterial } from '../crypto/import-material.js';
import { unwrapImported } from '../crypto/import-wrapping.js';
import type { KeyMaterial } from '../crypto/material.js';
import { validation } from '../errors.js';
import type { Input } from '../fields.js';
import { addImported, importedId } from '../import.js';
import { type ImportTicket, invalidToken, openTicket } from '../import-token.js';
import type { KeyRecord } from '../key-record.js';
import { requireState } from '../states.js';

const TYPES = ['NEW_KEY_MATERIAL', 'EXISTING_KEY_MATERIAL'] as const;
const MODELS = ['KEY_MATERIAL_EXPIRES', 'KEY_MATERIAL_DOES_NOT_EXPIRE'] as const;
const VALID_DAYS_MAX = 365;

export const importKeyMaterial = keyAction({
  name: 'ImportKeyMaterial',
  input: (input) => ({
    token: input.requiredBlob('ImportToken', { min: 1, max: KMS_CIPHERTEXT_MAX_BYTES }),
    encrypted: input.requiredBlob('EncryptedKeyMaterial', { min: 1, max: KMS_CIPHERTEXT_MAX_BYTES }),
    model: input.oneOf('ExpirationModel', MODELS) ?? 'KEY_MATERIAL_EXPIRES',
    validToMs: input.timestamp('ValidTo'),
    type: input.oneOf('ImportType', TYPES),
    description: input.text('KeyMaterialDescription', { max: 256, pattern: '^[a-zA-Z0-9:/_\\s.-]+$' }),
    materialId: readMaterialId(input),
  }),
  needs: ({ model, validToMs }): RequestFacts => ({
    keys: {
      'kms:expirationmodel': model,
      'kms:validto': validToMs === undefined ? undefined : new Date(validToMs).toISOString(),
    },
  }),
  states: 'any',
  origin: 'EXTERNAL',
  async handle({ token, encrypted, model, validToMs, type, description, materialId }, record, call) {
    const { keys } = call;
    const nowMs = keys.clock.now();
    requireState('not pending deletion', keys.stateOf(record), keys.arn(record));
    requireExpiry(model, validToMs, nowMs, keys.dayMs);
    if (materialId !== undefined && type === 'NEW_KEY_MATERIAL') {
      throw validation('KeyMaterialId cannot be specified with the ImportType NEW_KEY_MATERIAL.');
    }
    if (record.spec !== 'SYMMETRIC_DEFAULT' && (type ?? description ?? materialId) !== undefined) {
      throw validation('ImportType, KeyMaterialDescription and KeyMaterialId are for symmetric encryption keys alone.');
    }
    const ticket = openTicket(keys.parts.tokenCipher, token);
    const isIts = ticket.keyId === record.keyId && ticket.accountId === record.accountId;
    if (!isIts || ticket.region !== record.region) throw invalidToken();
    if (ticket.validToMs <= nowMs) {
      throw new KmsError('ExpiredImportTokenException', 'The import token has expired.');
    }
    const material = await materialOf(record, ticket, encrypted);
    try {
      const id = importedId(record, material.secret);
      if (materialId !== undefined && !(materialId === id && record.backingKeys.some((one) => one.id === id))) {
        throw new KmsError(
          'IncorrectKeyMaterialException',
          'The key has no such key material with the given KeyMaterialId.',
        );
      }
      call.note({ keyMaterialId: id, details: { ExpirationModel: model } });
      await keys.ring.update(record, call.committing, (found) => {
        call.requireStill(found, 'not pending deletion');
        const wrapped = keys.ring.wraps.wrap(found, id, material.secret);
        const publicKey = material.publicKey?.toString('base64');
        const imported = { id, wrapped, publicKey, description, validToMs, nowMs };
        return addImported(found, imported, type, keys.arn(found));
      });
      return { KeyId: keys.arn(record), KeyMaterialId: id };
    } finally {
      material.secret.dispose();
    }
  },
});

/** What the ticket's key unwraps. Neither is left in memory, also where they are no good. */
async function materialOf({ spec }: KeyRecord, ticket: ImportTicket, encrypted: Buffer): Promise<KeyMaterial> {
  const wrappingKey = new Secret(ticket.privateKey);
  let plaintext: Secret | undefined;
  try {
    plaintext = unwrapImported(ticket.algorithm, wrappingKey, encrypted);
    return await importMaterial(spec, plaintext);
  } finally {
    wrappingKey.dispose();
    plaintext?.dispose();
  }
}

/** BackingKeyIdType of the API model. */
export const readMaterialId = (input: Input): string | undefined =>
  input.text('KeyMaterialId', { min: 64, max: 64, pattern: '^[a-f0-9]+$' });

function requireExpiry(model: string, validToMs: number | undefined, nowMs: number, dayMs: number): void {
  if (model === 'KEY_MATERIAL_DOES_NOT_EXPIRE') {
    if (validToMs !== undefined) {
      throw validation('A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE');
    }
    return;
  }
  if (validToMs === undefined) {
    throw validation('A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES');
  }
  if (validToMs <= nowMs || validToMs > nowMs + VALID_DAYS_MAX * Math.max(dayMs, DAY_MS)) {
    throw validation(`The validTo date must be in the future, by ${VALID_DAYS_MAX} days at most.`);
  }
}

/** A shortened day (`COFFER_DAY_SECONDS`) shortens what Coffer waits, not the dates that clients give. */
const DAY_MS = 86_400_000;
