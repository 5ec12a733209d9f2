import type { Clock } from '../base/clock.js';
import { randomId } from '../base/ids.js';
import type { Secret } from '../base/secret.js';
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
import { keepHomeRegion } from './home-region.js';
import { KeyKeeper } from './key-keeper.js';
import { ALL_KEYS } from './key-record.js';
import { keyArn } from './key-reference.js';
import { KeyRing } from './key-ring.js';
import { KeyStoreGeneration, type Peers } from './key-store-generation.js';
import { KeyStoreKeyFile } from './key-store-key.js';
import { KeyStoreBook } from './key-stores/book.js';
import { type HealthCounts, type HealthParts, KeyStoreHealth, sumOf } from './key-stores/health.js';
import { Holders } from './key-stores/holders.js';
import { KeyStores, ownCall } from './key-stores/key-stores.js';
import type { Clusters } from './key-stores/ports.js';
import { XksCounts, type XksTally } from './key-stores/xks/counts.js';
import { type XksSettings, XksTransport } from './key-stores/xks/transport.js';
import { KeyWraps } from './key-wraps.js';
import { Keys, type Principals } from './keys.js';
import { Kms } from './kms.js';
import { HOME } from './place.js';
import { Regions, storedPlaces } from './regions.js';
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
  /** What else is served; absent: nothing. */
  regions?: readonly string[];
  dayMs: number;
  impact?: KeyImpact;
  /** Before a CMK is destroyed: drops what of it is unwrapped elsewhere (S3 Bucket Keys). */
  beforeDestruction?: () => void;
  /** Makes the store let go of deleted and overwritten rows of a range. */
  compact?: (range: Range) => Promise<void>;
  /** The processes that use the same keys, where the store is shared. */
  peers?: Peers;
  onTrouble(error: unknown): void;
  /** A line of the log. */
  say?: HealthParts['say'];
  /** What the operator is to do after a destruction, in one line. */
  onNotice?(message: string): void;
}

export interface OpenedKms {
  /** Of `region`. */
  kms: Kms;
  /** By region, of all that are served. */
  byRegion: ReadonlyMap<string, Kms>;
  keys: Keys;
  destroyer: KeyDestroyer;
  /** At start, before requests: takes up what a crash interrupted, and does what was due meanwhile. */
  recover(): Promise<void>;
  /** Rotates, expires and destroys what is due. Call it from time to time. */
  keep(): Promise<void>;
  /** Asks the proxies of connected key stores whether they serve. Call it from time to time. */
  checkHealth(): Promise<void>;
  xks: { readonly requests: Iterable<Readonly<XksTally>>; readonly health: HealthCounts };
  /** Every few seconds, in every process that serves: lets go of key material that another one has destroyed. */
  notice(): Promise<void>;
  /** Ends the connections to holders of keys. */
  close(): Promise<void>;
}

