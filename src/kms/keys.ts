import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { randomId } from '../base/ids.js';
import type { KeyImpact, KmsCallerContext } from '../encryption/ports.js';
import type { Xaes } from '../seal/xaes.js';
import type { AuditLog } from './audit/ports.js';
import type { Committing } from './committing.js';
import { generateMaterial, type KeyMaterial } from './crypto/material.js';
import { defaultPolicy } from './default-policies.js';
import { KeyAuthorizer } from './key-authorizer.js';
import { type BackingKey, currentBacking, isOver, type KeyRecord, MANAGED_ROTATION_DAYS } from './key-record.js';
import { type KeyReference, keyArn, readReference, resolveKey } from './key-reference.js';
import type { KeyRing } from './key-ring.js';
import type { KeyStores } from './key-stores/key-stores.js';
import { MANAGED_SERVICES, managedServiceOf } from './managed-keys.js';
import { HOME, type Place, placeOf } from './place.js';
import type { Regions } from './regions.js';
import { invalidState, type KeyState, stateOf } from './states.js';

/** Who there is, as `iam/` knows them. Implemented there. */
export interface Principals {
  /** Undefined: of an account that isn't Coffer's, nobody can tell. */
  exists(arn: string): boolean | undefined;
  accountIds(): readonly string[];
}

export interface KmsParts {
  ring: KeyRing;
  /** Custom key stores. */
  stores: KeyStores;
  audit: AuditLog;
  principals: Principals;
  /** Seals import tokens; derived from the root key. */
  tokenCipher: Xaes;
  region: string;
  clock: Clock;
  /** How long a day of waiting periods, rotations and import tokens is, in milliseconds. */
  dayMs: number;
  /** The key services of all regions, where there are several. */
  regions?: Regions;
  /** What would be lost with a key; absent where there are no objects (tests). */
  impact?: KeyImpact;
  /** Key material was deleted: no old copy may open it for long. */
  shred?: () => void;
}

/** What a new key is made of, besides its material. */
export type NewKey = Pick<
  KeyRecord,
  'accountId' | 'description' | 'manager' | 'policy' | 'tags' | 'spec' | 'usage' | 'origin'
> &
  Pick<Partial<KeyRecord>, 'service' | 'rotation' | 'keyId' | 'keyStore' | 'multiRegion'>;

/** CMKs as actions use them. */
export class Keys {
  readonly authorizer: KeyAuthorizer;

  constructor(readonly parts: KmsParts) {
    this.authorizer = new KeyAuthorizer(parts.ring, parts.region);
  }

  get ring(): KeyRing {
    return this.parts.ring;
  }

  get stores(): KeyStores {
    return this.parts.stores;
  }

  get clock(): Clock {
    return this.parts.clock;
  }

  get region(): string {
    return this.parts.region;
  }

  /** The keys of every region, served or not. */
  get everywhere(): readonly Keys[] {
    return this.parts.regions?.all ?? [this];
  }

  /** Of a record of any region. */
  arnAt(record: KeyRecord): string {
    return keyArn(this.regionAt(placeOf(record)), record);
  }

  /** The name of the region of a place of a multi-Region key. */
  regionAt(place: Place): string {
    return place === HOME ? (this.parts.regions?.home ?? this.region) : place;
  }

  get dayMs(): number {
    return this.parts.dayMs;
  }

  arn(record: Pick<KeyRecord, 'accountId' | 'keyId'>): string {
    return keyArn(this.region, record);
  }

  stateOf(record: KeyRecord): KeyState {
    return stateOf(record, this.clock.now());
  }

  /** As DescribeKey tells it: of a key whose key store isn't connected, Unavailable. */
  async shownState(record: KeyRecord): Promise<KeyState | 'Unavailable'> {
    return record.keyStore ? this.stores.stateOf(record, this.stateOf(record)) : this.stateOf(record);
  }

  reference(who: KmsCallerContext, text: string): KeyReference {
    return readReference(this.region, who.caller.accountId, text);
  }

  /** Undefined where it has to be looked for. */
  inMemory({ accountId, keyId }: KeyReference): KeyRecord | undefined {
    const record = keyId === undefined ? undefined : this.ring.cached(accountId, keyId);
    return record && isOver(record, this.clock.now()) ? undefined : record;
  }

