import { action } from '../action.js';
import { keyStoreState, noSuchKeyStore } from '../key-stores/errors.js';
import { namedKeyStore, readKeyStoreId } from '../key-stores/named.js';
import type { CustomKeyStore } from '../key-stores/record.js';

export const disconnectCustomKeyStore = action({
  name: 'DisconnectCustomKeyStore',
  input: (input) => ({ id: readKeyStoreId(input) }),
  async run({ id }, call) {
    await namedKeyStore(call, id);
    const { stores: keyStores } = call.keys;
    let disconnected: CustomKeyStore | undefined;
    await keyStores.book.change(call.who.caller.accountId, call.committing, (stores) => {
      const found = stores.find((one) => one.id === id);
      if (!found) throw noSuchKeyStore(id);
      if (found.state === 'DISCONNECTED') throw keyStoreState(`Custom key store '${id}' is not connected.`);
      const { errorCode: _, ...rest } = found;
      const written: CustomKeyStore = { ...rest, state: 'DISCONNECTED', epoch: found.epoch + 1 };
      disconnected = written;
      return stores.map((one) => (one === found ? written : one));
    });
    if (disconnected) await keyStores.disconnect(disconnected);
    return {};
  },
});
