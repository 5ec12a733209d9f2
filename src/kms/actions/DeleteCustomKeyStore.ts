import { KmsError } from '../../encryption/ports.js';
import { action } from '../action.js';
import { keyStoreState, noSuchKeyStore } from '../key-stores/errors.js';
import { namedKeyStore, readKeyStoreId } from '../key-stores/named.js';

export const deleteCustomKeyStore = action({
  name: 'DeleteCustomKeyStore',
  input: (input) => ({ id: readKeyStoreId(input) }),
  async run({ id }, call) {
    await namedKeyStore(call, id);
    const { accountId } = call.who.caller;
    const { book, parts } = call.keys.stores;
    await book.change(accountId, call.committing, async (stores) => {
      const found = stores.find((one) => one.id === id);
      if (!found) throw noSuchKeyStore(id);
      if (found.state !== 'DISCONNECTED') throw keyStoreState(`Custom key store '${id}' is not disconnected.`);
      // A key that comes into it meanwhile changes the row that this commit expects.
      if (await book.hasMembers(accountId, id)) {
        throw new KmsError('CustomKeyStoreHasCMKsException', `Custom key store '${id}' contains KMS keys.`);
      }
      return stores.filter((one) => one !== found);
    });
    await book.forgetOrphansOf(accountId, id);
    parts.holders.forget(id);
    return {};
  },
});
