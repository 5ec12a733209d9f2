import { randomBytes } from 'node:crypto';
import { KmsError } from '../../encryption/ports.js';
import { action } from '../action.js';
import type { Call } from '../call.js';
import { validation } from '../errors.js';
import {
  type AskedBacking,
  readBacking,
  requireCluster,
  requireFreeAddress,
  requireFreeCluster,
  requireHealthy,
  requireOf,
  requirePublic,
  requireTrustAnchor,
} from '../key-stores/backing.js';
import { nameInUse } from '../key-stores/errors.js';
import { holderCall } from '../key-stores/key-stores.js';
import {
  type ClusterBacking,
  type CustomKeyStore,
  KEY_STORES_PER_ACCOUNT_MAX,
  type ProxyBacking,
} from '../key-stores/record.js';

/** A key store needs two active HSMs to be created, and to make keys in. */
const MEMBERS_NEEDED = 2;

export const createCustomKeyStore = action({
  name: 'CreateCustomKeyStore',
  input: (input) => ({
    name: input.requiredText('CustomKeyStoreName', { min: 1, max: 256 }),
    type: input.oneOf('CustomKeyStoreType', ['AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE']) ?? 'AWS_CLOUDHSM',
    trustAnchor: input.text('TrustAnchorCertificate', { min: 1, max: 5000 }),
    backing: readBacking(input),
  }),
  async run({ name, type, trustAnchor, backing: asked }, call) {
    call.authorizeOn('*', {});
    requireOf(type, asked, trustAnchor);
    const { accountId } = call.who.caller;
    const { stores: keyStores, clock } = call.keys;
    const backing = type === 'AWS_CLOUDHSM' ? clusterOf(asked, trustAnchor) : proxyOf(asked);
    requireRoom(await keyStores.book.list(accountId), name, backing);
    if (backing.type === 'EXTERNAL_KEY_STORE') {
      await requireHealthy(keyStores.parts.holders, backing, holderCall(call));
    } else await requireOwnCluster(call, backing);
    const id = `cks-${randomBytes(9).toString('hex').slice(0, 17)}`;
    const made: CustomKeyStore = {
      id,
      name,
      createdMs: clock.now(),
      state: 'DISCONNECTED',
      epoch: 0,
      backing,
    };
    call.note({ details: { CustomKeyStoreId: id, CustomKeyStoreName: name, CustomKeyStoreType: type } });
    await keyStores.book.change(accountId, call.committing, (stores) => {
      requireRoom(stores, name, backing);
      return [...stores, made];
    });
    return { CustomKeyStoreId: id };
  },
});

function clusterOf({ clusterId, password }: AskedBacking, trustAnchor: string | undefined): ClusterBacking {
  if (clusterId === undefined) throw validation('CloudHsmClusterId is required for an AWS CloudHSM key store.');
  if (password === undefined) throw validation('KeyStorePassword is required for an AWS CloudHSM key store.');
  if (trustAnchor === undefined) throw validation('TrustAnchorCertificate is required for an AWS CloudHSM key store.');
  return { type: 'AWS_CLOUDHSM', clusterId, trustAnchor, password };
}

function proxyOf(asked: AskedBacking): ProxyBacking {
  const { endpoint, path, credential, connectivity } = asked;
  if (connectivity === undefined) throw validation('XksProxyConnectivity is required for an external key store.');
  requirePublic(asked);
  if (endpoint === undefined) throw validation('XksProxyUriEndpoint is required for an external key store.');
  if (path === undefined) throw validation('XksProxyUriPath is required for an external key store.');
  if (!credential) throw validation('XksProxyAuthenticationCredential is required for an external key store.');
  return { type: 'EXTERNAL_KEY_STORE', endpoint, path, ...credential };
}

async function requireOwnCluster(call: Call, backing: ClusterBacking): Promise<void> {
  const { clusters } = call.keys.stores.parts;
  const found = await requireCluster(clusters, call.who.caller.accountId, backing.clusterId, MEMBERS_NEEDED);
  requireTrustAnchor(backing, found.trustAnchor);
}

/** @throws LimitExceededException, CustomKeyStoreNameInUseException, and that the address or cluster is in use */
function requireRoom(stores: readonly CustomKeyStore[], name: string, backing: CustomKeyStore['backing']): void {
  if (stores.some((one) => one.name === name)) throw nameInUse(name);
  if (stores.length >= KEY_STORES_PER_ACCOUNT_MAX) {
    throw new KmsError(
      'LimitExceededException',
      `An account has at most ${KEY_STORES_PER_ACCOUNT_MAX} custom key stores.`,
    );
  }
  if (backing.type === 'EXTERNAL_KEY_STORE') requireFreeAddress(stores, backing);
  else requireFreeCluster(stores, backing);
}
