import { randomUUID } from 'node:crypto';
import { KmsError } from '../../encryption/ports.js';
import type { AuditLog } from '../audit/ports.js';
import type { Call } from '../call.js';
import { invalidCiphertext, unsupported } from '../errors.js';
import type { KeyRecord } from '../key-record.js';
import { invalidState, type KeyState } from '../states.js';
import type { KeyStoreBook } from './book.js';
import { keyStoreState, noSuchKeyStore, notConnected } from './errors.js';
import type { Holders } from './holders.js';
import { type Clusters, ConnectionError, type HolderCall, InvalidHeldCiphertext, KeyHolderError } from './ports.js';
import type { CustomKeyStore } from './record.js';

export interface KeyStoresParts {
  book: KeyStoreBook;
  holders: Holders;
  /** Absent where this Coffer serves no CloudHSM clusters. */
  clusters?: Clusters | undefined;
  audit: AuditLog;
  clock: { now(): number };
  onTrouble(error: unknown): void;
}

/** Custom key stores, and the keys in them: what is asked of the holders of key material. */
export class KeyStores {
  readonly #connecting = new Set<Promise<void>>();

  constructor(readonly parts: KeyStoresParts) {}

  get book(): KeyStoreBook {
    return this.parts.book;
  }

  /** As DescribeKey tells it: of a key in a key store that isn't connected, Unavailable. */
  async stateOf(record: KeyRecord, state: KeyState): Promise<KeyState | 'Unavailable'> {
    if (!record.keyStore || state === 'PendingDeletion') return state;
    const store = await this.book.find(record.accountId, record.keyStore.id);
    return store.state === 'CONNECTED' ? state : 'Unavailable';
  }

  /** Of a key that is to be used. @throws KMSInvalidStateException */
  async requireConnected({ accountId, keyStore }: KeyRecord): Promise<CustomKeyStore> {
    const store = await this.book.find(accountId, keyStore!.id);
    if (store.state !== 'CONNECTED') throw invalidState(notConnected(store));
    return store;
  }

  /** @throws KMSInvalidStateException */
  async encrypt(call: Call, record: KeyRecord, plaintext: Buffer, aad: Buffer): Promise<Buffer> {
    return this.#asked(call, record, (holder, reference, by) => holder.encrypt(reference, plaintext, aad, by));
  }

  /** @throws KMSInvalidStateException, InvalidCiphertextException */
  async decrypt(call: Call, record: KeyRecord, ciphertext: Buffer, aad: Buffer): Promise<Buffer> {
    return this.#asked(call, record, (holder, reference, by) => holder.decrypt(reference, ciphertext, aad, by));
  }

  /**
   * A key's reference in a key store that is connected. `keyId`: of the KMS key, or of the external one.
   * @throws KmsError as CreateKey answers
   */
  async makeKey(call: Call, store: CustomKeyStore, keyId: string): Promise<string> {
    requireForCreation(store);
    const by = holderCall(call);
    try {
      const holder = await this.parts.holders.get(call.who.caller.accountId, store, by);
      return await holder.makeKey(keyId, by);
    } catch (error) {
      throw error instanceof KeyHolderError ? new KmsError(error.createKeyCode, error.message) : error;
    }
  }

  /** A key that came to nothing: best effort, as AWS says of keys in clusters. */
  async dropKey(call: Call, store: CustomKeyStore, reference: string): Promise<void> {
    try {
      const holder = await this.parts.holders.get(call.who.caller.accountId, store, holderCall(call));
      await holder.deleteKey(reference);
    } catch (error) {
      this.parts.onTrouble(error);
    }
  }

  /** Of the cluster's own source. @throws CustomKeyStoreInvalidStateException, UnsupportedOperationException */
  async random(call: Call, id: string, bytes: number): Promise<Buffer> {
    const { accountId } = call.who.caller;
    const store = await this.book.find(accountId, id);
    if (store.backing.type !== 'AWS_CLOUDHSM') throw unsupported('An external key store makes no random bytes.');
    requireForCreation(store);
    const by = holderCall(call);
    try {
      const holder = await this.parts.holders.get(accountId, store, by);
      if (!holder.random) throw unsupported('The CloudHSM cluster makes no random bytes.');
      return await holder.random(bytes);
    } catch (error) {
      throw error instanceof KeyHolderError ? keyStoreState(error.message) : error;
    }
  }

  /** Answers before it is connected: DescribeCustomKeyStores tells what became of it. */
  async connect(call: Call, id: string): Promise<void> {
    const { accountId } = call.who.caller;
    let begun: CustomKeyStore | undefined;
    await this.book.change(accountId, call.committing, (stores) => {
      begun = undefined;
      const found = stores.find((one) => one.id === id);
      if (!found) throw noSuchKeyStore(id);
      // Somebody else was faster.
      if (found.state !== 'DISCONNECTED') return stores;
      begun = { ...found, state: 'CONNECTING', epoch: found.epoch + 1 };
      return stores.map((one) => (one === found ? begun! : one));
    });
    if (begun) this.#finish(accountId, begun, holderCall(call));
  }

