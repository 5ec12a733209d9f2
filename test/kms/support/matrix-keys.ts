import { ANONYMOUS } from '../../../src/auth/ports.js';
import type { KmsCallerContext } from '../../../src/encryption/ports.js';
import { sealBlob } from '../../../src/kms/ciphertext-blob.js';
import type { Committing } from '../../../src/kms/committing.js';
import { defaultPolicy } from '../../../src/kms/default-policies.js';
import type { GrantConstraints, GrantOperation } from '../../../src/kms/grant-record.js';
import type { KeyRecord } from '../../../src/kms/key-record.js';
import { HOME } from '../../../src/kms/place.js';
import { parseIdentityPolicy } from '../../../src/policy/parse.js';
import { MemoryMetaStore } from '../../../src/store/memory/meta-store.js';
import type { CommitBuilder } from '../../../src/store/table.js';
import { ACCOUNT, makeKms, REGION, viaS3, who } from '../harness.js';
import { MemoryAudit } from '../memory-audit.js';
import {
  type Context,
  GRANTABLE,
  type GrantName,
  type Kind,
  type PolicyName,
  type State,
  WHO,
  type Who,
} from './matrix-model.js';

export const arnOf = ({ kind, accountId, name }: Who): string =>
  kind === 'root' ? `arn:aws:iam::${accountId}:root` : `arn:aws:iam::${accountId}:${kind}/${name}`;

const identity = (Effect: string) =>
  parseIdentityPolicy({ Version: '2012-10-17', Statement: [{ Effect, Action: 'kms:*', Resource: '*' }] });
const IDENTITY = { none: [], allows: [identity('Allow')], denies: [identity('Allow'), identity('Deny')] };

export function callerOf(one: Who, throughS3: boolean): KmsCallerContext {
  const policies = IDENTITY[one.identity];
  const { kind, accountId, name } = one;
  const caller = kind === 'anonymous' ? ANONYMOUS : { kind, accountId, arn: arnOf(one), userName: name, policies };
  return throughS3 ? viaS3(who(caller)) : who(caller);
}

const named = WHO.filter(({ kind }) => kind === 'user' || kind === 'role').map(arnOf);
const all = { Action: 'kms:*', Resource: '*' };
const everyone = (conditions: object) => ({
  Effect: 'Allow',
  Principal: '*',
  ...all,
  Condition: { StringEquals: conditions },
});
const trusted = JSON.parse(defaultPolicy(ACCOUNT, REGION)).Statement as object[];
const STATEMENTS: Record<PolicyName, object[]> = {
  default: trusted,
  names: [{ Effect: 'Allow', Principal: { AWS: named }, ...all }],
  nobody: [{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/nobody` }, ...all }],
  denies: [
    ...trusted,
    { Effect: 'Allow', Principal: { AWS: named }, ...all },
    { Effect: 'Deny', Principal: '*', ...all },
  ],
  'via S3': [everyone({ 'kms:ViaService': `s3.${REGION}.amazonaws.com` })],
  'own account': [everyone({ 'kms:CallerAccount': ACCOUNT })],
  'context a=b': [everyone({ 'kms:EncryptionContext:a': 'b' })],
};

const SPECS = {
  symmetric: { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' },
  pair: { spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY' },
  mac: { spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC' },
  multiRegion: {
    spec: 'SYMMETRIC_DEFAULT',
    usage: 'ENCRYPT_DECRYPT',
    multiRegion: { primary: HOME, replicas: [] as string[] },
  },
  encapsulation: { spec: 'ML_KEM_512', usage: 'ENCAPSULATE_DECAPSULATE' },
  agreement: { spec: 'ECC_NIST_P256', usage: 'KEY_AGREEMENT' },
} as const;

const CONSTRAINTS: Record<GrantName, GrantConstraints | undefined> = {
  none: undefined,
  'for it': undefined,
  'equals a=b': { EncryptionContextEquals: { a: 'b' } },
  'subset a=b': { EncryptionContextSubset: { a: 'b' } },
  'for another': undefined,
};

/** Commits nothing while it is frozen, and says that it did: what a request would change stays as it was. */
class FreezingAudit extends MemoryAudit {
  frozen = false;
  override async commit(commit: CommitBuilder, event: Parameters<MemoryAudit['commit']>[1]): Promise<boolean> {
    return this.frozen || super.commit(commit, event);
  }
}

/** A key service whose keys stay what they are, and that tells how often key material was touched. */
export function makeFrozenKms() {
  const meta = new MemoryMetaStore();
  const audit = new FreezingAudit(meta);
  const service = makeKms(meta, { audit });
  const { ring, keys } = service;
  const { wraps } = ring;
  const touched: string[] = [];
  for (const name of ['cipher', 'key', 'publicKey', 'wrap', 'rewrap'] as const) {
    const original = wraps[name].bind(wraps) as (...values: unknown[]) => never;
    wraps[name] = (...values: unknown[]) => {
      touched.push(name);
      return original(...values);
    };
  }
  const plainly: Committing = (commit) => meta.commit(commit.build());
  const make = async (kind: Kind, state: State, policy: PolicyName, grant: GrantName): Promise<KeyRecord> => {
    const origin = state === 'PendingImport' ? 'EXTERNAL' : 'AWS_KMS';
    const text = JSON.stringify({ Version: '2012-10-17', Statement: STATEMENTS[policy] });
    const fresh = { accountId: ACCOUNT, description: '', manager: 'CUSTOMER', policy: text, tags: [], origin } as const;
    const made = (await keys.create({ ...fresh, tags: [], ...SPECS[kind] }, plainly))!;
    const stored = state === 'PendingImport' ? 'Enabled' : state;
    const deletionMs = service.clock.now() + 1e9;
    const pending = state === 'PendingDeletion' && { deletionMs };
    const record = await ring.update(made, plainly, (found) => ({ ...found, state: stored, ...pending }));
    if (grant === 'none') return record;
    const operations = (grant === 'for another' ? ['RetireGrant'] : GRANTABLE[kind]) as GrantOperation[];
    const constraints = CONSTRAINTS[grant];
    for (const grantee of named) {
      const given = { accountId: ACCOUNT, keyId: made.keyId, createdMs: 0, issuingAccountId: ACCOUNT };
      const grant = { ...given, grantee, operations: [...operations], ...(constraints && { constraints }) };
      await ring.grants.create(ring.grants.draw(grant), plainly);
    }
    return record;
  };
  /** A ciphertext under the key: without material one that only names it. */
  const blobOf = (record: KeyRecord, context: Context): string => {
    const backing = record.backingKeys.at(-1);
    const header = { keyId: record.keyId, backingKeyId: backing?.id ?? 'ab'.repeat(32) };
    const other = { seal: () => Buffer.alloc(60) };
    const cipher = backing ? wraps.cipher(record, backing) : (other as never);
    return sealBlob(cipher, header, context, Buffer.from('a secret')).toString('base64');
  };
  return { ...service, audit, make, blobOf, touched };
}
