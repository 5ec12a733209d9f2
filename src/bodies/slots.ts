/** Bytes of a slot: two large chunks of plaintext, so that what comes whole is sealed and opened without a copy. */
export const SLOT_BYTES = 128 * 1024;
/** A body holds so many at most: one that fills, one on its way, and what a socket takes meanwhile. */
const PER_BODY = 4;
/** Uploads leave so much to answers, and answers to uploads. */
const SHARE = 3 / 4;
/** Where others wait, a body that moved nothing for so long is given up. */
const STALLED_MS = 10_000;
const LOOK_EVERY_MS = 1_000;

/** Who holds slots, for one body. */
export interface Holder {
  /** One that was waited for. */
  onSlot(slot: number): void;
  /** Others wait from now on: hand on what is held without need. */
  onPressed?(): void;
  /** Others wait, and this one moves nothing. */
  onStalled?(): void;
}

/**
 * The memory of all bodies under way: a fixed set of slots that every thread sees. Whoever finds none waits in line; how many a
 * body may hold falls as there are more of them.
 */
export class Slots {
  readonly memory: SharedArrayBuffer;
  readonly uploads: SlotShare;
  readonly answers: SlotShare;
  readonly #views: Buffer[];
  readonly #free: number[];

  constructor(bytes: number, nowMs: () => number = () => performance.now()) {
    const count = Math.max(4, Math.floor(bytes / SLOT_BYTES));
    this.memory = new SharedArrayBuffer(count * SLOT_BYTES);
    this.#views = slotViews(this.memory);
    this.#free = this.#views.map((_, i) => count - 1 - i);
    const most = Math.floor(count * SHARE);
    const pop = (): number | undefined => this.#free.pop();
    this.uploads = new SlotShare(most, pop, (slot) => this.#give(slot), nowMs);
    this.answers = new SlotShare(most, pop, (slot) => this.#give(slot), nowMs);
  }

  get free(): number {
    return this.#free.length;
  }

  view(slot: number): Buffer {
    return this.#views[slot]!;
  }

  #give(slot: number): void {
    this.#free.push(slot);
    this.answers.wake();
    this.uploads.wake();
  }
}

export const slotViews = (memory: SharedArrayBuffer): Buffer[] =>
  Array.from({ length: memory.byteLength / SLOT_BYTES }, (_, i) => Buffer.from(memory, i * SLOT_BYTES, SLOT_BYTES));

/** The slots that uploads, or answers, may hold together. */
export class SlotShare {
  readonly #holdings = new Set<Holding>();
  readonly #waiting: Holding[] = [];
  #used = 0;
  #looking: NodeJS.Timeout | undefined;

  constructor(
    private readonly most: number,
    private readonly pop: () => number | undefined,
    private readonly push: (slot: number) => void,
    readonly nowMs: () => number,
  ) {}

  /** For one body. Whoever got it closes it. */
  hold(holder: Holder): Holding {
    const holding = new Holding(this, holder);
    this.#holdings.add(holding);
    return holding;
  }

  /** Somebody waits. */
  get pressed(): boolean {
    return this.#waiting.length > 0;
  }

  /** What one body may hold now. */
  get limit(): number {
    return Math.max(1, Math.min(PER_BODY, Math.floor(this.most / this.#holdings.size)));
  }

  /** For `Holding`. */
  take(holding: Holding): number | undefined {
    if (holding.held >= this.limit) return undefined;
    if (this.#waiting.length === 0) {
      const slot = this.#pop();
      if (slot !== undefined) return slot;
    }
    if (!this.#waiting.includes(holding)) this.#waiting.push(holding);
    if (this.#waiting.length === 1) this.#press();
    return undefined;
  }

  give(slot: number): void {
    this.#used--;
    this.push(slot);
  }

  left(holding: Holding, isClosed: boolean): void {
    const at = this.#waiting.indexOf(holding);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (isClosed) this.#holdings.delete(holding);
    this.wake();
  }

  /** Whoever waits longest gets what is free. */
  wake(): void {
    while (this.#waiting.length > 0) {
      const slot = this.#pop();
      if (slot === undefined) return;
      this.#waiting.shift()!.granted(slot);
    }
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #pop(): number | undefined {
    if (this.#used >= this.most) return undefined;
    const slot = this.pop();
    if (slot !== undefined) this.#used++;
    return slot;
  }

  #press(): void {
    for (const holding of [...this.#holdings]) holding.holder.onPressed?.();
    if (this.#waiting.length > 0) this.#looking ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  /** Ends those that keep others waiting. */
  look(): void {
    const sinceMs = this.nowMs() - STALLED_MS;
    if (!this.#waiting.some((waiting) => waiting.movedMs < sinceMs)) return;
    for (const holding of [...this.#holdings]) {
      if (holding.held > 0 && holding.movedMs < sinceMs) holding.holder.onStalled?.();
    }
  }
}

/** What one body holds. */
export class Holding {
  held = 0;
  /** When it last got a slot or gave one back. */
  movedMs: number;
  #closed = false;

  constructor(
    private readonly share: SlotShare,
    readonly holder: Holder,
  ) {
    this.movedMs = share.nowMs();
  }

  get pressed(): boolean {
    return this.share.pressed;
  }

  /** A slot; or none, and `onSlot` comes where the body doesn't hold its fill already. */
  take(): number | undefined {
    const slot = this.#closed ? undefined : this.share.take(this);
    if (slot !== undefined) this.#moved(1);
    return slot;
  }

  granted(slot: number): void {
    this.#moved(1);
    this.holder.onSlot(slot);
  }

  /** Nobody touches it any more. May come after `close`. */
  give(slot: number): void {
    this.#moved(-1);
    this.share.give(slot);
    if (this.#closed && this.held === 0) this.share.left(this, true);
  }

  /** Nothing more is taken; what is held comes back by `give`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.share.left(this, this.held === 0);
  }

  #moved(by: 1 | -1): void {
    this.held += by;
    this.movedMs = this.share.nowMs();
  }
}
