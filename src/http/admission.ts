import type { ClientBudget } from '../base/client-budget.js';

/** Who may begin a request just now, and who is told to slow down. */
export class Admission {
  readonly #atWork = new Map<string, number>();

  constructor(
    /** Requests of one address at once. */
    private readonly perPeerMax: number,
    private readonly answers: ClientBudget,
  ) {}

  /** To call when the request is done; undefined where there are too many. */
  enter(ip: string): (() => void) | undefined {
    const before = this.#atWork.get(ip) ?? 0;
    if (before >= this.perPeerMax || this.answers.overdrawn) return undefined;
    this.#atWork.set(ip, before + 1);
    return () => {
      const left = this.#atWork.get(ip)! - 1;
      if (left > 0) this.#atWork.set(ip, left);
      else this.#atWork.delete(ip);
    };
  }
}
