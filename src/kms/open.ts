import type { Clock } from '../base/clock.js';
import type { KeyImpact } from '../encryption/ports.js';
import type { RecordSealer } from '../seal/ports.js';
import type { RootKey } from '../seal/root-key.js';
import { Xaes } from '../seal/xaes.js';
import { under } from '../store/keys.js';
import type { MetaStore, Range } from '../store/ports.js';
import { AliasBook } from './alias-book.js';
import type { AuditLog } from './audit/ports.js';
import { KeyDestroyer } from './destroy.js';
import { noSuchKey } from './errors.js';
import { GrantBook } from './grant-book.js';
import { KeyKeeper } from './key-keeper.js';
import { ALL_KEYS } from './key-record.js';
import { keyArn } from './key-reference.js';
import { KeyRing } from './key-ring.js';
import { KeyStoreKeyFile } from './key-store-key.js';
import { KeyStoreBook } from './key-stores/book.js';
import { Holders } from './key-stores/holders.js';
import { KeyStores } from './key-stores/key-stores.js';
import type { Clusters } from './key-stores/ports.js';
import { type XksSettings, XksTransport } from './key-stores/xks/transport.js';
import { KeyWraps } from './key-wraps.js';
import { Keys, type Principals } from './keys.js';
import { Kms } from './kms.js';
import { ALL_ROWS } from './shred.js';

export interface KmsOptions {
  xks: XksSettings;
  /** CloudHSM clusters, where this Coffer serves them. */
  clusters?: Clusters | undefined;
  meta: MetaStore;
  sealer: RecordSealer;
  rootKey: RootKey;
  /** Where the key-store key lies. */
  keyStoreFile: string;
  audit: AuditLog;
  principals: Principals;
  clock: Clock;
  region: string;
  dayMs: number;
  impact?: KeyImpact;
  /** Before a CMK is destroyed: drops what of it is unwrapped elsewhere (S3 Bucket Keys). */
  beforeDestruction?: () => void;
  /** Makes the store let go of deleted and overwritten rows of a range. */
  compact?: (range: Range) => Promise<void>;
  onTrouble(error: unknown): void;
  /** What the operator is to do after a destruction, in one line. */
  onNotice?(message: string): void;
}

export interface OpenedKms {
  kms: Kms;
  keys: Keys;
  destroyer: KeyDestroyer;
  /** At start, before requests: takes up what a crash interrupted, and does what was due meanwhile. */
  recover(): Promise<void>;
  /** Rotates, expires and destroys what is due. Call it from time to time. */
  keep(): Promise<void>;
  /** Ends the connections to holders of keys. */
  close(): Promise<void>;
}

/** The built-in key service over a store. @throws ConfigError, StoreDamaged: the key-store key is missing or doesn't open */
export async function openKms(options: KmsOptions): Promise<OpenedKms> {
  const { meta, sealer, rootKey, clock } = options;
  const file = new KeyStoreKeyFile(options.keyStoreFile, rootKey);
  const isEmpty = (await meta.range({ ...under(ALL_KEYS), limit: 1, keysOnly: true })).length === 0;
  const keyStoreKey = await file.load(isEmpty);
  const aliases = new AliasBook(meta, sealer, clock);
  const ring = new KeyRing(
    meta,
    sealer,
    new KeyWraps(keyStoreKey, file.previous),
    aliases,
    new GrantBook(meta, sealer),
    (key) => noSuchKey(keyArn(options.region, key)),
  );
  const transport = new XksTransport(options.xks);
  const stores = new KeyStores({
    book: new KeyStoreBook(meta, sealer),
    holders: new Holders({ transport, clock, region: options.region }, options.clusters),
    clusters: options.clusters,
    audit: options.audit,
    clock,
    onTrouble: options.onTrouble,
  });
  const tokenKey = rootKey.derive('coffer/kms/import-token');
  const keys = new Keys({
    ring,
    stores,
    audit: options.audit,
    principals: options.principals,
    tokenCipher: new Xaes(tokenKey),
    region: options.region,
    clock,
    dayMs: options.dayMs,
    ...(options.impact && { impact: options.impact }),
    shred: () => void keep().catch(options.onTrouble),
  });
  tokenKey.dispose();
  const keeper = new KeyKeeper(keys);
  const { compact } = options;
  const destroyer = new KeyDestroyer(
    {
      keys,
      meta,
      file,
      secrets: rootKey.destruction,
      onNotice: options.onNotice,
      ...(options.beforeDestruction && { before: options.beforeDestruction }),
      ...(compact && { compact: () => compact(ALL_ROWS) }),
    },
    keyStoreKey,
  );
  const keep = async (): Promise<void> => {
    try {
      await keeper.run();
    } finally {
      await destroyer.destroyDue();
      await stores.deleteOrphans();
    }
  };
  const recover = async (): Promise<void> => {
    await ring.recover();
    await keep();
    await destroyer.takeUpSecret();
    await stores.recover();
  };
  return { kms: new Kms(keys), keys, destroyer, recover, keep, close: () => stores.close() };
}
