/** Of the proxy API: GetHealthStatus, GetKeyMetadata, Encrypt, Decrypt. */
export type XksOperation = 'health' | 'metadata' | 'encrypt' | 'decrypt';

export interface XksTally {
  operation: XksOperation;
  /** By result: `ok`, or the kind of failure; names of this code alone. */
  results: Map<string, number>;
  seconds: number;
}

/** Requests to proxies since the start, for the metrics. */
export class XksCounts {
  readonly #tallies = new Map<XksOperation, XksTally>();

  count(operation: XksOperation, result: string, seconds: number): void {
    let tally = this.#tallies.get(operation);
    if (!tally) {
      tally = { operation, results: new Map(), seconds: 0 };
      this.#tallies.set(operation, tally);
    }
    tally.results.set(result, (tally.results.get(result) ?? 0) + 1);
    tally.seconds += seconds;
  }

  get tallies(): Iterable<Readonly<XksTally>> {
    return this.#tallies.values();
  }
}
