/** What the metrics tell of replication, since the start. */
export class ReplicationCounts {
  completed = 0;
  /** By reason. */
  readonly failed = new Map<string, number>();
  /** Waiting, as the job last saw them. */
  pending = 0;

  fail(reason: string): void {
    this.failed.set(reason, (this.failed.get(reason) ?? 0) + 1);
  }
}
