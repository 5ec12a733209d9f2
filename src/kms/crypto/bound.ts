import { KmsError } from '../../encryption/ports.js';

/** Work that takes long: so much at once, so much waits for its turn in the order it came, and more is refused. */
export class Bound {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly limits: { atOnce: number; waiting: number }) {}

  /** @throws KmsError ThrottlingException, as AWS names it; clients try again by themselves */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.limits.atOnce) this.#running++;
    else await this.#turn();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.limits.waiting) {
      throw new KmsError(
        'ThrottlingException',
        'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
      );
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
