/** Many may pass at once, or one alone. Whoever wants to be alone waits for those inside; who comes later waits for it. */
export class Gate {
  #inside = 0;
  #alone: Promise<void> | undefined;
  #emptied: (() => void) | undefined;

  async shared<T>(work: () => Promise<T>): Promise<T> {
    while (this.#alone) await this.#alone;
    this.#inside++;
    try {
      return await work();
    } finally {
      if (--this.#inside === 0) this.#emptied?.();
    }
  }

  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    while (this.#alone) await this.#alone;
    let leave!: () => void;
    this.#alone = new Promise((resolve) => {
      leave = resolve;
    });
    try {
      if (this.#inside > 0) {
        await new Promise<void>((resolve) => {
          this.#emptied = resolve;
        });
      }
      return await work();
    } finally {
      this.#emptied = undefined;
      this.#alone = undefined;
      leave();
    }
  }
}
