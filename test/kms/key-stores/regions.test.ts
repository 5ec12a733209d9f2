import { expect, test, vi } from 'vitest';
import { DAY_MS, makeKms, OTHER_REGION } from '../harness.js';
import { clusterSettings, TestClusters } from './clusters.js';
import { destroyDue, makeExternal } from './support.js';

const Plaintext = Buffer.from('attack at dawn').toString('base64');

test('external key stores and their keys are a region’s own, and none of them is multi-Region', async () => {
  const { ask, askElsewhere, proxy, credential, keys, meta, clock, regions, close } = await makeExternal();
  const settings = proxy.settings(credential);
  const home = (await ask('CreateCustomKeyStore', settings)).json.CustomKeyStoreId;
  // The same name and address: of another region they are somebody else's.
  const { CustomKeyStoreId } = (await askElsewhere('CreateCustomKeyStore', settings)).json;
  expect((await askElsewhere('ConnectCustomKeyStore', { CustomKeyStoreId: home })).json.__type).toBe(
    'CustomKeyStoreNotFoundException',
  );
  await askElsewhere('ConnectCustomKeyStore', { CustomKeyStoreId });
  const states = async (where: typeof ask) =>
    (await where('DescribeCustomKeyStores')).json.CustomKeyStores.map(
      (one: { CustomKeyStoreId: string; ConnectionState: string }) => [one.CustomKeyStoreId, one.ConnectionState],
    );
  await vi.waitFor(async () => expect(await states(askElsewhere)).toEqual([[CustomKeyStoreId, 'CONNECTED']]), 60_000);
  expect(await states(ask)).toEqual([[home, 'DISCONNECTED']]);
  const wanted = { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId: 'one' };
  expect((await ask('CreateKey', wanted)).json.__type).toBe('CustomKeyStoreNotFoundException');
  expect((await askElsewhere('CreateKey', { ...wanted, MultiRegion: true })).json.__type).toBe(
    'UnsupportedOperationException',
  );
  const { KeyId, Arn } = (await askElsewhere('CreateKey', wanted)).json.KeyMetadata;
  expect(Arn).toContain(`:${OTHER_REGION}:`);
  const { CiphertextBlob } = (await askElsewhere('Encrypt', { KeyId, Plaintext })).json;
  expect((await askElsewhere('Decrypt', { CiphertextBlob })).json.Plaintext).toBe(Plaintext);
  expect((await ask('Decrypt', { CiphertextBlob })).status).toBe(400);
  expect((await ask('DescribeKey', { KeyId })).json.__type).toBe('NotFoundException');
  for (const [action, input] of [
    ['ReplicateKey', { KeyId, ReplicaRegion: 'us-east-1' }],
    ['UpdatePrimaryRegion', { KeyId, PrimaryRegion: 'us-east-1' }],
  ] as const) {
    expect((await askElsewhere(action, input)).json.__type).toBe('UnsupportedOperationException');
  }
  await askElsewhere('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
  const remove = () => askElsewhere('DeleteCustomKeyStore', { CustomKeyStoreId });
  await askElsewhere('DisconnectCustomKeyStore', { CustomKeyStoreId });
  expect((await remove()).json.__type).toBe('CustomKeyStoreHasCMKsException');
  clock.advance(8 * DAY_MS);
  await destroyDue(keys, meta);
  expect((await remove()).status).toBe(200);
  expect(await states(ask)).toHaveLength(1);
  await regions.of(OTHER_REGION)!.stores.close();
  await close();
});

test('clusters are in the one region: a key store of another region has none', async () => {
  const { ask, askElsewhere } = makeKms(undefined, { clusters: new TestClusters() });
  expect((await askElsewhere('CreateCustomKeyStore', clusterSettings('hsm'))).json.__type).toBe(
    'CloudHsmClusterNotFoundException',
  );
  expect((await ask('CreateCustomKeyStore', clusterSettings('hsm'))).status).toBe(200);
});