  /** `store`: as it is written, disconnected. */
  async disconnect(store: CustomKeyStore): Promise<void> {
    await this.parts.holders.disconnect(store);
  }

  /** At start: connections that a crash interrupted are made again. */
  async recover(): Promise<void> {
    for await (const { accountId, stores } of this.book.all()) {
      for (const store of stores.filter((one) => one.state === 'CONNECTING')) {
        this.#finish(accountId, store, ownCall('ConnectCustomKeyStore'));
      }
    }
  }

  /** Deletes in clusters what is left of keys that are gone. What can't be reached is tried again the next time. */
  async deleteOrphans(): Promise<void> {
    const failed = new Set<string>();
    for await (const orphan of this.book.orphans()) {
      const { accountId, keyStoreId, reference } = orphan;
      const store = (await this.book.list(accountId)).find((one) => one.id === keyStoreId);
      if (store?.state !== 'CONNECTED' || failed.has(keyStoreId)) continue;
      try {
        const holder = await this.parts.holders.get(accountId, store, ownCall('DestroyKey'));
        await holder.deleteKey(reference);
        await this.book.forgetOrphan(orphan);
      } catch (error) {
        failed.add(keyStoreId);
        this.parts.onTrouble(error);
      }
    }
  }

  async #asked<T>(
    call: Call,
    record: KeyRecord,
    ask: (holder: Awaited<ReturnType<Holders['get']>>, reference: string, by: HolderCall) => Promise<T>,
  ): Promise<T> {
    const store = await this.requireConnected(record);
    const by = holderCall(call, call.keys.arn(record));
    try {
      const holder = await this.parts.holders.get(record.accountId, store, by);
      return await ask(holder, record.keyStore!.reference, by);
    } catch (error) {
      if (error instanceof KeyHolderError) throw invalidState(error.message);
      if (error instanceof InvalidHeldCiphertext) throw invalidCiphertext();
      throw error;
    }
  }

  /** Waits for what is connecting. */
  async close(): Promise<void> {
    await Promise.all(this.#connecting);
    await this.parts.holders.close();
  }

  #finish(accountId: string, store: CustomKeyStore, by: HolderCall): void {
    const connecting = this.#connect(accountId, store, by)
      .catch(this.parts.onTrouble)
      .finally(() => this.#connecting.delete(connecting));
    this.#connecting.add(connecting);
  }

  async #connect(accountId: string, begun: CustomKeyStore, by: HolderCall): Promise<void> {
    const { holders, audit, clock, onTrouble } = this.parts;
    let result: Pick<CustomKeyStore, 'state' | 'errorCode'> = { state: 'CONNECTED' };
    try {
      await holders.connect(accountId, begun, by);
    } catch (error) {
      if (!(error instanceof ConnectionError || error instanceof KeyHolderError)) onTrouble(error);
      result = { state: 'FAILED', errorCode: error instanceof ConnectionError ? error.code : 'INTERNAL_ERROR' };
    }
    const event = {
      eventId: randomUUID(),
      timeMs: clock.now(),
      requestId: by.kmsRequestId,
      action: 'ConnectCustomKeyStore',
      result: 'Success',
      details: {
        CustomKeyStoreId: begun.id,
        ConnectionState: result.state,
        ...(result.errorCode && { ConnectionErrorCode: result.errorCode }),
      },
    };
    await this.book.change(
      accountId,
      (commit) => audit.commit(commit, event),
      // Disconnected or deleted meanwhile: then this connection is nobody's.
      (stores) => (stores.some(isBegun) ? stores.map((one) => (isBegun(one) ? { ...one, ...result } : one)) : stores),
    );
    function isBegun(one: CustomKeyStore): boolean {
      return one.id === begun.id && one.epoch === begun.epoch && one.state === 'CONNECTING';
    }
  }
}

/** @throws CustomKeyStoreInvalidStateException */
export function requireForCreation(store: CustomKeyStore): void {
  if (store.state !== 'CONNECTED') throw keyStoreState(notConnected(store));
}

/** On whose behalf a holder is asked. */
export function holderCall({ who, name }: Call, kmsKeyArn?: string): HolderCall {
  return {
    awsPrincipalArn: who.caller.arn,
    ...(kmsKeyArn !== undefined && { kmsKeyArn }),
    kmsOperation: name,
    kmsRequestId: who.requestId,
    ...(who.viaService !== undefined && { kmsViaService: who.viaService }),
  };
}

/** Nobody's request. */
export const ownCall = (kmsOperation: string): HolderCall => ({
  awsPrincipalArn: 'AWS Internal',
  kmsOperation,
  kmsRequestId: randomUUID(),
});
