import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import { openCloudHsm } from '../cloudhsm/open.js';
import type { Config } from '../config.js';
import type { KeyImpact, KeyService } from '../encryption/ports.js';
import type { Accounts } from '../iam/accounts.js';
import { AuthFailures } from '../kms/audit/auth-failures.js';
import { FIRST_CHAIN, freeChain } from '../kms/audit/chain-names.js';
import { AuditTrail, auditChainKeyOf } from '../kms/audit/trail.js';
import { type OpenedKms, openKms } from '../kms/open.js';
import type { RemoteKeyService } from '../kms/remote.js';
import type { Leases } from '../store/leases.js';
import type { Store } from '../store/store.js';
import type { GatewayKeys } from './keys.js';
import type { Profile } from './profile.js';

/** What wraps data keys, and what goes with it. */
export interface GatewayKms {
  keyService: KeyService;
  /** This and the audit log are absent where a remote KMS is used. */
  builtIn: OpenedKms | undefined;
  audit: AuditTrail | undefined;
  authFailures: AuthFailures | undefined;
  /** Absent where `COFFER_HSM_FILE` isn't set. */
  cloudhsm: ReturnType<typeof openCloudHsm> | undefined;
}

export interface KmsParts {
  config: Config;
  store: Store;
  leases: Leases;
  within: Profile['within'];
  keys: GatewayKeys;
  accounts: Accounts;
  clock: Clock;
  impact: KeyImpact;
  /** Before a CMK is destroyed. */
  beforeDestruction(): void;
  log: Logger;
}

/** @throws ConfigError, StoreDamaged */
export async function openKeyService(parts: KmsParts): Promise<GatewayKms> {
  const { config, store, leases, keys, clock, log } = parts;
  const { meta } = store;
  const { sealer, rootKey, places, root } = keys;
  const audit =
    config.kmsEndpoint === undefined
      ? await AuditTrail.open({
          meta,
          sealer,
          chainKey: auditChainKeyOf(rootKey),
          headFile: places.auditHeadFile(root),
          chain: meta.shared ? await freeChain((name) => leases.take(name)) : FIRST_CHAIN,
          clock,
          onTrouble: (message, error) => log.error({ err: error }, message),
        })
      : undefined;
  const authFailures = audit && new AuthFailures(audit, clock);
  const cloudhsm =
    config.hsmFile === undefined
      ? undefined
      : openCloudHsm({
          hsmFile: config.hsmFile,
          meta,
          sealer,
          audit,
          clock,
          leases: meta.shared ? { take: (name) => leases.take(name), within: parts.within } : undefined,
          region: config.region,
          dayMs: config.dayMs,
          say: (level, facts, message) => log[level](facts, message),
        });
  const builtIn = !audit
    ? undefined
    : await openKms({
        meta,
        sealer,
        rootKey,
        keyStoreFile: places.keyStoreFile(root),
        audit,
        principals: parts.accounts,
        clock,
        region: config.region,
        regions: config.regions,
        dayMs: config.dayMs,
        peers: leases,
        xks: {
          timeoutMs: config.xksTimeoutMs,
          caFile: config.xksCaFile,
          hosts: config.xksHosts,
          requestsMax: config.xksMaxRequests,
        },
        clusters: cloudhsm,
        impact: parts.impact,
        beforeDestruction: () => parts.beforeDestruction(),
        compact: (range) => store.compactMeta(range),
        onTrouble: (error) => log.error({ err: error }, 'keeping KMS keys failed'),
        onNotice: (message) => log.warn(message),
        say: (level, facts, message) => log[level](facts, message),
      });
  const keyService = builtIn?.kms ?? (await remoteKeyService(config.kmsEndpoint!, config.region, clock));
  return { keyService, builtIn, audit, authFailures, cloudhsm };
}

/** AWS's client takes a tenth of a second to load: only who uses it waits for it. */
async function remoteKeyService(...parts: ConstructorParameters<typeof RemoteKeyService>): Promise<KeyService> {
  const { RemoteKeyService } = await import('../kms/remote.js');
  return new RemoteKeyService(...parts);
}
