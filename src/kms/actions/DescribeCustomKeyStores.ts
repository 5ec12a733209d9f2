import { action } from '../action.js';
import { validation } from '../errors.js';
import { noSuchKeyStore } from '../key-stores/errors.js';
import type { CustomKeyStore } from '../key-stores/record.js';
import { entriesAfter, page, readPage } from '../paging.js';

export const describeCustomKeyStores = action({
  name: 'DescribeCustomKeyStores',
  input: (input) => ({
    id: input.text('CustomKeyStoreId', { min: 1, max: 64 }),
    name: input.text('CustomKeyStoreName', { min: 1, max: 256 }),
    ...readPage(input, { limit: 100, max: 1000, names: /^cks-[0-9a-f]{17}$/ }),
  }),
  async run({ id, name, limit, after }, call) {
    call.authorizeOn('*', {});
    if (id !== undefined && name !== undefined) {
      throw validation('You cannot specify CustomKeyStoreId and CustomKeyStoreName in the same request.');
    }
    const all = await call.keys.stores.book.list(call.who.caller.accountId);
    const named = id ?? name;
    const found = all.filter((one) => named === undefined || one.id === id || one.name === name);
    if (named !== undefined && found.length === 0) throw noSuchKeyStore(named);
    const { shown, ...rest } = page(
      entriesAfter(found, after, (one) => one.id),
      limit,
      (one) => one.id,
    );
    return { CustomKeyStores: shown.map(entry), ...rest };
  },
});

/** CustomKeyStoresListEntry of the API model: never a secret. */
function entry({ id, name, state, errorCode, createdMs, backing }: CustomKeyStore): Record<string, unknown> {
  return {
    CustomKeyStoreId: id,
    CustomKeyStoreName: name,
    ...(backing.type === 'AWS_CLOUDHSM' && {
      CloudHsmClusterId: backing.clusterId,
      TrustAnchorCertificate: backing.trustAnchor,
    }),
    ConnectionState: state,
    ...(errorCode && { ConnectionErrorCode: errorCode }),
    CreationDate: createdMs / 1000,
    CustomKeyStoreType: backing.type,
    ...(backing.type === 'EXTERNAL_KEY_STORE' && {
      XksProxyConfiguration: {
        Connectivity: 'PUBLIC_ENDPOINT',
        AccessKeyId: backing.accessKeyId,
        UriEndpoint: backing.endpoint,
        UriPath: backing.path,
      },
    }),
  };
}
