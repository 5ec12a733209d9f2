interface Line {
  /** Resolves when the last that writes this key has ended. */
  writer: Promise<void> | undefined;
  /** Those who only check it and came after that writer. */
  readers: Set<Promise<void>>;
}

/**
 * Commits of this process that touch the same key go in the order in which they came, and only then to the database: a key that
 * everybody wants takes up one connection, not all of them.
 */
export class KeyTurns {
  readonly #lines = new Map<string, Line>();

  /** `keys`: whether each is written. Whoever waits does so only for those who came before: nobody waits in a circle. */
  async take<T>(keys: ReadonlyMap<string, boolean>, work: () => Promise<T>): Promise<T> {
    const before = new Set<Promise<void>>();
    let end!: () => void;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    for (const [key, writes] of keys) this.#join(key, writes, before, ended);
    try {
      if (before.size > 0) await Promise.all(before);
      return await work();
    } finally {
      end();
      for (const key of keys.keys()) this.#leave(key, ended);
    }
  }

  #join(key: string, writes: boolean, before: Set<Promise<void>>, ended: Promise<void>): void {
    const line = this.#lines.get(key) ?? { writer: undefined, readers: new Set() };
    this.#lines.set(key, line);
    if (line.writer) before.add(line.writer);
    if (!writes) {
      line.readers.add(ended);
      return;
    }
    for (const reader of line.readers) before.add(reader);
    line.writer = ended;
    line.readers = new Set();
  }

  #leave(key: string, ended: Promise<void>): void {
    const line = this.#lines.get(key)!;
    if (line.writer === ended) line.writer = undefined;
    line.readers.delete(ended);
    if (!line.writer && line.readers.size === 0) this.#lines.delete(key);
  }
}
