import type { Caller } from '../../src/auth/ports.js';
import { ManualClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';
import type { KmsCallerContext } from '../../src/encryption/ports.js';
import { KeyRing } from '../../src/kms/key-ring.js';
import { Keys } from '../../src/kms/keys.js';
import { Kms } from '../../src/kms/kms.js';
import { parseIdentityPolicy } from '../../src/policy/parse.js';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { RootKey } from '../../src/seal/root-key.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { MetaStore } from '../../src/store/ports.js';

export const ACCOUNT = '111111111111';
export const OTHER_ACCOUNT = '222222222222';
export const REGION = 'us-east-1';
export const DAY_MS = 86_400_000;

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  json: any;
}

/** A key service over a store in memory, and short ways to ask it. */
export function makeKms(meta: MetaStore = new MemoryMetaStore()) {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const sealer = new RootSealer(new RootKey(new Secret(Buffer.alloc(32, 7))));
  const ring = new KeyRing(meta, sealer, new Secret(Buffer.alloc(32, 9)), clock);
  const kms = new Kms(new Keys(ring, REGION, clock, DAY_MS));
  const ask = async (action: string, input: object = {}, who = root()): Promise<Answer> =>
    kms.dispatch(`TrentService.${action}`, Buffer.from(JSON.stringify(input)), who);
  const createKey = async (input: object = {}): Promise<{ KeyId: string; Arn: string }> =>
    (await ask('CreateKey', input)).json.KeyMetadata;
  return { kms, ring, clock, meta, ask, createKey };
}

export const root = (accountId = ACCOUNT): KmsCallerContext => who({ kind: 'root', accountId });

export const user = (statements: object[] = [], accountId = ACCOUNT): KmsCallerContext => {
  const policies =
    statements.length === 0 ? [] : [parseIdentityPolicy({ Version: '2012-10-17', Statement: statements })];
  return who({ kind: 'user', accountId, arn: `arn:aws:iam::${accountId}:user/alice`, userName: 'alice', policies });
};

export const viaS3 = (context: KmsCallerContext): KmsCallerContext => ({
  ...context,
  viaService: `s3.${REGION}.amazonaws.com`,
});

export function who(caller: Partial<Caller>): KmsCallerContext {
  const accountId = caller.accountId ?? ACCOUNT;
  const arn = `arn:aws:iam::${accountId}:root`;
  const rest = { userId: accountId, canonicalUserId: accountId, displayName: '', accessKeyId: 'AKIA', policies: [] };
  return { caller: { kind: 'root', accountId, arn, ...rest, ...caller }, requestId: 'test' };
}
