import type { Call } from '../call.js';
import type { Input } from '../fields.js';
import type { CustomKeyStore } from './record.js';

export const readKeyStoreId = (input: Input): string => input.requiredText('CustomKeyStoreId', { min: 1, max: 64 });

/** The caller's, authorized: identity policies decide on custom key stores. @throws CustomKeyStoreNotFoundException, AccessDeniedException */
export function namedKeyStore(call: Call, id: string): Promise<CustomKeyStore> {
  call.authorizeOn('*', {});
  call.note({ details: { CustomKeyStoreId: id } });
  return call.keys.stores.book.find(call.who.caller.accountId, id);
}
