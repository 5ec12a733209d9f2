/** Counters in Prometheus' text format. Labels are operation names and status classes: nothing that a client chooses. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #seconds = new Map<string, number>();
  #bytesOut = 0;
  inFlight = 0;

  count(operation: string, status: number, seconds: number, bytesOut: number): void {
    const label = `operation="${operation}",status="${Math.floor(status / 100)}xx"`;
    this.#requests.set(label, (this.#requests.get(label) ?? 0) + 1);
    this.#seconds.set(operation, (this.#seconds.get(operation) ?? 0) + seconds);
    this.#bytesOut += bytesOut;
  }

  render(): string {
    const lines = ['# TYPE coffer_requests_total counter'];
    for (const [label, count] of this.#requests) lines.push(`coffer_requests_total{${label}} ${count}`);
    lines.push('# TYPE coffer_request_seconds_total counter');
    for (const [name, sum] of this.#seconds) lines.push(`coffer_request_seconds_total{operation="${name}"} ${sum}`);
    lines.push('# TYPE coffer_sent_bytes_total counter', `coffer_sent_bytes_total ${this.#bytesOut}`);
    lines.push('# TYPE coffer_requests_in_flight gauge', `coffer_requests_in_flight ${this.inFlight}`);
    return `${lines.join('\n')}\n`;
  }
}
