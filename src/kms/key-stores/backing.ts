import { X509Certificate } from 'node:crypto';
import { KmsError } from '../../encryption/ports.js';
import { validation } from '../errors.js';
import type { Input } from '../fields.js';
import type { Holders } from './holders.js';
import type { Clusters, HolderCall } from './ports.js';
import type { ClusterBacking, CustomKeyStore, ProxyBacking } from './record.js';
import { XksFailure } from './xks/failure.js';

const ACCESS_KEY_ID = { min: 20, max: 30, pattern: '^[A-Z2-7]+$', sensitive: true } as const;
const SECRET_ACCESS_KEY = { min: 43, max: 64, pattern: '^[a-zA-Z0-9\\/+=]+$', sensitive: true } as const;
/** AWS knows no ports: proxies of theirs are at 443. */
const URI_ENDPOINT = {
  min: 10,
  max: 128,
  pattern: '^https://[a-zA-Z0-9.-]+$',
  besides: /^https:\/\/[a-zA-Z0-9.-]+:[1-9]\d{0,4}$/,
};
const URI_PATH = { min: 10, max: 128, pattern: '^(/[a-zA-Z0-9\\/_-]+/kms/xks/v\\d{1,2})$|^(/kms/xks/v\\d{1,2})$' };
const SERVICE_NAME = {
  min: 20,
  max: 64,
  pattern: '^(com|eu)\\.amazonaws\\.vpce\\.([a-z]+-){2,3}\\d+\\.vpce-svc-[0-9a-z]+$',
};

/** Members of CreateCustomKeyStore and UpdateCustomKeyStore about what the key store is backed by. */
export function readBacking(input: Input) {
  const credential = input.structure('XksProxyAuthenticationCredential');
  const asked = {
    clusterId: input.text('CloudHsmClusterId', { min: 19, max: 24, pattern: 'cluster-[2-7a-zA-Z]{11,16}' }),
    password: input.text('KeyStorePassword', { min: 7, max: 32, sensitive: true }),
    endpoint: input.text('XksProxyUriEndpoint', URI_ENDPOINT),
    path: input.text('XksProxyUriPath', URI_PATH),
    connectivity: input.oneOf('XksProxyConnectivity', ['PUBLIC_ENDPOINT', 'VPC_ENDPOINT_SERVICE']),
    serviceName: input.text('XksProxyVpcEndpointServiceName', SERVICE_NAME),
    serviceOwner: input.text('XksProxyVpcEndpointServiceOwner', { min: 12, max: 12, pattern: '[0-9]{12}' }),
    credential: credential && {
      accessKeyId: credential.requiredText('AccessKeyId', ACCESS_KEY_ID),
      secretAccessKey: credential.requiredText('RawSecretAccessKey', SECRET_ACCESS_KEY),
    },
  };
  credential?.requireAllRead();
  return asked;
}

export type AskedBacking = ReturnType<typeof readBacking>;

/** What belongs to the other type of key store. @throws ValidationException */
export function requireOf(type: CustomKeyStore['backing']['type'], asked: AskedBacking, trustAnchor?: string): void {
  const { clusterId, password, credential, ...rest } = asked;
  const ofProxy = credential !== undefined || Object.values(rest).some((one) => one !== undefined);
  const ofCluster = (clusterId ?? password ?? trustAnchor) !== undefined;
  if (type === 'AWS_CLOUDHSM' ? ofProxy : ofCluster) {
    throw validation(`The request has members that are not valid for a custom key store of type ${type}.`);
  }
}

/** There are no VPCs here. @throws XksProxyVpcEndpointServiceNotFoundException */
export function requirePublic({ connectivity, serviceName, serviceOwner }: AskedBacking): void {
  if (connectivity === 'VPC_ENDPOINT_SERVICE' || serviceName !== undefined) {
    throw new KmsError(
      'XksProxyVpcEndpointServiceNotFoundException',
      'There are no VPC endpoint services here. Use PUBLIC_ENDPOINT connectivity.',
    );
  }
  if (serviceOwner !== undefined) {
    throw validation('XksProxyVpcEndpointServiceOwner is valid only with VPC_ENDPOINT_SERVICE connectivity.');
  }
}