  /** `committing`: how an AWS-managed key that is made is committed. */
  find(who: KmsCallerContext, reference: KeyReference, committing: (keyArn: string) => Committing): Promise<KeyRecord> {
    const own = reference.accountId === who.caller.accountId;
    const make = (accountId: string, alias: string) => this.#managed(accountId, alias, committing);
    return resolveKey(this.ring, this.region, reference, this.clock.now(), own ? make : undefined);
  }

  /** Found as it is: nothing is made where it isn't there. @throws NotFoundException */
  findExisting(reference: KeyReference): Promise<KeyRecord> {
    return resolveKey(this.ring, this.region, reference, this.clock.now());
  }

  /** The backing key that encrypts. */
  current(record: KeyRecord): BackingKey {
    const backing = currentBacking(record);
    if (!backing) throw invalidState(`${this.arn(record)} is pending import.`);
    return backing;
  }

  /** @returns undefined where `alias` exists by now */
  async create(key: NewKey, committing: Committing, alias?: string): Promise<KeyRecord | undefined> {
    // A key of an external key store has Coffer's own material inside what the proxy encrypts.
    const isOurs = key.origin === 'AWS_KMS' || key.origin === 'EXTERNAL_KEY_STORE';
    const material = isOurs ? await generateMaterial(key.spec) : undefined;
    const { keyId = randomUUID() } = key;
    const createdMs = this.clock.now();
    const make = (): KeyRecord => ({
      ...key,
      keyId,
      createdMs,
      state: 'Enabled',
      backingKeys: this.#firstBacking(key, keyId, material, createdMs),
      ...(key.origin === 'EXTERNAL' && { importSalt: Buffer.concat([randomId(), randomId()]).toString('base64') }),
    });
    try {
      return await this.ring.create(make, committing, alias);
    } finally {
      material?.secret.dispose();
    }
  }

  /** A symmetric key gets a new backing key. `check` sees the newest record; it throws where it mustn't, and where there is nothing to do it answers nothing. */
  async rotate(
    key: KeyRecord,
    rotation: 'ON_DEMAND' | 'AUTOMATIC',
    committing: Committing,
    check: (record: KeyRecord) => KeyRecord | undefined,
  ): Promise<KeyRecord> {
    const material = await generateMaterial(key.spec);
    try {
      return await this.ring.update(key, committing, (found) => {
        const record = check(found);
        if (!record) return found;
        const added = { ...this.#newBacking(record, material, this.clock.now()), rotation };
        return { ...record, backingKeys: [...record.backingKeys, added] };
      });
    } finally {
      material.secret.dispose();
    }
  }

  #firstBacking(
    { accountId, origin }: NewKey,
    keyId: string,
    material: KeyMaterial | undefined,
    createdMs: number,
  ): BackingKey[] {
    if (material) return [this.#newBacking({ accountId, keyId }, material, createdMs)];
    return origin === 'AWS_CLOUDHSM' ? [{ id: newBackingId(), createdMs }] : [];
  }

  #newBacking(
    owner: Pick<KeyRecord, 'accountId' | 'keyId'>,
    { secret, publicKey }: KeyMaterial,
    createdMs: number,
  ): BackingKey {
    const id = newBackingId();
    const wrapped = this.ring.wraps.wrap(owner, id, secret);
    return { id, wrapped, createdMs, ...(publicKey && { publicKey: publicKey.toString('base64') }) };
  }

  async #managed(
    accountId: string,
    alias: string,
    committing: (keyArn: string) => Committing,
  ): Promise<KeyRecord | undefined> {
    const service = managedServiceOf(alias);
    if (service === undefined) return undefined;
    const keyId = randomUUID();
    const key: NewKey = {
      keyId,
      accountId,
      description: MANAGED_SERVICES.get(service)!,
      manager: 'AWS',
      service,
      // Never looked at: an AWS-managed key's policy is the code's.
      policy: defaultPolicy(accountId, this.region),
      tags: [],
      spec: 'SYMMETRIC_DEFAULT',
      usage: 'ENCRYPT_DECRYPT',
      origin: 'AWS_KMS',
      rotation: { periodDays: MANAGED_ROTATION_DAYS, nextMs: this.clock.now() + MANAGED_ROTATION_DAYS * this.dayMs },
    };
    const made = await this.create(key, committing(this.arn({ accountId, keyId })), alias);
    if (made) return made;
    // Somebody else was first: theirs is the key.
    const winner = await this.ring.aliases.find(accountId, alias);
    return winner && this.ring.find(accountId, winner.targetKeyId);
  }
}

const newBackingId = (): string => Buffer.concat([randomId(), randomId()]).toString('hex');
