import { randomId } from '../base/ids.js';
import type { GatewayLease, Lease, LeaseCounts, Leases } from './leases.js';

/** The leases of a store that is open in one process alone: whoever held one before is gone, and nobody takes any over. */
export class LocalLeases implements Leases {
  readonly gateway: GatewayLease = { ...held('gateway', () => {}), id: randomId() };
  readonly #held = new Set<string>();

  async take(name: string): Promise<Lease | undefined> {
    if (this.#held.has(name)) return undefined;
    this.#held.add(name);
    return held(name, () => this.#held.delete(name));
  }

  async hasEnded(gatewayId: Uint8Array): Promise<boolean> {
    return !this.gateway.id.equals(gatewayId);
  }

  async othersAtWork(): Promise<boolean> {
    return false;
  }

  async endDead(): Promise<number> {
    return 0;
  }

  counts(): LeaseCounts {
    return { held: [...this.#held], gateways: 1, takenOver: 0, lost: 0 };
  }

  async close(): Promise<void> {
    this.#held.clear();
  }
}

const held = (name: string, release: () => unknown): Lease => ({
  name,
  fence: [],
  lost: false,
  ended: false,
  confirm: async () => {},
  release: async () => void release(),
});
