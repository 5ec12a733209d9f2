import { utf8 } from '../base/bytes.js';
import { TAG } from '../store/keys.js';
import type { Shape } from '../store/table.js';
import type { KeySpec, KeyUsage } from './crypto/key-spec.js';
import { type Place, placeOf } from './place.js';

/** One backing key of a CMK. Old ones stay: what they encrypted decrypts for as long as the CMK lives. */
export interface BackingKey {
  /** Key material id, 64 hexadecimal digits: random, or of imported material what `import-id.ts` says. */
  id: string;
  /**
   * The material, XAES-256-GCM under the key-store key, base64. Absent where imported material was deleted or has expired, and in
   * CloudHSM key stores, where it never was Coffer's.
   */
  wrapped?: string;
  /** SubjectPublicKeyInfo (DER), base64, of asymmetric keys. */
  publicKey?: string;
  /** When it was made or first imported. */
  createdMs: number;
  /** Absent for the first, and for what waits for its rotation. */
  rotation?: 'ON_DEMAND' | 'AUTOMATIC';
  /** When the rotation to it took place, where that isn't `createdMs`. */
  rotatedMs?: number;
  /** Imported material. */
  imported?: { description?: string; validToMs?: number };
  /** Imported for a rotation that hasn't come yet: it encrypts nothing. */
  pending?: true;
}

/** Where a multi-Region key is. */
export interface MultiRegion {
  primary: Place;
  /** In the order they were made. */
  replicas: Place[];
}

export interface KeyRecord {
  /** UUID; `mrk-` and its digits of a multi-Region key. */
  keyId: string;
  accountId: string;
  /** Absent: COFFER_REGION. */
  region?: string;
  /** Of a multi-Region key: the same in each of its regions. */
  multiRegion?: MultiRegion;
  createdMs: number;
  manager: 'AWS' | 'CUSTOMER';
  /** The service that an AWS-managed key is for: `s3` of `alias/aws/s3`. */
  service?: string;
  spec: KeySpec;
  usage: KeyUsage;
  origin: 'AWS_KMS' | 'EXTERNAL' | 'AWS_CLOUDHSM' | 'EXTERNAL_KEY_STORE';
  /** The custom key store that it lies in, and what the holder there calls it. Its member row is `key-stores/record.ts`. */
  keyStore?: { id: string; reference: string };
  /** What was asked for; PendingImport follows from the backing keys (`states.ts`). */
  state: 'Enabled' | 'Disabled' | 'PendingDeletion' | 'PendingReplicaDeletion';
  /** While PendingDeletion: when the key is destroyed. */
  deletionMs?: number;
  /** While PendingReplicaDeletion: for how many days it waits once the last replica is gone. */
  deletionDays?: number;
  /** Oldest first; the last one that isn't pending encrypts. */
  backingKeys: BackingKey[];
  /** Automatic rotation: the period in days, and when the next one is due. */
  rotation?: { periodDays: number; nextMs: number };
  /** 32 bytes, base64: makes ids of imported material that tell nothing about it. */
  importSalt?: string;
  description: string;
  /** As it was put, JSON. That of an AWS-managed key is the code's (`default-policies.ts`). */
  policy: string;
  tags: [key: string, value: string][];
}

/** AWS-managed keys rotate yearly. */
export const MANAGED_ROTATION_DAYS = 365;

type TextMember = 'description' | 'policy' | 'tags';
/** The row of the key itself: small whatever its owner writes about it, so that a rotation never fails for want of room. */
export type KeyCore = Omit<KeyRecord, TextMember> & { text?: KeyText };
/** What its owner wrote about it, in a row beside it. */
export type KeyText = Pick<KeyRecord, TextMember>;

export const KEY: Shape<KeyCore> = { type: 'kms-key', version: 2, migrate: fromFirstShape };
export const KEY_TEXT: Shape<KeyText> = { type: 'kms-key-text', version: 1 };

/** Version 1 knew symmetric keys only, rotated none by itself, and kept all in one row. */
function fromFirstShape(json: unknown): KeyCore {
  const { description, policy, tags, ...core } = json as KeyCore & KeyText;
  const rotation = { periodDays: MANAGED_ROTATION_DAYS, nextMs: core.createdMs + MANAGED_ROTATION_DAYS * 86_400_000 };
  const managed = core.manager === 'AWS' ? { service: 's3', rotation } : {};
  return {
    ...core,
    ...managed,
    spec: 'SYMMETRIC_DEFAULT',
    usage: 'ENCRYPT_DECRYPT',
    origin: 'AWS_KMS',
    text: { description, policy, tags },
  };
}

const row = (text: string): Buffer => Buffer.concat([TAG.kms, utf8(text)]);

/** `accountId`: as `accountAt` says. Accounts have 12 digits and key ids 36 characters: neither needs an end mark. */
export const keyRow = (accountId: string, keyId: string): Buffer => row(`k/${accountId}/${keyId}`);
export const keyTextRow = (accountId: string, keyId: string): Buffer => row(`x/${accountId}/${keyId}`);
export const keysOf = (accountId: string): Buffer => row(`k/${accountId}/`);
export const ALL_KEYS = row('k/');
export const ALL_KEY_TEXTS = row('x/');

/** The backing key that encrypts; undefined where nothing was imported yet. */
export const currentBacking = (record: Pick<KeyRecord, 'backingKeys'>): BackingKey | undefined =>
  record.backingKeys.findLast((one) => !one.pending);

/** A key whose waiting period is over is gone, whether or not its row still lies there. */
export const isOver = ({ state, deletionMs }: Pick<KeyRecord, 'state' | 'deletionMs'>, nowMs: number): boolean =>
  state === 'PendingDeletion' && deletionMs! <= nowMs;

/** Whether what the regions of a key share is changed here: of a single-Region key always. */
export const isPrimary = (record: Pick<KeyRecord, 'region' | 'multiRegion'>): boolean =>
  record.multiRegion === undefined || record.multiRegion.primary === placeOf(record);
