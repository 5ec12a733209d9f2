import type { Check } from './ports.js';

/** What one gateway does and no other at the same time, for as long as it holds this. */
export interface Lease {
  readonly name: string;
  /** Joins every commit that its holder makes as such: only a takeover makes them fail. Empty where nobody could take it over. */
  readonly fence: readonly Check[];
  /**
   * Somebody else may have it by now, or nobody has been heard of for too long. What no commit fences (sending, deleting blobs) asks
   * this before every step. It may become false again, unless the lease has `ended`.
   */
  readonly lost: boolean;
  /** Somebody else has taken it, or it was let go: for good. */
  readonly ended: boolean;
  /** Reads whether it still is as it was taken; `ended` says so afterwards. */
  confirm(): Promise<void>;
  /** Lets others have it at once. Doesn't reject: they wait for its end where that fails. */
  release(): Promise<void>;
}

/** What a gateway is known by: held from its start to its end. */
export interface GatewayLease extends Lease {
  /** 16 bytes, drawn anew at every start and wherever the lease before has ended. */
  readonly id: Buffer;
}

export interface LeaseCounts {
  /** Names of those that this gateway holds, without its own. */
  held: readonly string[];
  /** Gateways that are at work, as this one sees it. */
  gateways: number;
  /** Leases of others, dead, that this one took or ended. */
  takenOver: number;
  /** Of this one's, those that others took. */
  lost: number;
}

export interface Leases {
  /** The gateway's own. */
  readonly gateway: GatewayLease;
  /** Undefined: somebody else holds it, as far as is known. */
  take(name: string): Promise<Lease | undefined>;
  /**
   * Whether that gateway is at work no more. It may live and not know: nothing that its lease fences is committed from now on. A
   * lease that was not renewed for too long is ended by this.
   */
  hasEnded(gatewayId: Uint8Array): Promise<boolean>;
  /**
   * Whether another gateway is at work: watches them until each was seen at it, or is dead. For who needs the store for himself.
   * @throws StoreUnavailable
   */
  othersAtWork(): Promise<boolean>;
  /** Ends the leases of gateways that are dead, as far as is known. @returns how many */
  endDead(): Promise<number>;
  counts(): LeaseCounts;
  /** Lets go of all. */
  close(): Promise<void>;
}

/** Bytes of a gateway's id. */
export const GATEWAY_ID_BYTES = 16;
