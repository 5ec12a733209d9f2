import { KmsError } from '../../encryption/ports.js';
import type { Call } from '../call.js';
import type { Committing } from '../committing.js';
import { unsupported, validation } from '../errors.js';
import type { KeyRecord } from '../key-record.js';
import { requireCluster } from './backing.js';
import { requireForCreation } from './key-stores.js';

/** Of CreateKey, as far as it is about custom key stores. */
export interface AskedKey {
  keyId: string;
  origin: KeyRecord['origin'];
  spec: string;
  multiRegion: boolean;
  keyStoreId: string | undefined;
  xksKeyId: string | undefined;
}

/** A key as its key store has it by now, before its record is written. */
export interface HeldKey {
  keyStore: NonNullable<KeyRecord['keyStore']>;
  /** Commits the record together with the key store's knowledge of it. */
  committing: Committing;
  /** Where the record wasn't written. */
  drop(): Promise<void>;
}

/** To make a key, a cluster needs two active HSMs. */
const MEMBERS_NEEDED = 2;

/** @returns undefined for a key of Coffer's own. @throws ValidationException, UnsupportedOperationException */
export function keyStoreOf(asked: AskedKey): { id: string; xksKeyId: string | undefined } | undefined {
  const { origin, keyStoreId, xksKeyId } = asked;
  if (origin !== 'AWS_CLOUDHSM' && origin !== 'EXTERNAL_KEY_STORE') {
    if ((keyStoreId ?? xksKeyId) === undefined) return undefined;
    const member = keyStoreId === undefined ? 'XksKeyId' : 'CustomKeyStoreId';
    throw validation(`${member} is not valid for a KMS key with Origin ${origin}.`);
  }
  if (keyStoreId === undefined) throw validation(`CustomKeyStoreId is required for a KMS key with Origin ${origin}.`);
  if ((xksKeyId === undefined) === (origin === 'EXTERNAL_KEY_STORE')) {
    throw validation(`XksKeyId is required for KMS keys with Origin EXTERNAL_KEY_STORE, and valid for no others.`);
  }
  if (asked.spec !== 'SYMMETRIC_DEFAULT') throw unsupported('Keys of custom key stores are SYMMETRIC_DEFAULT keys.');
  if (asked.multiRegion) throw unsupported('Keys of custom key stores are not multi-Region keys.');
  return { id: keyStoreId, xksKeyId };
}

/** Makes the key in its key store, or finds it there. @throws KmsError as CreateKey answers */
export async function makeHeldKey(
  call: Call,
  { id, xksKeyId }: { id: string; xksKeyId: string | undefined },
  { keyId, origin }: AskedKey,
): Promise<HeldKey> {
  const { stores } = call.keys;
  const { accountId } = call.who.caller;
  call.note({ details: { CustomKeyStoreId: id, ...(xksKeyId !== undefined && { XksKeyId: xksKeyId }) } });
  const store = await stores.book.find(accountId, id);
  if (store.backing.type !== origin) {
    throw validation(`Custom key store '${id}' is of type ${store.backing.type}; the Origin of its keys is the same.`);
  }
  requireForCreation(store);
  if (store.backing.type === 'AWS_CLOUDHSM') {
    await requireCluster(stores.parts.clusters, accountId, store.backing.clusterId, MEMBERS_NEEDED);
  }
  const requireFree = async (reference: string): Promise<void> => {
    if (!(await stores.book.isMember(accountId, id, reference))) return;
    throw new KmsError('XksKeyAlreadyInUseException', `XksKeyId '${reference}' is already associated with a KMS key.`);
  };
  if (xksKeyId !== undefined) await requireFree(xksKeyId);
  const reference = await stores.makeKey(call, store, xksKeyId ?? keyId);
  return {
    keyStore: { id, reference },
    async committing(commit) {
      await requireFree(reference);
      await stores.book.join(commit, accountId, { id, reference }, requireForCreation);
      return call.committing(commit);
    },
    drop: () => stores.dropKey(call, store, reference),
  };
}
