/** Others wait for the memory that is held for a client who makes no progress. */
export class Displaced extends Error {
  override name = 'Displaced';
}

/** No memory became free in time. */
export class BudgetExhausted extends Error {
  override name = 'BudgetExhausted';
}

export interface BudgetTimes {
  /** So long a request waits in line. */
  waitMs: number;
  /** So long a client may make no progress while others wait. */
  stalledMs: number;
  now(): number;
}

/** How often it is looked who waits for whom, while somebody does. */
const LOOK_EVERY_MS = 1_000;

interface Waiting {
  amount: number;
  sinceMs: number;
  patient: boolean;
  grant(): void;
  refuse(error: Error): void;
}

/**
 * Memory that is held for clients, in bytes: what is read for their answers and isn't sent yet, or what came of their requests.
 * Whoever finds too little left waits in line. While somebody waits, those whose clients have made no progress for a while lose
 * theirs, the longest standing first: clients that never read can't keep the memory from others.
 */
export class ClientBudget {
  #free: number;
  readonly #holdings = new Set<ClientHolding>();
  readonly #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly total: number,
    readonly times: BudgetTimes = { waitMs: 20_000, stalledMs: 10_000, now: () => performance.now() },
  ) {
    this.#free = total;
  }

  /** More is held than there is: nothing new should begin. */
  get overdrawn(): boolean {
    return this.#free < 0;
  }

  /** In bytes. */
  get held(): number {
    return this.total - this.#free;
  }

  /** @param displace ends the client's request; what it held is given back by `close` */
  open(displace: (error: Displaced) => void): ClientHolding {
    const holding = new ClientHolding(this, displace);
    this.#holdings.add(holding);
    return holding;
  }

  tryTake(bytes: number): boolean {
    if (this.#waiting.length > 0 || !this.#isFree(bytes)) return false;
    this.#free -= bytes;
    return true;
  }

  take(amount: number, patient: boolean): Promise<void> {
    if (this.tryTake(amount)) return Promise.resolve();
    return new Promise((grant, refuse) => {
      this.#waiting.push({ amount, sinceMs: this.times.now(), patient, grant, refuse });
      this.#watch();
    });
  }

  /** Takes what was made already, also where it isn't there. */
  force(bytes: number): void {
    this.#free -= bytes;
    if (this.overdrawn) this.#watch();
  }

  give(bytes: number): void {
    this.#free += bytes;
    for (let next = this.#waiting[0]; next && this.#isFree(next.amount); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= next.amount;
      next.grant();
    }
  }

  forget(holding: ClientHolding): void {
    this.#holdings.delete(holding);
  }

  /** Makes room for those who wait, and tells those who waited too long. */
  look(): void {
    const nowMs = this.times.now();
    let missing = this.#waiting.reduce((sum, { amount }) => sum + amount, 0) - this.#free;
    const stalled = [...this.#holdings]
      .filter(({ held, progressMs }) => held > 0 && nowMs - progressMs >= this.times.stalledMs)
      .sort((a, b) => a.progressMs - b.progressMs);
    for (const holding of stalled) {
      if (missing <= 0) break;
      missing -= holding.held;
      holding.displace(new Displaced('others waited for the memory of a client that made no progress'));
    }
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const { patient, sinceMs, refuse } = this.#waiting[i]!;
      if (patient || nowMs - sinceMs < this.times.waitMs) continue;
      this.#waiting.splice(i, 1);
      refuse(new BudgetExhausted('no memory became free for a request'));
    }
    // The first in line may have been one that asked for much.
    this.give(0);
    if (this.#waiting.length === 0 && !this.overdrawn) this.#rest();
  }

  /** More than there is at all is granted when nobody holds anything. */
  #isFree(bytes: number): boolean {
    return this.#free >= Math.min(bytes, this.total);
  }

  #watch(): void {
    this.#timer ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** What one request holds. */
export class ClientHolding {
  #held = 0;
  #progressMs: number;
  #closed = false;

  constructor(
    private readonly budget: ClientBudget,
    readonly displace: (error: Displaced) => void,
  ) {
    this.#progressMs = budget.times.now();
  }

  get held(): number {
    return this.#held;
  }

  get progressMs(): number {
    return this.#progressMs;
  }

  /** Resolves when the memory is reserved. `patient`: however long that takes. @throws BudgetExhausted */
  async take(bytes: number, { patient = false } = {}): Promise<void> {
    await this.budget.take(bytes, patient);
    if (this.#closed) {
      this.budget.give(bytes);
      return;
    }
    this.#held += bytes;
    this.progressed();
  }

  tryTake(bytes: number): boolean {
    if (!this.budget.tryTake(bytes)) return false;
    this.#held += bytes;
    return true;
  }

  force(bytes: number): void {
    this.budget.force(bytes);
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
    this.budget.give(bytes);
  }

  /** The client took, or sent, something. */
  progressed(): void {
    this.#progressMs = this.budget.times.now();
  }

  /** Gives all of it back. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.budget.forget(this);
    const held = this.#held;
    this.#held = 0;
    this.budget.give(held);
  }
}
