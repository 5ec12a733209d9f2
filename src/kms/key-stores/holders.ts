import { Secret } from '../../base/secret.js';
import { notConnected } from './errors.js';
import { type Clusters, ConnectionError, type HolderCall, type KeyHolder, KeyHolderUnavailable } from './ports.js';
import type { CustomKeyStore, ProxyBacking } from './record.js';
import { type XksParts, XksProxy } from './xks/client.js';
import { XksHolder } from './xks/holder.js';

interface Held {
  epoch: number;
  holder: KeyHolder;
  /** Resolves once it is connected in this process. */
  ready: Promise<void> | undefined;
}

/**
 * The connections of this process. Whether a key store is connected its record says; a connection is never used under a later epoch
 * than it was made in. After a restart the first use of a key connects again.
 */
export class Holders {
  readonly #held = new Map<string, Held>();
  /** By key store, while it is there: whoever read its record before it was disconnected connects it no more. */
  readonly #disconnected = new Map<string, number>();

  constructor(
    private readonly xks: XksParts,
    private readonly clusters: Clusters | undefined,
  ) {}

  /** A proxy that isn't (yet) in any record. */
  proxy(backing: Omit<ProxyBacking, 'type'>): XksProxy {
    return new XksProxy(backing, this.xks);
  }

  allows(endpoint: string): boolean {
    return this.xks.transport.allows(new URL(endpoint));
  }

  /** @throws ConnectionError */
  async connect(accountId: string, store: CustomKeyStore, call: HolderCall): Promise<void> {
    const held = this.#of(accountId, store);
    held.ready = held.holder.connect(call);
    await this.#readied(store, held);
  }

  /** Connected. @throws KeyHolderUnavailable */
  async get(accountId: string, store: CustomKeyStore, call: HolderCall): Promise<KeyHolder> {
    const held = this.#of(accountId, store);
    // A proxy is asked over a new connection as well as over an old one.
    if (store.backing.type === 'EXTERNAL_KEY_STORE') return held.holder;
    held.ready ??= held.holder.connect(call);
    try {
      await this.#readied(store, held);
    } catch (error) {
      if (error instanceof ConnectionError) throw new KeyHolderUnavailable(error.message);
      throw error;
    }
    return held.holder;
  }

  async disconnect({ id, epoch }: Pick<CustomKeyStore, 'id' | 'epoch'>): Promise<void> {
    const held = this.#held.get(id);
    this.#disconnected.set(id, epoch);
    if (!held || held.epoch > epoch) return;
    this.#held.delete(id);
    await held.holder.disconnect();
  }

  /** A key store that is gone. */
  forget(id: string): void {
    this.#disconnected.delete(id);
  }

  async close(): Promise<void> {
    const all = [...this.#held].map(([id, { epoch }]) => this.disconnect({ id, epoch }));
    await Promise.allSettled(all);
  }

  #of(accountId: string, store: CustomKeyStore): Held {
    const known = this.#held.get(store.id);
    // A later one's settings hold for whoever read its record before they changed.
    if (known && known.epoch >= store.epoch) return known;
    if ((this.#disconnected.get(store.id) ?? -1) >= store.epoch) throw new KeyHolderUnavailable(notConnected(store));
    known?.holder.disconnect().catch(() => undefined);
    const held: Held = { epoch: store.epoch, holder: this.#make(accountId, store), ready: undefined };
    this.#held.set(store.id, held);
    return held;
  }

  #make(accountId: string, { backing }: CustomKeyStore): KeyHolder {
    if (backing.type === 'EXTERNAL_KEY_STORE') return new XksHolder(this.proxy(backing));
    if (!this.clusters) return new NoClusters();
    return this.clusters.holder(accountId, backing.clusterId, new Secret(Buffer.from(backing.password, 'utf8')));
  }

  async #readied(store: CustomKeyStore, held: Held): Promise<void> {
    try {
      await held.ready;
    } catch (error) {
      if (this.#held.get(store.id) === held) this.#held.delete(store.id);
      throw error;
    }
  }
}

/** Where this Coffer has no clusters any more. */
class NoClusters implements KeyHolder {
  connect = (): Promise<never> => this.#refuse();
  makeKey = (): Promise<never> => this.#refuse();
  deleteKey = (): Promise<never> => this.#refuse();
  encrypt = (): Promise<never> => this.#refuse();
  decrypt = (): Promise<never> => this.#refuse();
  async disconnect(): Promise<void> {}

  async #refuse(): Promise<never> {
    throw new ConnectionError('CLUSTER_NOT_FOUND', 'This Coffer serves no CloudHSM clusters.');
  }
}
