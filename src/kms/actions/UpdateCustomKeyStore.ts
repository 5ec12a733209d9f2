import { isDeepStrictEqual } from 'node:util';
import { KmsError } from '../../encryption/ports.js';
import { action } from '../action.js';
import type { Call } from '../call.js';
import {
  type AskedBacking,
  readBacking,
  requireCluster,
  requireFreeAddress,
  requireHealthy,
  requireOf,
  requirePublic,
  requireTrustAnchor,
} from '../key-stores/backing.js';
import { keyStoreState, nameInUse, noSuchKeyStore } from '../key-stores/errors.js';
import { holderCall } from '../key-stores/key-stores.js';
import { namedKeyStore, readKeyStoreId } from '../key-stores/named.js';
import type { ClusterBacking, CustomKeyStore, ProxyBacking } from '../key-stores/record.js';

const MEMBERS_NEEDED = 2;

export const updateCustomKeyStore = action({
  name: 'UpdateCustomKeyStore',
  input: (input) => ({
    id: readKeyStoreId(input),
    name: input.text('NewCustomKeyStoreName', { min: 1, max: 256 }),
    backing: readBacking(input),
  }),
  async run({ id, name, backing: asked }, call) {
    const found = await namedKeyStore(call, id);
    requireOf(found.backing.type, asked);
    const { accountId } = call.who.caller;
    const { stores: keyStores } = call.keys;
    requireUpdatable(found, asked);
    const backing = changed(found.backing, asked);
    if (!isDeepStrictEqual(backing, found.backing)) await requireServing(call, found.backing, backing);
    call.note({ details: { ...(name !== undefined && { CustomKeyStoreName: name }) } });
    await keyStores.book.change(accountId, call.committing, (stores) => {
      const store = stores.find((one) => one.id === id);
      if (!store) throw noSuchKeyStore(id);
      const others = stores.filter((one) => one !== store);
      if (name !== undefined && others.some((one) => one.name === name)) throw nameInUse(name);
      requireUpdatable(store, asked);
      // What was tried just now is what is written: somebody else's change in between isn't undone by half.
      if (!isDeepStrictEqual(store.backing, found.backing))
        throw keyStoreState(`Custom key store '${id}' is changing.`);
      if (backing.type === 'EXTERNAL_KEY_STORE') requireFreeAddress(others, backing);
      const isNew = !isDeepStrictEqual(backing, store.backing);
      const updated: CustomKeyStore = {
        ...store,
        name: name ?? store.name,
        backing,
        epoch: isNew ? store.epoch + 1 : store.epoch,
      };
      return stores.map((one) => (one === store ? updated : one));
    });
    return {};
  },
});

/** Name, credential and path of a proxy may change while it is connected, of a cluster the name alone. */
function requireUpdatable({ id, state, backing }: CustomKeyStore, asked: AskedBacking): void {
  const { path: _, credential: __, ...fixed } = asked;
  const ofBacking = Object.values(backing.type === 'EXTERNAL_KEY_STORE' ? fixed : asked);
  const whileConnected = ofBacking.every((one) => one === undefined);
  if (state === 'DISCONNECTED' || (state === 'CONNECTED' && whileConnected)) return;
  throw keyStoreState(`Custom key store '${id}' is ${state.toLowerCase()}. Disconnect it before you update it.`);
}

function changed(backing: CustomKeyStore['backing'], asked: AskedBacking): CustomKeyStore['backing'] {
  if (backing.type === 'AWS_CLOUDHSM') {
    const { clusterId = backing.clusterId, password = backing.password } = asked;
    return { ...backing, clusterId, password };
  }
  requirePublic(asked);
  const { endpoint = backing.endpoint, path = backing.path, credential } = asked;
  return { ...backing, endpoint, path, ...credential };
}

async function requireServing(
  call: Call,
  before: CustomKeyStore['backing'],
  backing: ClusterBacking | ProxyBacking,
): Promise<void> {
  const { holders, clusters } = call.keys.stores.parts;
  if (backing.type === 'EXTERNAL_KEY_STORE') return requireHealthy(holders, backing, holderCall(call));
  // A new password is tried when the key store connects.
  if (before.type !== 'AWS_CLOUDHSM' || before.clusterId === backing.clusterId) return;
  const found = await requireCluster(clusters, call.who.caller.accountId, backing.clusterId, MEMBERS_NEEDED);
  try {
    requireTrustAnchor(backing, found.trustAnchor);
  } catch {
    throw new KmsError(
      'CloudHsmClusterNotRelatedException',
      `CloudHSM cluster '${backing.clusterId}' has another certificate than the one the key store was created with.`,
    );
  }
}
