import { StoreDamaged } from '../../base/damaged.js';
import {
  ALL_BACKUPS,
  ALL_CERTIFICATES,
  ALL_CLUSTERS,
  ALL_DELETED_KEYS,
  ALL_POLICIES,
  ALL_TAGS,
  BACKUP,
  CERTIFICATES,
  CLUSTER,
  RESOURCE_POLICY,
  TAGS,
} from '../../cloudhsm/records.js';
import type { ObjectIds } from '../../encryption/object-ids.js';
import { StoreKeyChange } from '../../encryption/store-key.js';
import type { WrappedDataKey } from '../../encryption/wrapped-key.js';
import { ALIAS, ALL_ALIASES } from '../../kms/alias-record.js';
import { ALL_LAST_USES, CHAIN_ROWS, LAST_USE } from '../../kms/audit/rows.js';
import { ALL_GRANTS, ALL_RETIRABLE, GRANT } from '../../kms/grant-record.js';
import { HOME_REGION, HOME_REGION_ROW } from '../../kms/home-region.js';
import { ALL_KEY_TEXTS, ALL_KEYS, KEY, KEY_TEXT } from '../../kms/key-record.js';
import { ALL_KEY_STORES, ALL_MEMBERS, ALL_ORPHANS, KEY_STORES } from '../../kms/key-stores/record.js';
import { ALL_TIMERS } from '../../kms/key-timers.js';
import { SHRED_MARK_KEY } from '../../kms/shred.js';
import { CHECK_VALUE_KEY } from '../../seal/check-value.js';
import type { RootKey } from '../../seal/root-key.js';
import { ROTATION_MARK_KEY } from '../../seal/rotation-mark.js';
import { KEY_INDEX, KEY_INDEX_STATE } from '../../store/key-index-build.js';
import { ALL_LEASES, bucketIdOf, jobKey, TAG } from '../../store/keys.js';
import {
  BUCKET,
  BUCKET_CONFIG,
  BUCKET_POLICY,
  DEAD,
  INTENT,
  LIFECYCLE_PROGRESS,
  MANIFEST_PAGE,
  OBJECT,
  type ObjectRecord,
  PART,
  RENAME_TOKEN,
  REPLICATION_FAILURE,
  REPLICATION_TASK,
  UPLOAD,
  type UploadRecord,
} from '../../store/records.js';

/** A row as it is sealed anew. */
export interface RekeyedRow {
  key: Buffer;
  /** What the row before it, of the same kind, holds by now: for records that are chained. Undefined for the first. */
  previous: Buffer | undefined;
}

/** Makes the plaintext that is to be sealed under the new root key. It may answer the one it was given. */
export type Rekey = (plaintext: Buffer, row: RekeyedRow) => Buffer;

/** What lies under one prefix of row keys in `meta` (storage/README.md), as far as the root key is concerned. */
export interface RecordKind {
  prefix: Uint8Array;
  /** The type it is sealed as. Undefined: these rows aren't sealed, or are the rotation's own last step. */
  type: string | undefined;
  /** For records whose content depends on the root key too (a wrap under a derived key, a MAC). */
  rekey?(from: RootKey, to: RootKey): Rekey;
}

