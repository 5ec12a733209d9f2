import { setTimeout as sleep } from 'node:timers/promises';
import { randomId } from '../base/ids.js';
import { LeaseLost } from './errors.js';
import { HeldLease } from './held-lease.js';
import { leaseBeatKey, leaseFenceKey } from './keys.js';
import { beatsOf, LeaseSight } from './lease-sight.js';
import { GATEWAY_ID_BYTES, type GatewayLease, type Lease, type LeaseCounts, type Leases } from './leases.js';
import type { MetaStore } from './ports.js';
import { CommitBuilder } from './table.js';

export interface LeaseTimes {
  /** How often a holder shows that it is at work. */
  beatMs: number;
  /** Who showed nothing for so long, watched all the time, is dead. */
  expiryMs: number;
}

/** A takeover takes `expiryMs` and up to three beats: half a minute. */
export const LEASE_TIMES: LeaseTimes = { beatMs: 3000, expiryMs: 20_000 };

export interface SharedLeasesParts {
  /** As the engine gives it: what fences others must not fence this. */
  meta: MetaStore;
  /** Milliseconds of a clock that is never set. */
  nowMs(): number;
  times?: LeaseTimes;
  /** Between two looks at who else is at work. */
  wait?(ms: number): Promise<unknown>;
  /** Told of beats that failed, and of leases that others took. */
  onTrouble(message: string): void;
}

/**
 * Leases in rows of a store that several gateways share. Each has two: the *beat* is written anew every few seconds, and says by its
 * revision alone that its holder is at work; the *fence* is written when the lease is taken and by nothing else, and what its holder
 * commits checks it. So a holder that was paused, taken for dead, and goes on, commits nothing.
 *
 * No clocks are compared: a lease has expired when an observer has watched its beat stand still for `expiryMs` by his own clock
 * (`LeaseSight`). A holder takes it for lost some beats earlier by his own.
 */
export class SharedLeases implements Leases {
  readonly #sight: LeaseSight;
  readonly #times: LeaseTimes;
  readonly #held = new Map<string, HeldLease>();
  #gateway: HeldGateway | undefined;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #closed = false;
  #takenOver = 0;
  #lost = 0;

  private constructor(private readonly parts: SharedLeasesParts) {
    this.#times = parts.times ?? LEASE_TIMES;
    this.#sight = new LeaseSight(parts.meta, parts.nowMs, this.#times);
  }

  /** Takes the gateway's own lease, and keeps it from then on. @throws StoreUnavailable, OutcomeUnknown */
  static async open(parts: SharedLeasesParts): Promise<SharedLeases> {
    const leases = new SharedLeases(parts);
    await leases.#enter();
    await leases.#sight.look();
    return leases;
  }

  /** Beats from now on; without it somebody else calls `beat`. */
  start(): void {
    this.#timer = setInterval(() => void this.beat(), this.#times.beatMs).unref();
  }

  get gateway(): GatewayLease {
    return this.#gateway!;
  }

  /** Shows that the holder of all these leases is at work, and looks for those of others. One at a time; doesn't reject. */
  beat(): Promise<void> {
    this.#beating ??= this.#beat()
      .catch((error: Error) => this.parts.onTrouble(`leases can't be renewed: ${error.message}`))
      .finally(() => {
        this.#beating = undefined;
      });
    return this.#beating;
  }

