import type { HealthCounts } from '../kms/key-stores/health.js';
import type { XksTally } from '../kms/key-stores/xks/counts.js';

export interface XksFigures {
  requests: Iterable<Readonly<XksTally>>;
  health: Readonly<HealthCounts>;
}

/** As AWS publishes XksProxyErrors, XksProxyLatency and XksExternalKeyManagerStates; no key store is named here. */
export function xksLines({ requests, health }: XksFigures): string[] {
  const lines = ['# HELP coffer_xks_requests_total Requests to proxies of external key stores, by result.'];
  lines.push('# TYPE coffer_xks_requests_total counter');
  const seconds = ['# HELP coffer_xks_request_seconds How long such requests took.'];
  seconds.push('# TYPE coffer_xks_request_seconds summary');
  for (const tally of requests) {
    let count = 0;
    for (const [result, times] of tally.results) {
      lines.push(`coffer_xks_requests_total{operation="${tally.operation}",result="${result}"} ${times}`);
      count += times;
    }
    seconds.push(`coffer_xks_request_seconds_sum{operation="${tally.operation}"} ${tally.seconds}`);
    seconds.push(`coffer_xks_request_seconds_count{operation="${tally.operation}"} ${count}`);
  }
  lines.push(...seconds);
  lines.push('# HELP coffer_xks_proxies Connected external key stores, by whether their proxy served when last asked.');
  lines.push('# TYPE coffer_xks_proxies gauge');
  for (const state of ['healthy', 'unhealthy'] as const) {
    lines.push(`coffer_xks_proxies{state="${state}"} ${health[state]}`);
  }
  lines.push('# HELP coffer_xks_external_key_managers External key managers behind them, as their proxies say.');
  lines.push('# TYPE coffer_xks_external_key_managers gauge');
  for (const state of ['active', 'degraded', 'unavailable'] as const) {
    lines.push(`coffer_xks_external_key_managers{state="${state}"} ${health[state]}`);
  }
  return lines;
}
