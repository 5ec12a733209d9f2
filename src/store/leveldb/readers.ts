/** Who is reading now. */
export class Readers {
  readonly #inside = new Set<Promise<void>>();

  /** @returns what to call at the end; once is enough */
  enter(): () => void {
    let leave!: () => void;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    this.#inside.add(left);
    return () => {
      this.#inside.delete(left);
      leave();
    };
  }

  /** Resolves when all those who are inside now have left. */
  async left(): Promise<void> {
    await Promise.all(this.#inside);
  }
}