  async take(name: string): Promise<Lease | undefined> {
    if (this.#closed || this.#gateway!.lost || this.#held.get(name)?.ended === false) return undefined;
    if (this.#sight.isBeating(name)) return undefined;
    const [fence, beat] = await this.parts.meta.getMany([leaseFenceKey(name), leaseBeatKey(name)]);
    // Whoever has come since is alive until he has been watched.
    if (beat && !this.#sight.hasExpired(name, beat.revision)) return undefined;
    const lease = new HeldLease(this.#parts(name), this.#gateway!.id);
    if (!(await lease.take(fence, beat))) return undefined;
    if (beat) this.#takenOver++;
    this.#held.set(name, lease);
    return lease;
  }

  async hasEnded(gatewayId: Uint8Array): Promise<boolean> {
    if (this.#gateway!.id.equals(gatewayId)) return false;
    const name = nameOfGateway(gatewayId);
    const keys = [leaseFenceKey(name), leaseBeatKey(name)];
    const [fence, beat] = await this.parts.meta.getMany(keys);
    if (!fence && !beat) return true;
    if (!fence || (beat && !this.#sight.hasExpired(name, beat.revision))) return false;
    const commit = new CommitBuilder().expect(keys[0]!, fence).expect(keys[1]!, beat).frees();
    for (const key of keys) commit.del(key);
    if (!(await this.parts.meta.commit(commit.build()))) return false;
    this.#takenOver++;
    return true;
  }

  async othersAtWork(): Promise<boolean> {
    const { meta, wait = sleep } = this.parts;
    const own = nameOfGateway(this.#gateway!.id);
    const first = await beatsOf(meta);
    for (;;) {
      await this.beat();
      const beats = await beatsOf(meta);
      let others = 0;
      for (const [name, revision] of beats) {
        if (name === own || !name.startsWith(GATEWAY) || this.#sight.hasExpired(name, revision)) continue;
        // It has come since, or has shown itself.
        if (!first.get(name)?.equals(revision)) return true;
        others++;
      }
      if (others === 0) return false;
      await wait(this.#times.beatMs / 2);
    }
  }

  async endDead(): Promise<number> {
    let ended = 0;
    for (const name of this.#sight.names) {
      if (!name.startsWith(GATEWAY) || this.#sight.isBeating(name)) continue;
      if (await this.hasEnded(Buffer.from(name.slice(GATEWAY.length), 'hex'))) ended++;
    }
    return ended;
  }

  counts(): LeaseCounts {
    const held = [...this.#held.values()].filter((one) => !one.lost && one !== this.#gateway);
    const gateways = this.#sight.names.filter((name) => name.startsWith(GATEWAY) && this.#sight.isBeating(name));
    return {
      held: held.map(({ name }) => name),
      gateways: gateways.length,
      takenOver: this.#takenOver,
      lost: this.#lost,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#beating;
    // Its own last: as long as others of it are held, the gateway is at work.
    for (const lease of [...this.#held.values()].reverse()) await lease.release();
  }

  async #beat(): Promise<void> {
    if (this.#closed) return;
    // What the gateway holds, and what it sees: a failure of one says nothing of the other.
    try {
      await this.#renew();
      if (this.#gateway!.ended) await this.#enter();
    } finally {
      await this.#sight.look();
    }
  }

  /** All in one commit, unless one of them was taken. */
  async #renew(): Promise<void> {
    const held = [...this.#held.values()].filter(({ ended }) => !ended);
    const beganMs = this.parts.nowMs();
    const commit = new CommitBuilder();
    for (const lease of held) lease.renew(commit);
    if (held.length === 0) return;
    if (await this.parts.meta.commit(commit.frees().build())) {
      for (const lease of held) lease.renewed(beganMs);
      return;
    }
    for (const lease of held) await lease.confirm();
  }

  async #enter(): Promise<void> {
    const id = randomId();
    const lease = new HeldGateway(this.#parts(nameOfGateway(id)), id);
    if (!(await lease.take(undefined, undefined))) throw new LeaseLost('the lease of this gateway could not be taken');
    this.#gateway = lease;
    // First: it is let go of last.
    const others = [...this.#held.values()];
    this.#held.clear();
    for (const one of [lease, ...others]) this.#held.set(one.name, one);
  }

  #parts(name: string) {
    return {
      name,
      meta: this.parts.meta,
      nowMs: this.parts.nowMs,
      lostAfterMs: this.#times.expiryMs - 2 * this.#times.beatMs,
      gone: (lost: boolean) => {
        this.#held.delete(name);
        if (!lost) return;
        this.#lost++;
        this.parts.onTrouble(`another gateway took the lease ${name}`);
      },
    };
  }
}

class HeldGateway extends HeldLease implements GatewayLease {
  get id(): Buffer {
    return this.holder;
  }
}

const GATEWAY = 'g/';

const nameOfGateway = (id: Uint8Array): string => {
  if (id.length !== GATEWAY_ID_BYTES) throw new RangeError(`a gateway's id has ${GATEWAY_ID_BYTES} bytes`);
  return `${GATEWAY}${Buffer.from(id).toString('hex')}`;
};
