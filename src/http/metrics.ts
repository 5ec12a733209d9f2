import type { MemberCounts } from '../cloudhsm/holder.js';
import type { LifecycleCounts } from '../jobs/lifecycle/counts.js';
import type { ReplicationCounts } from '../s3/replication/counts.js';

interface Tally {
  /** By status class; 0 where the client was gone before an answer. */
  requests: number[];
  seconds: number;
}

/** Counters in Prometheus' text format. Labels are operation names and status classes: nothing that a client chooses. */
export class Metrics {
  readonly #tallies = new Map<string, Tally>();
  readonly #lifecycle = new Map<string, number>();
  #received = 0;
  #sent = 0;
  inFlight = 0;

  /** `failures`: failed authentications by `<service> <code>`, both of the code's own choosing. */
  constructor(
    private readonly failures: () => ReadonlyMap<string, number> = () => new Map(),
    private readonly replication?: Readonly<ReplicationCounts>,
    private readonly lostLogLines: () => number = () => 0,
    private readonly readOnly: () => boolean = () => false,
    private readonly members?: () => Readonly<MemberCounts>,
    /** Whole lines of others. */
    private readonly more: () => readonly string[] = () => [],
  ) {}

  /** Bytes are those of bodies. */
  count(operation: string, status: number, seconds: number, receivedBytes: number, sentBytes: number): void {
    let tally = this.#tallies.get(operation);
    if (!tally) {
      tally = { requests: [0, 0, 0, 0, 0, 0], seconds: 0 };
      this.#tallies.set(operation, tally);
    }
    tally.requests[Math.floor(status / 100)]!++;
    tally.seconds += seconds;
    this.#received += receivedBytes;
    this.#sent += sentBytes;
  }

  /** What a run of the lifecycle job did. */
  countLifecycle(counts: LifecycleCounts): void {
    for (const [name, count] of Object.entries(counts)) {
      const counter = `coffer_lifecycle_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`;
      this.#lifecycle.set(counter, (this.#lifecycle.get(counter) ?? 0) + count);
    }
  }

  render(): string {
    const lines = ['# HELP coffer_requests_total Requests by operation and class of status.'];
    lines.push('# TYPE coffer_requests_total counter');
    for (const [operation, { requests }] of this.#tallies) {
      for (const [status, count] of requests.entries()) {
        const name = status === 0 ? 'none' : `${status}xx`;
        if (count > 0) lines.push(`coffer_requests_total{operation="${operation}",status="${name}"} ${count}`);
      }
    }
    lines.push('# HELP coffer_request_seconds From the head of a request to the end of its answer.');
    lines.push('# TYPE coffer_request_seconds summary');
    for (const [operation, { requests, seconds }] of this.#tallies) {
      const count = requests.reduce((sum, one) => sum + one, 0);
      lines.push(`coffer_request_seconds_sum{operation="${operation}"} ${seconds}`);
      lines.push(`coffer_request_seconds_count{operation="${operation}"} ${count}`);
    }
    lines.push('# HELP coffer_received_bytes_total Bytes of request bodies.');
    lines.push('# TYPE coffer_received_bytes_total counter', `coffer_received_bytes_total ${this.#received}`);
    lines.push('# HELP coffer_sent_bytes_total Bytes of bodies of answers.');
    lines.push('# TYPE coffer_sent_bytes_total counter', `coffer_sent_bytes_total ${this.#sent}`);
    lines.push('# HELP coffer_requests_in_flight Requests that are being answered.');
    lines.push('# TYPE coffer_requests_in_flight gauge', `coffer_requests_in_flight ${this.inFlight}`);
    lines.push(
      '# HELP coffer_store_read_only 1 where only reads and deletes are served, for want of room on the disk.',
    );
    lines.push('# TYPE coffer_store_read_only gauge', `coffer_store_read_only ${this.readOnly() ? 1 : 0}`);
    for (const [counter, count] of this.#lifecycle) {
      lines.push(`# HELP ${counter} Of all runs of the lifecycle job since the start.`);
      lines.push(`# TYPE ${counter} counter`, `${counter} ${count}`);
    }
    lines.push('# HELP coffer_authentication_failures_total Requests that failed authentication.');
    lines.push('# TYPE coffer_authentication_failures_total counter');
    for (const [kind, count] of this.failures()) {
      const [service, code = service] = kind.split(' ');
      lines.push(`coffer_authentication_failures_total{service="${service}",code="${code}"} ${count}`);
    }
    lines.push('# HELP coffer_log_lines_lost_total Lines of the log that could not be written.');
    lines.push('# TYPE coffer_log_lines_lost_total counter', `coffer_log_lines_lost_total ${this.lostLogLines()}`);
    if (this.replication) lines.push(...replicationLines(this.replication));
    if (this.members) lines.push(...memberLines(this.members()));
    lines.push(...this.more());
    return `${lines.join('\n')}\n`;
  }
}

function memberLines({ serving, lost, losses }: Readonly<MemberCounts>): string[] {
  const lines = ['# HELP coffer_hsm_members Members of clusters whose key stores are connected.'];
  lines.push('# TYPE coffer_hsm_members gauge');
  lines.push(`coffer_hsm_members{state="serving"} ${serving}`, `coffer_hsm_members{state="lost"} ${lost}`);
  lines.push('# HELP coffer_hsm_member_losses_total Members that stopped answering, since the start.');
  lines.push('# TYPE coffer_hsm_member_losses_total counter', `coffer_hsm_member_losses_total ${losses}`);
  return lines;
}

function replicationLines({ pending, completed, failed }: Readonly<ReplicationCounts>): string[] {
  const lines = ['# HELP coffer_replication_pending Versions that wait to be replicated, as the job last saw them.'];
  lines.push('# TYPE coffer_replication_pending gauge', `coffer_replication_pending ${pending}`);
  lines.push('# HELP coffer_replication_completed_total Versions that are replicated, since the start.');
  lines.push('# TYPE coffer_replication_completed_total counter', `coffer_replication_completed_total ${completed}`);
  lines.push(
    '# HELP coffer_replication_failed_total Versions that could not be replicated, by reason, since the start.',
  );
  lines.push('# TYPE coffer_replication_failed_total counter');
  for (const [reason, count] of failed) lines.push(`coffer_replication_failed_total{reason="${reason}"} ${count}`);
  return lines;
}
