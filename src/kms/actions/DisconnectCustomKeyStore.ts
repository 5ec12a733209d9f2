import { action } from '../action.js';
import { keyStoreState, noSuchKeyStore } from '../key-stores/errors.js';
import { newStamp } from '../key-stores/key-stores.js';
import { namedKeyStore, readKeyStoreId } from '../key-stores/named.js';

export const disconnectCustomKeyStore = action({
  name: 'DisconnectCustomKeyStore',
  input: (input) => ({ id: readKeyStoreId(input) }),
  async run({ id }, call) {
    await namedKeyStore(call, id);
    const { stores: keyStores } = call.keys;
    await keyStores.book.change(call.who.caller.accountId, call.committing, (stores) => {
      const found = stores.find((one) => one.id === id);
      if (!found) throw noSuchKeyStore(id);
      if (found.state === 'DISCONNECTED') throw keyStoreState(`Custom key store '${id}' is not connected.`);
      const { errorCode: _, ...rest } = found;
      const disconnected = { ...rest, state: 'DISCONNECTED' as const, stamp: newStamp() };
      return stores.map((one) => (one === found ? disconnected : one));
    });
    await keyStores.disconnect(id);
    return {};
  },
});
