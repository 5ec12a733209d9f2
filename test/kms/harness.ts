import type { Caller } from '../../src/auth/ports.js';
import { ManualClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';
import type { KmsCallerContext } from '../../src/encryption/ports.js';
import { AliasBook } from '../../src/kms/alias-book.js';
import { noSuchKey } from '../../src/kms/errors.js';
import { GrantBook } from '../../src/kms/grant-book.js';
import { KeyKeeper } from '../../src/kms/key-keeper.js';
import { keyArn } from '../../src/kms/key-reference.js';
import { KeyRing } from '../../src/kms/key-ring.js';
import { KeyStoreBook } from '../../src/kms/key-stores/book.js';
import { Holders } from '../../src/kms/key-stores/holders.js';
import { KeyStores } from '../../src/kms/key-stores/key-stores.js';
import type { Clusters } from '../../src/kms/key-stores/ports.js';
import { XksCounts } from '../../src/kms/key-stores/xks/counts.js';
import { type XksSettings, XksTransport } from '../../src/kms/key-stores/xks/transport.js';
import { KeyWraps } from '../../src/kms/key-wraps.js';
import { Keys, type KmsParts } from '../../src/kms/keys.js';
import { Kms } from '../../src/kms/kms.js';
import { HOME, type Place } from '../../src/kms/place.js';
import { Regions } from '../../src/kms/regions.js';
import { parseIdentityPolicy } from '../../src/policy/parse.js';
import { RootSealer } from '../../src/seal/record-sealer.js';
import { RootKey } from '../../src/seal/root-key.js';
import { Xaes } from '../../src/seal/xaes.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { MetaStore } from '../../src/store/ports.js';
import { MemoryAudit } from './memory-audit.js';

export const ACCOUNT = '111111111111';
export const OTHER_ACCOUNT = '222222222222';
export const REGION = 'us-east-1';
/** Served besides. */
export const OTHER_REGION = 'ap-southeast-1';
export const DAY_MS = 86_400_000;

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  json: any;
}

/** A key service over a store in memory, in two regions, and short ways to ask it. `keyStoreKey`: 32 bytes. */
export function makeKms(
  meta: MetaStore = new MemoryMetaStore(),
  { xks, clusters, ...options }: Partial<KmsParts> & { xks?: XksSettings; clusters?: Clusters } = {},
) {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const sealer = new RootSealer(new RootKey(new Secret(Buffer.alloc(32, 7))));
  const wraps = new KeyWraps(new Secret(Buffer.alloc(32, 9)));
  const audit = new MemoryAudit(meta);
  const troubles: unknown[] = [];
  const transport = new XksTransport(xks ?? { timeoutMs: 250 });
  const counts = new XksCounts();
  const storesOf = (region: string, place: Place) => {
    const near = place === HOME ? clusters : undefined;
    return new KeyStores({
      book: new KeyStoreBook(meta, sealer, place),
      holders: new Holders({ transport, counts, clock, region }, near),
      clusters: near,
      audit,
      clock,
      onTrouble: (error) => troubles.push(error),
    });
  };
  const home = options.region ?? REGION;
  const regions = new Regions(home, new Set([home, OTHER_REGION]));
  const parts = {
    audit,
    principals: { exists: () => undefined, accountIds: () => [ACCOUNT, OTHER_ACCOUNT] },
    tokenCipher: new Xaes(new Secret(Buffer.alloc(32, 5))),
    clock,
    dayMs: DAY_MS,
    regions,
    ...options,
  };
  for (const region of [home, OTHER_REGION]) {
    const place = regions.placeOf(region);
    const ring = new KeyRing(
      meta,
      sealer,
      wraps,
      new AliasBook(meta, sealer, clock, place),
      new GrantBook(meta, sealer, place),
      (key) => noSuchKey(keyArn(region, key)),
      place,
      (other) => regions.at(other)?.ring,
    );
    regions.add(new Keys({ stores: storesOf(region, place), ...parts, ring, region }));
  }
  const keys = regions.of(home)!;
  const { ring } = keys;
  const kms = new Kms(keys);
  const elsewhere = new Kms(regions.of(OTHER_REGION)!);
  const askOf =
    (service: Kms) =>
    async (action: string, input: object = {}, who = root()): Promise<Answer> =>
      service.dispatch(`TrentService.${action}`, Buffer.from(JSON.stringify(input)), who);
  const [ask, askElsewhere] = [askOf(kms), askOf(elsewhere)];
  const createKey = async (input: object = {}): Promise<{ KeyId: string; Arn: string }> =>
    (await ask('CreateKey', input)).json.KeyMetadata;
  const { stores } = keys;
  const more = { stores, troubles, regions, askElsewhere, counts };
  return { kms, keys, ...more, keeper: new KeyKeeper(keys), ring, clock, meta, audit, ask, createKey };
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
