/** A bounded amount that many share; whoever finds too little left waits in line. */
export class Budget {
  #free: number;
  readonly #waiting: { amount: number; grant: () => void }[] = [];

  constructor(private readonly total: number) {
    this.#free = total;
  }

  /** Reserves the amount where nobody waits and enough is free. */
  tryAcquire(amount: number): boolean {
    const wanted = Math.min(amount, this.total);
    if (this.#waiting.length > 0 || this.#free < wanted) return false;
    this.#free -= wanted;
    return true;
  }

  /** Resolves when the amount is reserved. More than the whole budget is granted when all of it is free. */
  acquire(amount: number): Promise<void> {
    if (this.tryAcquire(amount)) return Promise.resolve();
    const wanted = Math.min(amount, this.total);
    return new Promise((grant) => this.#waiting.push({ amount: wanted, grant }));
  }

  release(amount: number): void {
    this.#free += Math.min(amount, this.total);
    for (let next = this.#waiting[0]; next && this.#free >= next.amount; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= next.amount;
      next.grant();
    }
  }
}
