import { describe, expect, test, vi } from 'vitest';
import { KeyHolderUnavailable } from '../../../src/kms/key-stores/ports.js';
import { MemoryMetaStore } from '../../../src/store/memory/meta-store.js';
import { ACCOUNT, DAY_MS, makeKms, OTHER_ACCOUNT, root } from '../harness.js';
import { CLUSTER_ID, clusterSettings, TestClusters } from './clusters.js';
import { destroyDue } from './support.js';

const Plaintext = Buffer.from('attack at dawn').toString('base64');
const OTHER_ANCHOR = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

async function makeStore(meta = new MemoryMetaStore(), clusters = new TestClusters()) {
  const kms = makeKms(meta, { clusters });
  const { ask } = kms;
  const entry = async (id: string) =>
    (await ask('DescribeCustomKeyStores', { CustomKeyStoreId: id })).json.CustomKeyStores[0];
  const connect = async (id: string) => {
    const answer = await ask('ConnectCustomKeyStore', { CustomKeyStoreId: id });
    await vi.waitFor(async () => expect((await entry(id)).ConnectionState).not.toBe('CONNECTING'), 60_000);
    return answer;
  };
  const create = async (): Promise<string> =>
    (await ask('CreateCustomKeyStore', clusterSettings('hsm'))).json.CustomKeyStoreId;
  const connected = async (): Promise<string> => {
    const id = await create();
    await connect(id);
    return id;
  };
  const createKey = (CustomKeyStoreId: string, more: object = {}) =>
    ask('CreateKey', { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId, ...more });
  return { ...kms, clusters, entry, connect, create, connected, createKey };
}

describe('CloudHSM key stores', () => {
  test('are created only over a cluster that is there, active, known by its certificate, and nobody else’s', async () => {
    const { ask, clusters, create } = await makeStore();
    const code = async (more: object = {}, who = root()) =>
      (await ask('CreateCustomKeyStore', { ...clusterSettings('other'), ...more }, who)).json.__type;
    const facts = clusters.facts.get(CLUSTER_ID)!;
    expect(await code({ CloudHsmClusterId: 'cluster-zzzzzzzzzzz' })).toBe('CloudHsmClusterNotFoundException');
    expect(await code({}, root(OTHER_ACCOUNT))).toBe('CloudHsmClusterNotFoundException');
    expect(await code({ TrustAnchorCertificate: OTHER_ANCHOR })).toBe('IncorrectTrustAnchorException');
    clusters.facts.set(CLUSTER_ID, { ...facts, state: 'INITIALIZED' });
    expect(await code()).toBe('CloudHsmClusterNotActiveException');
    clusters.facts.set(CLUSTER_ID, { ...facts, activeMembers: 1 });
    expect(await code()).toBe('CloudHsmClusterInvalidConfigurationException');
    clusters.facts.set(CLUSTER_ID, facts);
    for (const missing of ['CloudHsmClusterId', 'TrustAnchorCertificate', 'KeyStorePassword']) {
      expect(await code({ [missing]: undefined })).toBe('ValidationException');
    }
    expect(await code({ XksProxyUriPath: '/kms/xks/v1' })).toBe('ValidationException');
    await create();
    expect(await code()).toBe('CloudHsmClusterInUseException');
    expect(await makeKms().ask('CreateCustomKeyStore', clusterSettings('none'))).toMatchObject({
      json: { __type: 'CloudHsmClusterNotFoundException' },
    });
  });

  test('connect with the password of kmsuser; a wrong one is told, and mended while disconnected', async () => {
    const { ask, clusters, create, connect, entry, audit } = await makeStore();
    const id = await create();
    clusters.password = 'another-password';
    await connect(id);
    const failed = await entry(id);
    expect(failed).toMatchObject({ ConnectionState: 'FAILED', ConnectionErrorCode: 'INVALID_CREDENTIALS' });
    expect(JSON.stringify([failed, audit.events])).not.toContain('kmsuser-password');
    await ask('DisconnectCustomKeyStore', { CustomKeyStoreId: id });
    await ask('UpdateCustomKeyStore', { CustomKeyStoreId: id, KeyStorePassword: 'another-password' });
    await connect(id);
    expect(await entry(id)).toMatchObject({ ConnectionState: 'CONNECTED', CloudHsmClusterId: CLUSTER_ID });
    const update = { CustomKeyStoreId: id, KeyStorePassword: 'a-third-password' };
    expect((await ask('UpdateCustomKeyStore', update)).json.__type).toBe('CustomKeyStoreInvalidStateException');
    const renamed = await ask('UpdateCustomKeyStore', { CustomKeyStoreId: id, NewCustomKeyStoreName: 'renamed' });
    expect(renamed.status).toBe(200);
  });

  test('move to a cluster of the same certificate only', async () => {
    const { ask, clusters, create, entry } = await makeStore();
    const id = await create();
    const facts = clusters.facts.get(CLUSTER_ID)!;
    clusters.facts.set('cluster-relatedrela', facts);
    clusters.facts.set('cluster-strangestra', { ...facts, trustAnchor: OTHER_ANCHOR });
    const move = (CloudHsmClusterId: string) =>
      ask('UpdateCustomKeyStore', { CustomKeyStoreId: id, CloudHsmClusterId });
    expect((await move('cluster-strangestra')).json.__type).toBe('CloudHsmClusterNotRelatedException');
    expect((await move('cluster-relatedrela')).status).toBe(200);
    expect((await entry(id)).CloudHsmClusterId).toBe('cluster-relatedrela');
  });

  test('give random bytes of the cluster’s own', async () => {
    const { ask, connected } = await makeStore();
    const id = await connected();
    const random = await ask('GenerateRandom', { NumberOfBytes: 24, CustomKeyStoreId: id });
    expect(Buffer.from(random.json.Plaintext, 'base64')).toHaveLength(24);
    await ask('DisconnectCustomKeyStore', { CustomKeyStoreId: id });
    const away = await ask('GenerateRandom', { NumberOfBytes: 24, CustomKeyStoreId: id });
    expect(away.json.__type).toBe('CustomKeyStoreInvalidStateException');
  });
});

