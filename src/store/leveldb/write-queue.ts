import { OutcomeUnknown, StoreUnavailable } from '../errors.js';
import type { Batch, Database } from './database.js';
import type { Engine } from './engine.js';

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** Operations that go to the disk as one synced batch, and who waits for them. */
export class Group {
  readonly waiters: Waiter[] = [];
  /** Somebody is told that it is durable; the engine's own marks tell nobody. */
  acknowledges = false;
  constructor(readonly batch: Batch) {}
}

/**
 * Grouped commits: what arrives while a batch is being synced is collected in the next one, straight into native memory, and
 * goes out the moment the disk is free. One batch is in flight at a time: LevelDB would write a second one behind a first that
 * failed, and then nobody could tell a torn write from damage.
 */
export class WriteQueue {
  #forming: Group | undefined;
  #flying: Group | undefined;
  /** Those for whom the forming group has no room. */
  #waitingForRoom: (() => void)[] = [];

  constructor(
    private readonly engine: Engine,
    private readonly database: Database,
    private readonly groupBytes: number,
    /** Just before a group is written: adds the rows that go with every group. */
    private readonly beforeWrite: (group: Group) => void,
    private readonly afterWrite: (group: Group) => void,
  ) {}

  /** The group to add operations to, now. `undefined`: it is full, call again when `room` resolves. */
  group(): Group | undefined {
    this.#forming ??= new Group(this.database.batch());
    return this.#forming.batch.bytes < this.groupBytes ? this.#forming : undefined;
  }

  room(): Promise<void> {
    return new Promise((resolve) => this.#waitingForRoom.push(resolve));
  }

  /** Resolves when the operations added to `group` are durable. */
  written(group: Group): Promise<void> {
    const done = new Promise<void>((resolve, reject) => group.waiters.push({ resolve, reject }));
    if (!this.#flying) this.#fly();
    return done;
  }

  get idle(): boolean {
    return !this.#flying && !this.#forming?.batch.operations;
  }

  async drained(): Promise<void> {
    while (!this.idle) {
      const last = this.#forming ?? this.#flying!;
      if (!this.#flying) this.#fly();
      await new Promise<void>((resolve) => last.waiters.push({ resolve, reject: () => resolve() }));
    }
  }

  poisoned(cause: Error): void {
    const forming = this.#forming;
    this.#forming = undefined;
    if (forming) {
      void forming.batch.discard();
      const error = new StoreUnavailable(`not written: ${cause.message}`);
      for (const { reject } of forming.waiters) reject(error);
    }
    // What flies ends by itself.
    this.#admit();
  }

  #fly(): void {
    const group = this.#forming;
    if (!group) return;
    this.#forming = undefined;
    this.#flying = group;
    void this.#write(group);
  }

  async #write(group: Group): Promise<void> {
    try {
      if (group.batch.operations > 0) {
        this.beforeWrite(group);
        await group.batch.write();
      }
      // Another write failed meanwhile: from then on nothing is acknowledged.
      this.engine.requireOpen();
    } catch (error) {
      this.#flying = undefined;
      this.engine.poison(error as Error);
      // Also where the engine was given up before, or is closed: those who wait behind must hear of it.
      this.poisoned(error as Error);
      const unknown = new OutcomeUnknown(`write failed: ${(error as Error).message}`);
      for (const { reject } of group.waiters) reject(unknown);
      return;
    }
    this.#flying = undefined;
    this.afterWrite(group);
    this.#fly();
    for (const { resolve } of group.waiters) resolve();
    this.#admit();
  }

  #admit(): void {
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    for (const resolve of waiting) resolve();
  }
}
