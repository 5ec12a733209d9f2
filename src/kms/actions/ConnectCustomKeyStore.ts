import { action } from '../action.js';
import { requireCluster } from '../key-stores/backing.js';
import { keyStoreState } from '../key-stores/errors.js';
import { namedKeyStore, readKeyStoreId } from '../key-stores/named.js';

export const connectCustomKeyStore = action({
  name: 'ConnectCustomKeyStore',
  input: (input) => ({ id: readKeyStoreId(input) }),
  async run({ id }, call) {
    const store = await namedKeyStore(call, id);
    const { stores } = call.keys;
    if (store.state === 'FAILED') {
      throw keyStoreState(`Custom key store '${id}' failed to connect. Disconnect it before you connect it again.`);
    }
    // It is, or soon will be.
    if (store.state !== 'DISCONNECTED') return {};
    // How many HSMs are active is seen when it connects: INSUFFICIENT_CLOUDHSM_HSMS.
    if (store.backing.type === 'AWS_CLOUDHSM') {
      await requireCluster(stores.parts.clusters, call.who.caller.accountId, store.backing.clusterId, 0);
    }
    await stores.connect(call, id);
    return {};
  },
});