/** @throws XksProxyInvalidConfigurationException, and what a proxy that doesn't serve is answered by */
export async function requireHealthy(holders: Holders, backing: ProxyBacking, call: HolderCall): Promise<void> {
  requireEndpoint(backing.endpoint);
  if (!holders.allows(backing.endpoint)) {
    const { host } = new URL(backing.endpoint);
    throw new KmsError('XksProxyInvalidConfigurationException', `COFFER_XKS_HOSTS has to name ${host}.`);
  }
  if (!backing.path.endsWith('/v1')) {
    throw new KmsError('XksProxyInvalidConfigurationException', 'Only version 1 of the XKS proxy API is supported.');
  }
  try {
    await holders.proxy(backing).getHealthStatus(call);
  } catch (error) {
    throw error instanceof XksFailure ? error.ofKeyStore : error;
  }
}

/** What the pattern lets through may be no host all the same. @throws ValidationException */
export function requireEndpoint(endpoint: string): void {
  if (!URL.canParse(endpoint)) throw validation(`XksProxyUriEndpoint '${endpoint}' is not a valid URI.`);
}

/** Each external key store of an account has an address of its own. @throws XksProxyUriInUseException */
export function requireFreeAddress(stores: readonly CustomKeyStore[], { endpoint, path }: ProxyBacking): void {
  const address = (one: Pick<ProxyBacking, 'endpoint' | 'path'>) => `${new URL(one.endpoint).origin}${one.path}`;
  const taken = stores.some(
    ({ backing }) => backing.type === 'EXTERNAL_KEY_STORE' && address(backing) === address({ endpoint, path }),
  );
  if (taken) {
    throw new KmsError(
      'XksProxyUriInUseException',
      'The concatenation of XksProxyUriEndpoint and XksProxyUriPath is already associated with another external key store.',
    );
  }
}

/**
 * The cluster is there, ACTIVE, known by this trust anchor, with as many active HSMs as are needed.
 * @throws CloudHsmClusterNotFoundException, CloudHsmClusterNotActiveException, CloudHsmClusterInvalidConfigurationException
 */
export async function requireCluster(
  clusters: Clusters | undefined,
  accountId: string,
  clusterId: string,
  membersNeeded: number,
): Promise<{ trustAnchor: string | undefined }> {
  const cluster = await clusters?.describe(accountId, clusterId);
  if (!cluster) {
    throw new KmsError('CloudHsmClusterNotFoundException', `CloudHSM cluster '${clusterId}' does not exist.`);
  }
  if (cluster.state !== 'ACTIVE') {
    throw new KmsError('CloudHsmClusterNotActiveException', `CloudHSM cluster '${clusterId}' is ${cluster.state}.`);
  }
  const needed = cluster.allowSingleMember ? 1 : membersNeeded;
  if (cluster.activeMembers < needed) {
    throw new KmsError(
      'CloudHsmClusterInvalidConfigurationException',
      `CloudHSM cluster '${clusterId}' has ${cluster.activeMembers} active HSMs; the operation needs ${needed}.`,
    );
  }
  return cluster;
}

/** @throws IncorrectTrustAnchorException */
export function requireTrustAnchor({ trustAnchor: given }: ClusterBacking, known: string | undefined): void {
  const fingerprint = (pem: string): string | undefined => {
    try {
      return new X509Certificate(pem).fingerprint256;
    } catch {
      return undefined;
    }
  };
  const [one, other] = [fingerprint(given), known === undefined ? undefined : fingerprint(known)];
  if (one !== undefined && one === other) return;
  throw new KmsError(
    'IncorrectTrustAnchorException',
    'The trust anchor certificate in the request is not the trust anchor certificate for the specified CloudHSM cluster.',
  );
}

/** @throws CloudHsmClusterInUseException: the same cluster, or one that comes of the same backup */
export function requireFreeCluster(
  stores: readonly CustomKeyStore[],
  { clusterId, trustAnchor }: ClusterBacking,
): void {
  const anchor = (pem: string) => new X509Certificate(pem).fingerprint256;
  const taken = stores.some(
    ({ backing }) =>
      backing.type === 'AWS_CLOUDHSM' &&
      (backing.clusterId === clusterId || anchor(backing.trustAnchor) === anchor(trustAnchor)),
  );
  if (taken) {
    throw new KmsError(
      'CloudHsmClusterInUseException',
      `CloudHSM cluster '${clusterId}', or one of the same backup history, is already associated with a custom key store.`,
    );
  }
}