describe('keys of CloudHSM key stores', () => {
  test('are made in the cluster, and encrypt there', async () => {
    const { ask, clusters, connected, createKey, ring } = await makeStore();
    const id = await connected();
    const { KeyMetadata } = (await createKey(id)).json;
    expect(KeyMetadata).toMatchObject({
      Origin: 'AWS_CLOUDHSM',
      CustomKeyStoreId: id,
      CloudHsmClusterId: CLUSTER_ID,
      KeyState: 'Enabled',
    });
    expect(KeyMetadata.XksKeyConfiguration).toBeUndefined();
    const { KeyId } = KeyMetadata;
    const record = (await ring.find(ACCOUNT, KeyId))!;
    expect(record.backingKeys).toEqual([
      { id: expect.stringMatching(/^[0-9a-f]{64}$/), createdMs: expect.any(Number) },
    ]);
    expect([...clusters.keys.keys()]).toEqual([record.keyStore!.reference]);
    const made = (await ask('Encrypt', { KeyId, Plaintext, EncryptionContext: { a: 'b' } })).json;
    const asked = { CiphertextBlob: made.CiphertextBlob, EncryptionContext: { a: 'b' } };
    expect((await ask('Decrypt', asked)).json).toMatchObject({ Plaintext });
    expect((await ask('Decrypt', { ...asked, EncryptionContext: {} })).json.__type).toBe('InvalidCiphertextException');
    const blob = Buffer.from(made.CiphertextBlob, 'base64');
    for (let i = 0; i < blob.length; i++) {
      const changed = Buffer.from(blob);
      changed[i] = changed[i]! ^ 1;
      const { json } = await ask('Decrypt', { ...asked, KeyId, CiphertextBlob: changed.toString('base64') });
      expect([i, json.__type]).toEqual([i, expect.stringMatching(/InvalidCiphertext|IncorrectKey/)]);
    }
    clusters.isGone = true;
    expect((await ask('Decrypt', asked)).json.__type).toBe('KMSInvalidStateException');
    expect((await createKey(id)).json.__type).toBe('CustomKeyStoreInvalidStateException');
    expect((await ask('CreateKey')).status).toBe(200);
    clusters.isGone = false;
    expect((await ask('Decrypt', asked)).json.Plaintext).toBe(Plaintext);
  });

  test('need two active HSMs to be made, or one where the cluster is for trials', async () => {
    const { clusters, connected, createKey } = await makeStore();
    const id = await connected();
    const facts = clusters.facts.get(CLUSTER_ID)!;
    clusters.facts.set(CLUSTER_ID, { ...facts, activeMembers: 1 });
    expect((await createKey(id)).json.__type).toBe('CloudHsmClusterInvalidConfigurationException');
    clusters.facts.set(CLUSTER_ID, { ...facts, activeMembers: 1, allowSingleMember: true });
    expect((await createKey(id)).status).toBe(200);
    expect((await createKey(id, { XksKeyId: 'one' })).json.__type).toBe('ValidationException');
    expect((await createKey(id, { Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'one' })).json.__type).toBe(
      'ValidationException',
    );
  });

  test('connect again by themselves after a restart, and a connection that was interrupted is taken up', async () => {
    const meta = new MemoryMetaStore();
    const first = await makeStore(meta);
    const id = await first.connected();
    const { KeyId } = (await first.createKey(id)).json.KeyMetadata;
    const { CiphertextBlob } = (await first.ask('Encrypt', { KeyId, Plaintext })).json;
    const second = await makeStore(meta, first.clusters);
    expect((await second.ask('Decrypt', { CiphertextBlob })).json.Plaintext).toBe(Plaintext);
    await Promise.all([1, 2, 3].map(() => second.ask('Decrypt', { CiphertextBlob })));
    expect(first.clusters.connections).toBe(2);
    await second.stores.book.change(
      ACCOUNT,
      (commit) => meta.commit(commit.build()),
      (all) => all.map((one) => ({ ...one, state: 'CONNECTING' as const, epoch: one.epoch + 1 })),
    );
    const third = await makeStore(meta, first.clusters);
    expect((await third.ask('Decrypt', { CiphertextBlob })).json.__type).toBe('KMSInvalidStateException');
    await third.stores.recover();
    await third.stores.close();
    expect((await third.entry(id)).ConnectionState).toBe('CONNECTED');
  });

  test('a key store that is disconnected while it connects stays so', async () => {
    const { ask, create, entry, stores } = await makeStore();
    const id = await create();
    await ask('ConnectCustomKeyStore', { CustomKeyStoreId: id });
    await ask('DisconnectCustomKeyStore', { CustomKeyStoreId: id });
    await stores.close();
    expect((await entry(id)).ConnectionState).toBe('DISCONNECTED');
  });

  test('whoever read the record before it was disconnected connects it no more, nor ends a later connection', async () => {
    const { ask, clusters, connected, connect, createKey, stores } = await makeStore();
    const id = await connected();
    const { KeyId } = (await createKey(id)).json.KeyMetadata;
    const before = await stores.book.find(ACCOUNT, id);
    const by = { awsPrincipalArn: '', kmsOperation: 'Encrypt', kmsRequestId: '' };
    await ask('DisconnectCustomKeyStore', { CustomKeyStoreId: id });
    await expect(stores.parts.holders.get(ACCOUNT, before, by)).rejects.toBeInstanceOf(KeyHolderUnavailable);
    expect(clusters.connections).toBe(1);
    await connect(id);
    await stores.parts.holders.get(ACCOUNT, before, by);
    expect((await ask('Encrypt', { KeyId, Plaintext })).status).toBe(200);
    expect(clusters.connections).toBe(2);
  });

  test('a key whose record can’t be written leaves nothing in the cluster', async () => {
    const { clusters, connected, createKey, audit } = await makeStore();
    const id = await connected();
    vi.spyOn(audit, 'commit').mockRejectedValueOnce(new Error('full'));
    await expect(createKey(id)).rejects.toThrow('full');
    expect(clusters.keys.size).toBe(0);
  });

  test('go from the cluster with their KMS key, as soon as it can be reached', async () => {
    const { ask, clusters, connected, createKey, keys, meta, clock, stores, ring } = await makeStore();
    const id = await connected();
    const { KeyId } = (await createKey(id)).json.KeyMetadata;
    await ask('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
    clock.advance(8 * DAY_MS);
    await destroyDue(keys, meta);
    expect(await ring.find(ACCOUNT, KeyId)).toBeUndefined();
    expect(clusters.keys.size).toBe(1);
    clusters.isGone = true;
    await stores.deleteOrphans();
    expect(clusters.keys.size).toBe(1);
    clusters.isGone = false;
    await stores.deleteOrphans();
    expect(clusters.keys.size).toBe(0);
    await stores.deleteOrphans();
    await ask('DisconnectCustomKeyStore', { CustomKeyStoreId: id });
    expect((await ask('DeleteCustomKeyStore', { CustomKeyStoreId: id })).status).toBe(200);
  });
});
