import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { randomFrom } from '../../policy/random.js';
import { DAY_MS } from '../harness.js';
import { quickly } from './importing.js';
import { GONE, isPendingImport, type Key, type Material, refusalOf } from './life-key.js';
import { openService, type Place, type Service } from './opened.js';

const CONTEXTS: Record<string, string>[] = [{}, { a: 'bc' }, { ab: 'c' }, { a: 'bc', d: '' }];

/** A random life of some keys: every step does one thing to a key, or lets time pass. */
export class Lives {
  readonly #random;
  readonly #keys: Key[] = [];
  readonly done = new Map<string, number>();
  rotatedByItself = 0;
  #service!: Service;

  constructor(
    private readonly place: Place,
    seed: number,
  ) {
    this.#random = randomFrom(seed);
  }

  async start(): Promise<void> {
    await this.#restart();
    for (let i = 0; i < 4; i++) await this.#create();
  }

  async step(): Promise<void> {
    const { pick, below } = this.#random;
    const key = pick(this.#keys);
    const steps: [name: string, weight: number, step: () => Promise<boolean>][] = [
      ['encrypt', 6, () => this.#encrypt(key)],
      ['rotate', 3, () => this.#rotate(key)],
      ['schedule rotation', 1, () => this.#ask('EnableKeyRotation', key, { RotationPeriodInDays: 90 + below(30) })],
      ['disable', 1, () => this.#move(key, 'DisableKey', 'Disabled')],
      ['enable', 3, () => this.#move(key, 'EnableKey', 'Enabled')],
      ['delete', 1, () => this.#schedule(key)],
      ['cancel', 3, () => this.#move(key, 'CancelKeyDeletion', 'Disabled')],
      ['import', 2, () => this.#import(key)],
      ['import again', 4, () => this.#importAgain(key)],
      ['delete material', 1, () => this.#deleteMaterial(key)],
      ['time', 1, () => this.#wait()],
      ['keep', 2, () => this.#keep()],
      ['restart', 1, () => this.#restart()],
      ['create', 2, async () => this.#isRoom() && this.#create()],
    ];
    const names = steps.flatMap(([name, weight]) => Array<string>(weight).fill(name));
    const name = pick(names);
    if (await steps.find((one) => one[0] === name)![2]()) this.done.set(name, (this.done.get(name) ?? 0) + 1);
  }

  /** Everything that was ever encrypted, under its context and another. @returns how many opened, and how many didn't */
  async check(): Promise<{ opened: number; refused: number }> {
    const counts = { opened: 0, refused: 0 };
    for (const key of this.#keys) {
      for (const { blob, context, plaintext, materialId } of key.sealed) {
        for (const EncryptionContext of CONTEXTS) {
          const json = await this.#service.ask('Decrypt', { CiphertextBlob: blob, EncryptionContext });
          const refusal =
            refusalOf(key, this.place.clock.now()) ??
            (EncryptionContext === context ? undefined : 'InvalidCiphertextException');
          expect(json.__type, `${key.id} ${JSON.stringify(EncryptionContext)}`).toBe(refusal);
          if (refusal === undefined) expect([json.Plaintext, json.KeyMaterialId]).toEqual([plaintext, materialId]);
          refusal === undefined ? counts.opened++ : counts.refused++;
        }
      }
    }
    return counts;
  }

  /** Whether it was done. */
  async #ask(action: string, key: Key, input: object = {}): Promise<boolean> {
    const { __type } = await this.#service.ask(action, { KeyId: key.id, ...input });
    const usable = refusalOf(key, this.place.clock.now()) === undefined;
    const mutable = key.state !== 'PendingDeletion' && !isPendingImport(key, this.place.clock.now());
    if (action === 'DisableKey' || action === 'EnableKey') expect(__type === undefined, action).toBe(mutable);
    else if (!usable && action !== 'CancelKeyDeletion') expect(__type, action).toBeDefined();
    return __type === undefined;
  }

  async #move(key: Key, action: string, state: Key['state']): Promise<boolean> {
    const done = await this.#ask(action, key);
    if (done) key.state = state;
    return done;
  }

  async #wait(): Promise<true> {
    this.place.clock.advance(this.#random.pick([1, 2, 3, 5, 8, 100]) * DAY_MS);
    return true;
  }

  async #restart(): Promise<true> {
    this.#service = await openService(this.place);
    return true;
  }

  /** Rotates, expires and destroys what is due. */
  async #keep(): Promise<boolean> {
    await this.#service.keep();
    this.rotatedByItself += this.#service.audit.events.filter(({ action }) => action === 'AutomaticRotation').length;
    this.#service.audit.events.length = 0;
    return true;
  }

  #isRoom(): boolean {
    return this.#keys.filter((key) => refusalOf(key, this.place.clock.now()) !== GONE).length < 6;
  }

  async #create(): Promise<true> {
    const external = this.#keys.length % 2 === 1;
    const { KeyMetadata } = await this.#service.ask('CreateKey', external ? { Origin: 'EXTERNAL' } : {});
    const rest = { deletionMs: 0, materials: [], waiting: undefined, sealed: [] };
    this.#keys.push({ id: KeyMetadata.KeyId, external, state: 'Enabled', ...rest });
    return true;
  }

  async #encrypt(key: Key): Promise<boolean> {
    const EncryptionContext = this.#random.pick(CONTEXTS);
    const asked = { KeyId: key.id, KeySpec: 'AES_256', EncryptionContext };
    const json = await this.#service.ask('GenerateDataKey', asked);
    const refusal = refusalOf(key, this.place.clock.now());
    expect(json.__type).toBe(refusal === GONE ? 'NotFoundException' : refusal);
    if (refusal !== undefined) return false;
    if (key.external) expect(json.KeyMaterialId).toBe(key.materials.at(-1)!.id);
    const { CiphertextBlob: blob, Plaintext: plaintext, KeyMaterialId: materialId } = json;
    key.sealed.push({ blob, plaintext, materialId, context: EncryptionContext });
    return true;
  }

  async #rotate(key: Key): Promise<boolean> {
    const waits = key.waiting !== undefined && key.waiting.validToMs > this.place.clock.now();
    const done = await this.#ask('RotateKeyOnDemand', key);
    if (key.external && refusalOf(key, this.place.clock.now()) === undefined && key.materials.length < 26)
      expect(done).toBe(waits);
    if (done && key.external) {
      key.materials.push(key.waiting!);
      key.waiting = undefined;
    }
    return done;
  }

  async #schedule(key: Key): Promise<boolean> {
    if (!(await this.#service.ask('ScheduleKeyDeletion', { KeyId: key.id, PendingWindowInDays: 7 })).DeletionDate)
      return false;
    key.state = 'PendingDeletion';
    key.deletionMs = this.place.clock.now() + 7 * DAY_MS;
    return true;
  }

  /** New material: the first, or for a rotation. Some of it expires. */
  async #import(key: Key): Promise<boolean> {
    if (!key.external || key.waiting) return false;
    const material = { bytes: randomBytes(32), id: '', there: true, validToMs: Number.POSITIVE_INFINITY };
    if (!(await this.#put(key, material, 'NEW_KEY_MATERIAL'))) return false;
    if (key.materials.length === 0) key.materials.push(material);
    else key.waiting = material;
    return true;
  }

  async #importAgain(key: Key): Promise<boolean> {
    const missing = key.materials.filter((one) => !one.there || one.validToMs <= this.place.clock.now());
    return missing.length > 0 && this.#put(key, this.#random.pick(missing), 'EXISTING_KEY_MATERIAL');
  }

  async #put(key: Key, material: Material, ImportType: string): Promise<boolean> {
    const validToMs = this.place.clock.now() + (5 + this.#random.below(60)) * DAY_MS;
    const expires = this.#random.chance(0.4) && { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: validToMs / 1000 };
    const waited = isPendingImport(key, this.place.clock.now());
    const input = quickly(this.#service.keys, key.id, material.bytes, { ImportType, ...expires });
    const { KeyMaterialId, __type } = await this.#service.ask('ImportKeyMaterial', input);
    expect(__type === undefined).toBe(key.state !== 'PendingDeletion');
    if (__type) return false;
    if (material.id !== '') expect(KeyMaterialId).toBe(material.id);
    Object.assign(material, {
      id: KeyMaterialId,
      there: true,
      validToMs: expires ? validToMs : Number.POSITIVE_INFINITY,
    });
    if (waited) key.state = 'Enabled';
    return true;
  }

  async #deleteMaterial(key: Key): Promise<boolean> {
    if (key.materials.length === 0 || (key.state === 'PendingDeletion' && key.deletionMs <= this.place.clock.now())) {
      return false;
    }
    const material = this.#random.pick(key.materials);
    const input = { KeyId: key.id, KeyMaterialId: material.id };
    expect((await this.#service.ask('DeleteImportedKeyMaterial', input)).__type).toBeUndefined();
    material.there = false;
    return true;
  }
}