/** Every kind of row there is. A rotation refuses to begin where the store has a row of no kind that stands here. */
export const RECORD_KINDS: readonly RecordKind[] = [
  { prefix: TAG.bucket, type: BUCKET.type },
  { prefix: TAG.bucketOfAccount, type: undefined },
  { prefix: TAG.bucketPolicy, type: BUCKET_POLICY.type },
  { prefix: TAG.bucketConfig, type: BUCKET_CONFIG.type },
  { prefix: TAG.current, type: OBJECT.type, rekey: rewrapObjects },
  { prefix: TAG.version, type: OBJECT.type, rekey: rewrapObjects },
  { prefix: TAG.inlineBody, type: undefined },
  { prefix: TAG.manifestPage, type: MANIFEST_PAGE.type },
  { prefix: TAG.upload, type: UPLOAD.type, rekey: rewrapUploads },
  { prefix: TAG.part, type: PART.type },
  { prefix: TAG.renameToken, type: RENAME_TOKEN.type },
  { prefix: TAG.versionPlace, type: undefined },
  { prefix: TAG.replicationTask, type: REPLICATION_TASK.type },
  { prefix: TAG.replicationFailure, type: REPLICATION_FAILURE.type },
  { prefix: TAG.intent, type: INTENT.type },
  { prefix: TAG.dead, type: DEAD.type },
  { prefix: ALL_KEYS, type: KEY.type },
  { prefix: ALL_KEY_TEXTS, type: KEY_TEXT.type },
  { prefix: ALL_ALIASES, type: ALIAS.type },
  { prefix: ALL_GRANTS, type: GRANT.type },
  { prefix: ALL_RETIRABLE, type: undefined },
  { prefix: ALL_TIMERS, type: undefined },
  { prefix: ALL_KEY_STORES, type: KEY_STORES.type },
  { prefix: ALL_MEMBERS, type: undefined },
  { prefix: ALL_ORPHANS, type: undefined },
  { prefix: HOME_REGION_ROW, type: HOME_REGION.type },
  { prefix: SHRED_MARK_KEY, type: undefined },
  { prefix: ALL_LAST_USES, type: LAST_USE.type },
  // Chained: a step of its own seals them (steps.ts).
  { prefix: CHAIN_ROWS, type: undefined },
  { prefix: ALL_CLUSTERS, type: CLUSTER.type },
  { prefix: ALL_CERTIFICATES, type: CERTIFICATES.type },
  { prefix: ALL_BACKUPS, type: BACKUP.type },
  { prefix: ALL_TAGS, type: TAGS.type },
  { prefix: ALL_POLICIES, type: RESOURCE_POLICY.type },
  { prefix: ALL_DELETED_KEYS, type: undefined },
  { prefix: TAG.keyUse, type: undefined },
  { prefix: jobKey('lifecycle'), type: LIFECYCLE_PROGRESS.type },
  { prefix: KEY_INDEX_STATE, type: KEY_INDEX.type },
  { prefix: ALL_LEASES, type: undefined },
  { prefix: CHECK_VALUE_KEY, type: undefined },
  { prefix: ROTATION_MARK_KEY, type: undefined },
];

function rewrapObjects(from: RootKey, to: RootKey): Rekey {
  const change = new StoreKeyChange(from, to);
  return inJson<ObjectRecord>(OBJECT.version, (record, { key }) => {
    const { content, objectId } = record;
    if (!content) return record;
    const encryption = change.rewrap(idsOf(key, objectId), content.encryption as WrappedDataKey);
    return encryption === content.encryption ? record : { ...record, content: { ...content, encryption } };
  });
}

function rewrapUploads(from: RootKey, to: RootKey): Rekey {
  const change = new StoreKeyChange(from, to);
  return inJson<UploadRecord>(UPLOAD.version, (record, { key }) => {
    const encryption = change.rewrap(idsOf(key, record.objectId), record.encryption as WrappedDataKey);
    return encryption === record.encryption ? record : { ...record, encryption };
  });
}

const idsOf = (rowKey: Buffer, objectId: string): ObjectIds => ({
  bucketId: bucketIdOf(rowKey),
  objectId: Buffer.from(objectId, 'hex'),
});

/** u8 version ‖ JSON, as Table writes it. What `change` gives back as it was keeps its bytes, an older shape included. */
function inJson<T>(newest: number, change: (record: T, row: RekeyedRow) => T): Rekey {
  return (plaintext, row) => {
    if (plaintext[0]! > newest)
      throw new StoreDamaged(`a record has version ${plaintext[0]}, this Coffer writes ${newest}`);
    const record = JSON.parse(plaintext.toString('utf8', 1)) as T;
    const changed = change(record, row);
    if (changed === record) return plaintext;
    return Buffer.concat([plaintext.subarray(0, 1), Buffer.from(JSON.stringify(changed))]);
  };
}
