import { randomBytes } from 'node:crypto';
import { MemoryMetaStore } from '../../../src/store/memory/meta-store.js';
import type { MetaStore } from '../../../src/store/ports.js';
import { ACCOUNT } from '../harness.js';
import { quickly } from './importing.js';
import { openService, type Place, type Service } from './opened.js';

export const PLAINTEXT = Buffer.from('a secret').toString('base64');

/** What was encrypted, and by what. */
export interface Doomed {
  ids: { doomed: string; survivor: string; imported: string };
  blobs: { doomed: string[]; survivor: string[]; imported: string[] };
  /** The imported key's. */
  material: Buffer;
}

export const encrypt = async ({ ask }: Service, KeyId: string): Promise<string> =>
  (await ask('Encrypt', { KeyId, Plaintext: PLAINTEXT })).CiphertextBlob;

/** The plaintext, or what came instead. */
export async function outcome({ ask }: Service, CiphertextBlob: string): Promise<string> {
  const json = await ask('Decrypt', { CiphertextBlob }).catch((error: Error) => ({ __type: error.name }));
  return json.Plaintext ?? json.__type;
}

export const outcomes = (service: Service, blobs: readonly string[]): Promise<string[]> =>
  Promise.all(blobs.map((blob) => outcome(service, blob)));

const GranteePrincipal = `arn:aws:iam::${ACCOUNT}:user/bob`;

/** Three keys, two of them rotated, each with aliases and grants: one that is to be destroyed, one that stays, one of imported material. */
export async function prepare(service: Service): Promise<Doomed> {
  const material = randomBytes(32);
  const create = async (name: string, input: object = {}) => {
    const { KeyId } = (await service.ask('CreateKey', input)).KeyMetadata;
    for (const AliasName of [`alias/${name}-1`, `alias/${name}-2`]) {
      await service.ask('CreateAlias', { AliasName, TargetKeyId: KeyId });
    }
    const grant = { KeyId, GranteePrincipal, RetiringPrincipal: GranteePrincipal, Operations: ['Encrypt'] };
    await service.ask('CreateGrant', grant);
    return KeyId as string;
  };
  const [doomed, survivor] = [await create('doomed'), await create('survivor')];
  const imported = await create('imported', { Origin: 'EXTERNAL' });
  await service.ask('ImportKeyMaterial', quickly(service.keys, imported, material));
  const sealed = { doomed: [] as string[], survivor: [] as string[], imported: [await encrypt(service, imported)] };
  for (const [name, KeyId] of [
    ['doomed', doomed],
    ['survivor', survivor],
  ] as const) {
    sealed[name].push(await encrypt(service, KeyId));
    await service.ask('RotateKeyOnDemand', { KeyId });
    sealed[name].push(await encrypt(service, KeyId));
  }
  return { ids: { doomed, survivor, imported }, blobs: sealed, material };
}

/** Everything in a store, in another one. */
export async function copyOf(meta: MetaStore): Promise<MemoryMetaStore> {
  const copy = new MemoryMetaStore();
  await copy.commit({ puts: await meta.range({ gte: Buffer.of(1), lt: Buffer.of(255), limit: 1000 }) });
  return copy;
}

/** Rows whose key names a CMK. */
export async function rowsNaming(meta: MetaStore, keyId: string): Promise<string[]> {
  const rows = await meta.range({ gte: Buffer.of(1), lt: Buffer.of(255), limit: 1000, keysOnly: true });
  return rows.map(({ key }) => key.toString('latin1')).filter((key) => key.includes(keyId));
}

/** What opens of it in an old copy of the data, at the time of the copy, with the root key and key-store file of `place`. */
export async function openedBy(copy: MetaStore, place: Place, backMs: number, { blobs }: Doomed) {
  const { clock } = place;
  clock.advance(-backMs);
  try {
    const service = await openService({ ...place, meta: copy });
    return {
      doomed: await outcomes(service, blobs.doomed),
      survivor: await outcomes(service, blobs.survivor),
      imported: await outcomes(service, blobs.imported),
    };
  } finally {
    clock.advance(backMs);
  }
}