/** The built-in key service over a store. @throws ConfigError, StoreDamaged: the key-store key is missing or doesn't open */
export async function openKms(options: KmsOptions): Promise<OpenedKms> {
  const { meta, sealer, rootKey, clock } = options;
  const file = new KeyStoreKeyFile(options.keyStoreFile, rootKey);
  const isEmpty = (await meta.range({ ...under(ALL_KEYS), limit: 1, keysOnly: true })).length === 0;
  const generation = meta.shared ? generationOf(options, file) : undefined;
  let wraps!: KeyWraps;
  const wrapping = (current: Secret, previous: Secret | undefined): KeyWraps => {
    wraps = new KeyWraps(current, previous);
    return wraps;
  };
  const keyStoreKey = generation ? await generation.open(isEmpty, wrapping) : await file.load(isEmpty);
  if (!generation) wrapping(keyStoreKey, file.previous);
  const served = new Set([options.region, ...(options.regions ?? [])]);
  await keepHomeRegion(meta, sealer, options.region, served.size > 1);
  const regions = new Regions(options.region, served);
  const tokenKey = rootKey.derive('coffer/kms/import-token');
  const tokenCipher = new Xaes(tokenKey);
  const transport = new XksTransport(options.xks);
  const counts = new XksCounts();
  const keysOf = (region: string): Keys => {
    const place = regions.placeOf(region);
    // A key store's cluster is in its own region, and clusters are in the one alone.
    const clusters = place === HOME ? options.clusters : undefined;
    const ring = new KeyRing(
      meta,
      sealer,
      wraps,
      new AliasBook(meta, sealer, clock, place),
      new GrantBook(meta, sealer, place),
      (key) => noSuchKey(keyArn(region, key)),
      place,
      (other) => regions.at(other)?.ring,
      generation,
    );
    const stores = new KeyStores({
      book: new KeyStoreBook(meta, sealer, place),
      holders: new Holders({ transport, counts, clock, region }, clusters),
      clusters,
      audit: options.audit,
      clock,
      onTrouble: options.onTrouble,
    });
    return new Keys({
      ring,
      stores,
      audit: options.audit,
      principals: options.principals,
      tokenCipher,
      region,
      regions,
      clock,
      dayMs: options.dayMs,
      ...(options.impact && { impact: options.impact }),
      // Of several gateways, the one whose turn it is finds the mark.
      ...(!generation && { shred: () => void keep().catch(options.onTrouble) }),
    });
  };
  // Keys of regions that are served no more rotate and end all the same.
  for (const region of new Set([...served, ...(await storedPlaces(meta))])) regions.add(keysOf(region));
  const keys = regions.at(HOME)!;
  tokenKey.dispose();
  const keeper = new KeyKeeper(keys);
  const { compact } = options;
  const destroyer = new KeyDestroyer(
    {
      keys,
      meta,
      file,
      secrets: rootKey.destruction,
      generation,
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
      for (const one of regions.all) await one.stores.deleteOrphans();
    }
  };
  const recover = async (): Promise<void> => {
    for (const one of regions.all) await one.ring.recover();
    // Others may be at it: the process whose turn it is does it.
    if (!generation) await keep();
    await destroyer.takeUpSecret();
    for (const one of regions.all) await one.stores.recover();
  };
  const byRegion = new Map([...served].map((region) => [region, new Kms(regions.of(region)!)]));
  const health = [...served].map((region) => {
    const { book, holders } = regions.of(region)!.stores.parts;
    return new KeyStoreHealth({ book, holders, say: options.say ?? (() => undefined) });
  });
  const checkHealth = async (): Promise<void> => {
    for (const one of health) await one.check(() => ownCall('KmsHealthCheck'));
  };
  const xks = {
    get requests() {
      return counts.tallies;
    },
    get health() {
      return sumOf(health.map((one) => one.counts));
    },
  };
  const close = async (): Promise<void> => {
    for (const one of regions.all) await one.stores.close();
    await generation?.leave().catch(options.onTrouble);
    transport.close();
  };
  const notice = async (): Promise<void> => generation?.notice();
  return {
    kms: byRegion.get(options.region)!,
    byRegion,
    keys,
    destroyer,
    recover,
    keep,
    notice,
    checkHealth,
    xks,
    close,
  };
}

function generationOf(
  { meta, sealer, rootKey, peers = ALONE(), beforeDestruction }: KmsOptions,
  file: KeyStoreKeyFile,
): KeyStoreGeneration {
  const forget = (): void => beforeDestruction?.();
  const generation = new KeyStoreGeneration({ meta, sealer, file, peers, forget });
  file.guard = generation;
  if (rootKey.destruction) rootKey.destruction.guard = generation;
  return generation;
}

/** Nobody says which other processes live: all that were once at work are waited for, until they leave in order. */
const ALONE = (): Peers => ({ gateway: { id: randomId() }, hasEnded: async () => false });
