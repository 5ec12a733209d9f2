import type { Config } from '../config.js';
import { AdminRequests } from '../http/admin-requests.js';
import { Admission } from '../http/admission.js';
import { Edge } from '../http/edge.js';
import { InternalPages } from '../http/internal.js';
import type { Metrics } from '../http/metrics.js';
import { Peers } from '../http/peer.js';
import { S3Requests } from '../http/s3-requests.js';
import { ServiceRequests } from '../http/service-requests.js';
import type { Gateway } from './gateway.js';

/** What stands between sockets and a gateway. `closing`: it is about to end. */
export function edgeOf(gateway: Gateway, metrics: Metrics, closing: () => boolean): Edge {
  const { config, log, clock, profile, callers, kms, s3, operator, router, admin } = gateway;
  const { services } = s3;
  const { store } = profile;
  const { builtIn, cloudhsm, authFailures } = kms;
  const { answerBudget, requestBudget: budget } = services;
  const { domain, region }: Config = config;
  const credentials = callers.accounts;
  return new Edge({
    s3: new S3Requests({ services, operator, credentials, sigV2: config.sigV2, domain, router, log, authFailures }),
    services: new ServiceRequests({
      kms: builtIn?.byRegion,
      cloudhsm,
      credentials,
      clock,
      region,
      regions: config.regions,
      log,
      authFailures,
      budget,
    }),
    admin: new AdminRequests({ data: admin, credentials, clock, region, log, budget }),
    internal: new InternalPages({
      metrics,
      notReady: async () => (closing() ? 'shutting down' : store.trouble()),
      readOnly: () => store.readOnly() !== undefined,
      measureSpace: () => store.measureSpace(),
    }),
    domain,
    peers: new Peers(config.trustedProxies),
    admission: new Admission(config.maxRequestsPerPeer, answerBudget),
    answers: answerBudget,
    log,
    metrics,
  });
}
