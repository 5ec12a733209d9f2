import { expect, vi } from 'vitest';
import { Secret } from '../../../src/base/secret.js';
import { KeyDestroyer } from '../../../src/kms/destroy.js';
import type { Keys } from '../../../src/kms/keys.js';
import type { MetaStore } from '../../../src/store/ports.js';
import { TestXksProxy, XKS_CA_FILE, xksCredential } from '../../support/xks-proxy.js';
import { makeKms } from '../harness.js';

/** So long that a slow machine never gets there. */
export const PATIENT = { timeoutMs: 60_000, caFile: XKS_CA_FILE, hosts: ['localhost'] };

/** A key service beside a proxy that has the key `one`. */
export async function makeExternal(xks = PATIENT) {
  const credential = xksCredential();
  const proxy = await TestXksProxy.start(credential);
  proxy.addKey('one');
  const kms = makeKms(undefined, { xks });
  const { ask } = kms;
  const entry = async (id: string) =>
    (await ask('DescribeCustomKeyStores', { CustomKeyStoreId: id })).json.CustomKeyStores[0];
  /** Until it is no longer connecting. */
  const settled = async (id: string) => {
    await vi.waitFor(async () => expect((await entry(id)).ConnectionState).not.toBe('CONNECTING'), 60_000);
    return entry(id);
  };
  const create = async (name = 'external', path?: string): Promise<string> =>
    (await ask('CreateCustomKeyStore', proxy.settings(credential, name, path))).json.CustomKeyStoreId;
  const connected = async (): Promise<string> => {
    const id = await create();
    await ask('ConnectCustomKeyStore', { CustomKeyStoreId: id });
    expect(await settled(id)).toMatchObject({ ConnectionState: 'CONNECTED' });
    return id;
  };
  const createKey = (CustomKeyStoreId: string, XksKeyId = 'one', more: object = {}) =>
    ask('CreateKey', { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId, ...more });
  const close = async () => {
    await kms.stores.close();
    await proxy.close();
  };
  return { ...kms, proxy, credential, entry, settled, create, connected, createKey, close };
}

/** What a server does with the keys whose waiting period is over; the key-store key's file isn't what is tested. */
export async function destroyDue(keys: Keys, meta: MetaStore): Promise<void> {
  const key = () => new Secret(Buffer.alloc(32, 3));
  const file = { previous: undefined, path: 'keys', begin: async () => key(), replace: async () => undefined };
  await new KeyDestroyer({ keys, meta, file: file as never }, key()).destroyDue();
}
