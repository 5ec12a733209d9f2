import type { LeaseCounts } from '../store/leases.js';
import { COMMIT_SECONDS } from '../store/measured-meta.js';
import type { Store } from '../store/store.js';

type Counts = ReturnType<NonNullable<Store['counts']>>;

/** Of a store that several gateways share, in Prometheus' text format; nothing of another. */
export function sharedLines(counts: Counts | undefined, leases: LeaseCounts): string[] {
  if (!counts) return [];
  return [...leaseLines(leases), ...commitLines(counts.commits), ...engineLines(counts.engine)];
}

function leaseLines({ held, gateways, takenOver, lost }: LeaseCounts): string[] {
  return [
    ...head('coffer_gateways', 'gauge', 'Gateways that are at work, as this one sees it.'),
    `coffer_gateways ${gateways}`,
    ...head('coffer_lease_held', 'gauge', 'Jobs that run here, and at no other gateway.'),
    ...held.map((name) => `coffer_lease_held{job="${name}"} 1`),
    ...head('coffer_leases_taken_over_total', 'counter', 'Leases of dead gateways that this one took or ended.'),
    `coffer_leases_taken_over_total ${takenOver}`,
    ...head('coffer_leases_lost_total', 'counter', 'Leases of this gateway that others took, since the start.'),
    `coffer_leases_lost_total ${lost}`,
  ];
}

function commitLines({ outcomes, classes, seconds }: Counts['commits']): string[] {
  const lines = head('coffer_meta_commits_total', 'counter', 'Commits to the shared database, by how they ended.');
  for (const [outcome, count] of Object.entries(outcomes)) {
    lines.push(`coffer_meta_commits_total{outcome="${outcome}"} ${count}`);
  }
  lines.push(...head('coffer_meta_commit_seconds', 'histogram', 'From a commit’s beginning to its outcome.'));
  let below = 0;
  for (const [i, bound] of [...COMMIT_SECONDS, '+Inf'].entries()) {
    below += classes[i]!;
    lines.push(`coffer_meta_commit_seconds_bucket{le="${bound}"} ${below}`);
  }
  lines.push(`coffer_meta_commit_seconds_sum ${seconds}`, `coffer_meta_commit_seconds_count ${below}`);
  return lines;
}

function engineLines({ connections, retries }: Counts['engine']): string[] {
  const lines: string[] = [];
  if (connections) {
    lines.push(
      ...head('coffer_meta_connections', 'gauge', 'Connections to the shared database, and who waits for one.'),
    );
    for (const [state, count] of Object.entries(connections)) {
      lines.push(`coffer_meta_connections{state="${state}"} ${count}`);
    }
  }
  if (retries !== undefined) {
    lines.push(
      ...head('coffer_meta_retries_total', 'counter', 'What the engine tried again by itself, since the start.'),
    );
    lines.push(`coffer_meta_retries_total ${retries}`);
  }
  return lines;
}

const head = (name: string, type: string, help: string): string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
];
