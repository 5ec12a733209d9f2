import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { Secret } from '../../../src/base/secret.js';
import type { CommitBuilder } from '../../../src/store/table.js';
import { failed, TestXksProxy, xksCredential } from '../../support/xks-proxy.js';
import { ACCOUNT, OTHER_ACCOUNT, root, user, viaS3 } from '../harness.js';
import { destroyDue, makeExternal, PATIENT } from './support.js';

type Made = Awaited<ReturnType<typeof makeExternal>>;
const open: Made[] = [];
const make = async (xks = PATIENT): Promise<Made> => {
  const made = await makeExternal(xks);
  open.push(made);
  return made;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

const CONTEXT = { project: 'nile' };
const Plaintext = Buffer.from('attack at dawn').toString('base64');

describe('external key stores', () => {
  test('are created, described, connected, disconnected and deleted, and tell no secret', async () => {
    const { ask, proxy, credential, create, entry, settled, audit } = await make();
    const id = await create();
    expect(id).toMatch(/^cks-[0-9a-f]{17}$/);
    expect(await entry(id)).toEqual({
      CustomKeyStoreId: id,
      CustomKeyStoreName: 'external',
      ConnectionState: 'DISCONNECTED',
      CreationDate: expect.any(Number),
      CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
      XksProxyConfiguration: {
        Connectivity: 'PUBLIC_ENDPOINT',
        AccessKeyId: credential.AccessKeyId,
        UriEndpoint: proxy.endpoint,
        UriPath: '/kms/xks/v1',
      },
    });
    expect(proxy.seen).toEqual([
      {
        path: '/kms/xks/v1/health',
        body: { requestMetadata: { kmsRequestId: 'test', kmsOperation: 'CreateCustomKeyStore' } },
      },
    ]);
    const asked = { CustomKeyStoreId: id };
    expect((await ask('DisconnectCustomKeyStore', asked)).json.__type).toBe('CustomKeyStoreInvalidStateException');
    expect(await ask('ConnectCustomKeyStore', asked)).toEqual({ status: 200, json: {} });
    expect((await settled(id)).ConnectionState).toBe('CONNECTED');
    expect((await ask('ConnectCustomKeyStore', asked)).status).toBe(200);
    expect((await ask('DeleteCustomKeyStore', asked)).json.__type).toBe('CustomKeyStoreInvalidStateException');
    expect(await ask('DisconnectCustomKeyStore', asked)).toEqual({ status: 200, json: {} });
    expect(await ask('DeleteCustomKeyStore', asked)).toEqual({ status: 200, json: {} });
    expect((await ask('DescribeCustomKeyStores', asked)).json.__type).toBe('CustomKeyStoreNotFoundException');
    expect(JSON.stringify(audit.events)).not.toContain(credential.RawSecretAccessKey);
    expect(audit.events.filter((one) => one.result === 'Success').map((one) => one.action)).toEqual(
      expect.arrayContaining(['CreateCustomKeyStore', 'ConnectCustomKeyStore', 'DeleteCustomKeyStore']),
    );
  });

  test('belong to an account, are paged, and found by name', async () => {
    const { ask, create } = await make();
    const first = await create('a', '/a/kms/xks/v1');
    const second = await create('b', '/b/kms/xks/v1');
    const page = (await ask('DescribeCustomKeyStores', { Limit: 1 })).json;
    expect(page).toMatchObject({ CustomKeyStores: [{ CustomKeyStoreId: first }], Truncated: true });
    const rest = (await ask('DescribeCustomKeyStores', { Limit: 1, Marker: page.NextMarker })).json;
    expect(rest).toMatchObject({ CustomKeyStores: [{ CustomKeyStoreId: second }], Truncated: false });
    const named = await ask('DescribeCustomKeyStores', { CustomKeyStoreName: 'b' });
    expect(named.json.CustomKeyStores).toMatchObject([{ CustomKeyStoreId: second }]);
    const both = await ask('DescribeCustomKeyStores', { CustomKeyStoreName: 'b', CustomKeyStoreId: second });
    expect(both.json.__type).toBe('ValidationException');
    const others = root(OTHER_ACCOUNT);
    expect((await ask('DescribeCustomKeyStores', {}, others)).json.CustomKeyStores).toEqual([]);
    for (const action of ['Connect', 'Disconnect', 'Delete', 'Update']) {
      const { json } = await ask(`${action}CustomKeyStore`, { CustomKeyStoreId: first }, others);
      expect(json.__type).toBe('CustomKeyStoreNotFoundException');
    }
  });

  test('need names and addresses of their own, no VPC, and at most ten are in an account', async () => {
    const { ask, proxy, credential, create } = await make();
    await create();
    const code = async (more: object) =>
      (await ask('CreateCustomKeyStore', { ...proxy.settings(credential, 'other', '/b/kms/xks/v1'), ...more })).json
        .__type;
    expect(await code({ CustomKeyStoreName: 'external' })).toBe('CustomKeyStoreNameInUseException');
    expect(await code({ XksProxyUriPath: '/kms/xks/v1' })).toBe('XksProxyUriInUseException');
    expect(await code({ XksProxyConnectivity: 'VPC_ENDPOINT_SERVICE' })).toBe(
      'XksProxyVpcEndpointServiceNotFoundException',
    );
    expect(await code({ XksProxyUriEndpoint: 'http://localhost' })).toBe('ValidationException');
    expect(await code({ KeyStorePassword: 'password' })).toBe('ValidationException');
    expect(await code({ XksProxyUriPath: '/kms/xks/v2' })).toBe('XksProxyInvalidConfigurationException');
    const short = { AccessKeyId: credential.AccessKeyId, RawSecretAccessKey: 'tooShortToBeASecret' };
    const refused = await ask('CreateCustomKeyStore', {
      ...proxy.settings(credential, 'other', '/b/kms/xks/v1'),
      XksProxyAuthenticationCredential: short,
    });
    expect(refused.json.__type).toBe('ValidationException');
    expect(refused.json.message).not.toContain('tooShort');
    for (let i = 1; i < 10; i++) await create(`${i}`, `/${i}/kms/xks/v1`);
    expect(await code({})).toBe('LimitExceededException');
  });

  test('are created only where the proxy serves: each failure has AWS’s code', async () => {
    const { ask, proxy, credential } = await make();
    const code = async (settings: object = proxy.settings(credential)) =>
      (await ask('CreateCustomKeyStore', settings)).json.__type;
    expect(await code(proxy.settings(xksCredential()))).toBe('XksProxyIncorrectAuthenticationCredentialException');
    proxy.answer = () => failed(404, 'InvalidUriPathException');
    expect(await code()).toBe('XksProxyInvalidConfigurationException');
    proxy.answer = () => failed(429, 'ThrottlingException');
    expect(await code()).toBe('XksProxyUriUnreachableException');
    proxy.answer = () => ({ status: 502, body: '<html>' });
    expect(await code()).toBe('XksProxyInvalidResponseException');
    proxy.answer = () => ({ status: 200, body: 'x'.repeat(100_000) });
    expect(await code()).toBe('XksProxyInvalidResponseException');
    proxy.answer = undefined;
    proxy.health = ['UNAVAILABLE', 'UNAVAILABLE'];
    expect(await code()).toBe('XksProxyUriUnreachableException');
    proxy.health = ['UNAVAILABLE', 'DEGRADED'];
    const settings = proxy.settings(credential);
    const { port } = proxy;
    await proxy.close();
    expect(await code(settings)).toBe('XksProxyUriUnreachableException');
    await proxy.listen(port);
    expect(await code(settings)).toBeUndefined();
  });

  test('a proxy whose certificate isn’t trusted, that doesn’t answer, or that isn’t named is not asked', async () => {
    const code = async (xks: object) => {
      const { ask, proxy, credential } = await make(xks as typeof PATIENT);
      proxy.answer = () => 'silence';
      const { json } = await ask('CreateCustomKeyStore', proxy.settings(credential));
      return [json.__type, json.message.slice(0, 60), proxy.seen.length];
    };
    expect(await code({ timeoutMs: 60_000, hosts: ['localhost'] })).toEqual([
      'XksProxyUriUnreachableException',
      'AWS KMS cannot establish a TLS connection to the external ke',
      0,
    ]);
    expect((await code({ ...PATIENT, timeoutMs: 250 })).slice(0, 2)).toEqual([
      'XksProxyUriUnreachableException',
      'AWS KMS rejected the request because the external key store ',
    ]);
    expect((await code({ ...PATIENT, hosts: ['elsewhere'] }))[0]).toBe('XksProxyInvalidConfigurationException');
  });

  test('a connection that fails says why, and has to be disconnected first', async () => {
    const { ask, proxy, create, settled } = await make();
    const id = await create();
    const asked = { CustomKeyStoreId: id };
    const errors: [string, () => void][] = [
      ['INVALID_CREDENTIALS', () => (proxy.answer = () => failed(401, 'AuthenticationFailedException'))],
      ['XKS_PROXY_INVALID_CONFIGURATION', () => (proxy.answer = () => failed(404, 'InvalidUriPathException'))],
      ['XKS_PROXY_INVALID_RESPONSE', () => (proxy.answer = () => ({ status: 200, body: {} }))],
      ['XKS_PROXY_TIMED_OUT', () => (proxy.answer = () => failed(503, 'DependencyTimeoutException'))],
    ];
    for (const [code, prepare] of errors) {
      prepare();
      await ask('ConnectCustomKeyStore', asked);
      expect(await settled(id)).toMatchObject({ ConnectionState: 'FAILED', ConnectionErrorCode: code });
      expect((await ask('ConnectCustomKeyStore', asked)).json.__type).toBe('CustomKeyStoreInvalidStateException');
      expect((await ask('UpdateCustomKeyStore', { ...asked, NewCustomKeyStoreName: 'n' })).json.__type).toBe(
        'CustomKeyStoreInvalidStateException',
      );
      expect((await ask('DisconnectCustomKeyStore', asked)).status).toBe(200);
    }
    proxy.answer = undefined;
    await ask('ConnectCustomKeyStore', asked);
    expect((await settled(id)).ConnectionErrorCode).toBeUndefined();
  });

  test('need permissions: identity policies decide', async () => {
    const { ask, proxy, credential } = await make();
    const settings = proxy.settings(credential);
    expect((await ask('CreateCustomKeyStore', settings, user())).json.__type).toBe('AccessDeniedException');
    expect(proxy.seen).toEqual([]);
    const may = user([{ Effect: 'Allow', Action: 'kms:CreateCustomKeyStore', Resource: '*' }]);
    const { CustomKeyStoreId } = (await ask('CreateCustomKeyStore', settings, may)).json;
    for (const action of ['Connect', 'Disconnect', 'Delete', 'Update']) {
      const { json } = await ask(`${action}CustomKeyStore`, { CustomKeyStoreId }, may);
      expect(json.__type).toBe('AccessDeniedException');
    }
  });

  test('a new credential takes effect while connected, once the proxy knows it', async () => {
    const { ask, proxy, credential, connected, createKey } = await make();
    const id = await connected();
    const { KeyId } = (await createKey(id)).json.KeyMetadata;
    const next = xksCredential();
    const update = { CustomKeyStoreId: id, XksProxyAuthenticationCredential: next };
    expect((await ask('UpdateCustomKeyStore', update)).json.__type).toBe(
      'XksProxyIncorrectAuthenticationCredentialException',
    );
    expect((await ask('Encrypt', { KeyId, Plaintext })).status).toBe(200);
    proxy.credentials.set(next.AccessKeyId, next.RawSecretAccessKey);
    expect((await ask('UpdateCustomKeyStore', update)).status).toBe(200);
    proxy.credentials.delete(credential.AccessKeyId);
    expect((await ask('Encrypt', { KeyId, Plaintext })).status).toBe(200);
    const endpoint = { CustomKeyStoreId: id, XksProxyUriEndpoint: 'https://localhost' };
    expect((await ask('UpdateCustomKeyStore', endpoint)).json.__type).toBe('CustomKeyStoreInvalidStateException');
    expect((await ask('UpdateCustomKeyStore', { CustomKeyStoreId: id, NewCustomKeyStoreName: 'renamed' })).status).toBe(
      200,
    );
  });
});

describe('keys of external key stores', () => {
  const key = async (made?: Made) => {
    const kms = made ?? (await make());
    const id = await kms.connected();
    const metadata = (await kms.createKey(id)).json.KeyMetadata;
    return { ...kms, id, metadata, KeyId: metadata.KeyId as string, Arn: metadata.Arn as string };
  };

  test('show where they lie', async () => {
    const { ask, id, metadata, KeyId, Arn } = await key();
    const shown = {
      KeyId,
      Arn,
      Origin: 'EXTERNAL_KEY_STORE',
      CustomKeyStoreId: id,
      XksKeyConfiguration: { Id: 'one' },
      KeyState: 'Enabled',
      Enabled: true,
      KeySpec: 'SYMMETRIC_DEFAULT',
      KeyUsage: 'ENCRYPT_DECRYPT',
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      MultiRegion: false,
    };
    expect(metadata).toMatchObject(shown);
    expect((await ask('DescribeKey', { KeyId })).json.KeyMetadata).toMatchObject(shown);
    expect((await ask('ListKeys')).json.Keys).toEqual([{ KeyId, KeyArn: Arn }]);
    await ask('DisconnectCustomKeyStore', { CustomKeyStoreId: id });
    const away = (await ask('DescribeKey', { KeyId })).json.KeyMetadata;
    expect(away).toMatchObject({ KeyState: 'Unavailable', Enabled: false });
  });

  test('need an external AES-256 key that is there, enabled, and nobody’s yet', async () => {
    const { proxy, createKey, id } = await key();
    const code = async (XksKeyId: string, more: object = {}, store = id) =>
      (await createKey(store, XksKeyId, more)).json.__type;
    proxy.addKey('disabled', { keyStatus: 'DISABLED' });
    proxy.addKey('small', { keySpec: 'AES_128' });
    proxy.addKey('one-way', { keyUsage: ['ENCRYPT'] });
    proxy.addKey('two');
    expect(await code('one')).toBe('XksKeyAlreadyInUseException');
    expect(await code('none')).toBe('XksKeyNotFoundException');
    for (const bad of ['disabled', 'small', 'one-way']) {
      expect(await code(bad)).toBe('XksKeyInvalidConfigurationException');
    }
    expect(await code('two', { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })).toBe(
      'UnsupportedOperationException',
    );
    expect(await code('two', { MultiRegion: true })).toBe('UnsupportedOperationException');
    expect(await code('two', { Origin: 'AWS_CLOUDHSM', XksKeyId: undefined })).toBe('ValidationException');
    expect(await code('two', { Origin: 'AWS_KMS' })).toBe('ValidationException');
    expect(await code('two', { XksKeyId: undefined })).toBe('ValidationException');
    expect(await code('two', { CustomKeyStoreId: undefined })).toBe('ValidationException');
    expect(await code('two', {}, 'cks-0')).toBe('CustomKeyStoreNotFoundException');
    proxy.answer = () => failed(401, 'AuthenticationFailedException');
    expect(await code('two')).toBe('CustomKeyStoreInvalidStateException');
    proxy.answer = undefined;
    const made = await Promise.all([code('two'), code('two'), code('two')]);
    expect(made.sort()).toEqual(['XksKeyAlreadyInUseException', 'XksKeyAlreadyInUseException', undefined]);
  });

  test('encrypt twice: the proxy sees no plaintext, and opens nothing alone', async () => {
    const { ask, proxy, KeyId, Arn } = await key();
    const who = user([{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }]);
    proxy.seen.length = 0;
    const made = (await ask('Encrypt', { KeyId, Plaintext, EncryptionContext: CONTEXT }, viaS3(who))).json;
    const { body, path } = proxy.seen[0]!;
    expect(path).toBe('/kms/xks/v1/keys/one/encrypt');
    expect(body.requestMetadata).toEqual({
      awsPrincipalArn: who.caller.arn,
      kmsKeyArn: Arn,
      kmsOperation: 'Encrypt',
      kmsRequestId: 'test',
      kmsViaService: 's3.us-east-1.amazonaws.com',
    });
    const inner = Buffer.from(body.plaintext, 'base64');
    expect(inner.includes('attack')).toBe(false);
    expect(inner.length).toBe(14 + 40);
    expect(JSON.stringify(body)).not.toContain('nile');
    const asked = { CiphertextBlob: made.CiphertextBlob, EncryptionContext: CONTEXT };
    expect((await ask('Decrypt', asked)).json).toMatchObject({ Plaintext, KeyId: Arn });
    // Another external key of the same name.
    proxy.addKey('one');
    const json = (await ask('Decrypt', asked)).json;
    expect(json.__type).toBe('KMSInvalidStateException');
    expect(json.message).toContain('rejected the request because the specified ciphertext or encryption context');
  });

  test('a proxy that gives back something else is found out', async () => {
    const { ask, proxy, KeyId } = await key();
    const { CiphertextBlob } = (await ask('Encrypt', { KeyId, Plaintext })).json;
    proxy.answer = (path, body) =>
      path.endsWith('/decrypt') ? { status: 200, body: { plaintext: body.ciphertext } } : undefined;
    expect((await ask('Decrypt', { CiphertextBlob })).json.__type).toBe('KMSInvalidStateException');
    proxy.answer = undefined;
    const answers: ((json: Record<string, string>) => object)[] = [
      (json) => ({ ...json, ciphertextDataIntegrityValue: undefined }),
      (json) => ({ ...json, ciphertext: Buffer.alloc(54, 1).toString('base64') }),
      (json) => ({ ...json, initializationVector: Buffer.alloc(8).toString('base64') }),
      (json) => ({ ...json, authenticationTag: 'AA==' }),
      (json) => ({ ...json, ciphertextMetadata: Buffer.alloc(21).toString('base64') }),
      (json) => ({ ...json, ciphertext: 'not base64' }),
    ];
    const good = {
      ciphertext: Buffer.alloc(54).toString('base64'),
      initializationVector: Buffer.alloc(12).toString('base64'),
      authenticationTag: Buffer.alloc(16).toString('base64'),
      ciphertextDataIntegrityValue: Buffer.alloc(32).toString('base64'),
    };
    for (const change of answers) {
      proxy.answer = () => ({ status: 200, body: change(good) });
      const { json } = await ask('Encrypt', { KeyId, Plaintext });
      expect([json.__type, json.message.slice(0, 24)]).toEqual([
        'KMSInvalidStateException',
        'AWS KMS cannot interpret',
      ]);
    }
  });

  test('with metadata of the proxy and without, everything that encrypts decrypts', async () => {
    const { ask, proxy, KeyId, Arn } = await key();
    for (const metadata of [undefined, Buffer.alloc(20, 7)]) {
      proxy.metadata = metadata;
      const data = (await ask('GenerateDataKey', { KeyId, KeySpec: 'AES_256', EncryptionContext: CONTEXT })).json;
      const opened = await ask('Decrypt', { CiphertextBlob: data.CiphertextBlob, EncryptionContext: CONTEXT, KeyId });
      expect(opened.json.Plaintext).toBe(data.Plaintext);
      const hidden = (await ask('GenerateDataKeyWithoutPlaintext', { KeyId, NumberOfBytes: 1024 })).json;
      const bytes = (await ask('Decrypt', { CiphertextBlob: hidden.CiphertextBlob })).json.Plaintext;
      expect(Buffer.from(bytes, 'base64')).toHaveLength(1024);
      const pair = (await ask('GenerateDataKeyPair', { KeyId, KeyPairSpec: 'ECC_NIST_P256' })).json;
      const privateKey = await ask('Decrypt', { CiphertextBlob: pair.PrivateKeyCiphertextBlob });
      expect(privateKey.json.Plaintext).toBe(pair.PrivateKeyPlaintext);
      const own = (await ask('CreateKey')).json.KeyMetadata.KeyId;
      const moved = await ask('ReEncrypt', {
        CiphertextBlob: data.CiphertextBlob,
        SourceEncryptionContext: CONTEXT,
        DestinationKeyId: own,
      });
      const back = await ask('ReEncrypt', { CiphertextBlob: moved.json.CiphertextBlob, DestinationKeyId: KeyId });
      expect(back.json).toMatchObject({ KeyId: Arn });
      expect((await ask('Decrypt', { CiphertextBlob: back.json.CiphertextBlob })).json.Plaintext).toBe(data.Plaintext);
    }
    const largest = Buffer.alloc(4096, 1).toString('base64');
    const large = (await ask('Encrypt', { KeyId, Plaintext: largest })).json;
    expect((await ask('Decrypt', { CiphertextBlob: large.CiphertextBlob })).json.Plaintext).toBe(largest);
  });

  test('FMT-BLOB-3: a blob that another implementation made from the specification opens', async () => {
    const { ask, proxy, id, ring, audit } = await key();
    const { external } = JSON.parse(readFileSync('fixtures/vectors/python.json', 'utf8'));
    const hex = external.keyId as string;
    const keyId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    proxy.addKey('theirs', { material: Buffer.from(external.externalKey, 'hex') });
    const owner = { accountId: ACCOUNT, keyId };
    const backing = new Secret(Buffer.from(external.backingKey, 'hex'));
    const like = (await ring.find(ACCOUNT, (await ring.list(ACCOUNT, '', 1))[0]!.keyId))!;
    const keyStore = { id, reference: 'theirs' };
    const commit = (made: CommitBuilder) =>
      audit.commit(made, { eventId: '', timeMs: 0, requestId: '', action: '', result: '' });
    await ring.create(() => {
      const wrapped = ring.wraps.wrap(owner, external.backingKeyId, backing);
      return { ...like, ...owner, keyStore, backingKeys: [{ id: external.backingKeyId, wrapped, createdMs: 0 }] };
    }, commit);
    const CiphertextBlob = Buffer.from(external.blob, 'hex').toString('base64');
    const asked = { CiphertextBlob, EncryptionContext: external.context };
    const opened = (await ask('Decrypt', asked)).json;
    expect(Buffer.from(opened.Plaintext, 'base64').toString('hex')).toBe(external.plaintext);
    proxy.addKey('theirs');
    expect((await ask('Decrypt', asked)).json.__type).toBe('KMSInvalidStateException');
  });

  test('a changed blob or context opens nothing', async () => {
    const { ask, KeyId } = await key();
    const made = (await ask('Encrypt', { KeyId, Plaintext, EncryptionContext: CONTEXT })).json;
    const blob = Buffer.from(made.CiphertextBlob, 'base64');
    const code = async (CiphertextBlob: string, EncryptionContext: object = CONTEXT) =>
      (await ask('Decrypt', { CiphertextBlob, EncryptionContext, KeyId })).json.__type;
    expect(await code(made.CiphertextBlob)).toBeUndefined();
    expect(await code(made.CiphertextBlob, {})).toBe('KMSInvalidStateException');
    for (let i = 0; i < blob.length; i += i < 49 ? 1 : 5) {
      const changed = Buffer.from(blob);
      changed[i] = changed[i]! ^ 1;
      const answer = await code(changed.toString('base64'));
      expect([i, answer]).toEqual([i, expect.stringMatching(/InvalidCiphertext|KMSInvalidState|IncorrectKey/)]);
    }
    expect(await code(blob.subarray(0, 50).toString('base64'))).toBe('InvalidCiphertextException');
  });

  test('are KMSInvalidState while their key store is away, in dry runs too, and come back', async () => {
    const { ask, proxy, id, KeyId, settled } = await key();
    const { CiphertextBlob } = (await ask('Encrypt', { KeyId, Plaintext })).json;
    const codes = async () => [
      (await ask('Encrypt', { KeyId, Plaintext })).json.__type,
      (await ask('Decrypt', { CiphertextBlob })).json.__type,
      (await ask('GenerateDataKey', { KeyId, KeySpec: 'AES_256' })).json.__type,
    ];
    const away = Array(3).fill('KMSInvalidStateException');
    await ask('DisconnectCustomKeyStore', { CustomKeyStoreId: id });
    expect(await codes()).toEqual(away);
    expect((await ask('Encrypt', { KeyId, Plaintext, DryRun: true })).json.__type).toBe('KMSInvalidStateException');
    expect((await ask('EnableKey', { KeyId })).status).toBe(200);
    expect((await ask('CreateAlias', { AliasName: 'alias/a', TargetKeyId: KeyId })).status).toBe(200);
    await ask('ConnectCustomKeyStore', { CustomKeyStoreId: id });
    await settled(id);
    expect(await codes()).toEqual(Array(3).fill(undefined));
    const { port } = proxy;
    await proxy.close();
    expect(await codes()).toEqual(away);
    await proxy.listen(port);
    expect(await codes()).toEqual(Array(3).fill(undefined));
    await ask('DisableKey', { KeyId });
    expect(await codes()).toEqual(Array(3).fill('DisabledException'));
  });

  test('each answer of a proxy has AWS’s words', async () => {
    const { ask, proxy, KeyId } = await key();
    const words: [number, string, string][] = [
      [400, 'InvalidStateException', 'is not enabled in the external HSM'],
      [400, 'InvalidKeyUsageException', 'does not support the requested operation'],
      [401, 'AuthenticationFailedException', 'could not authenticate AWS KMS'],
      [403, 'AccessDeniedException', 'denied access to the operation'],
      [404, 'KeyNotFoundException', 'was not found in its external HSM'],
      [404, 'InvalidUriPathException', 'because of an invalid URI path'],
      [429, 'ThrottlingException', 'due to a very high request rate'],
      [501, 'UnsupportedOperationException', 'does not support the requested operation'],
      [503, 'DependencyTimeoutException', 'did not respond to the request in the time allotted'],
      [500, 'InternalException', 'cannot communicate with the external HSM'],
      [500, 'timedOut', 'cannot interpret the response'],
    ];
    for (const [status, name, part] of words) {
      proxy.answer = () => failed(status, name);
      const { json } = await ask('Encrypt', { KeyId, Plaintext });
      expect([name, json.__type, json.message]).toEqual([
        name,
        'KMSInvalidStateException',
        expect.stringContaining(part),
      ]);
    }
  });

  test('rotate not, take no imported material, and are used through grants and policies as any key', async () => {
    const { ask, id, KeyId, audit } = await key();
    expect((await ask('EnableKeyRotation', { KeyId })).json.__type).toBe('UnsupportedOperationException');
    expect((await ask('DisableKeyRotation', { KeyId })).json.__type).toBe('UnsupportedOperationException');
    expect((await ask('RotateKeyOnDemand', { KeyId })).json.__type).toBe('UnsupportedOperationException');
    expect((await ask('GetKeyRotationStatus', { KeyId })).json.KeyRotationEnabled).toBe(false);
    const wrapping = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' };
    expect((await ask('GetParametersForImport', { KeyId, ...wrapping })).json.__type).toBe(
      'UnsupportedOperationException',
    );
    const who = user();
    expect((await ask('Encrypt', { KeyId, Plaintext }, who)).json.__type).toBe('AccessDeniedException');
    await ask('CreateGrant', { KeyId, GranteePrincipal: who.caller.arn, Operations: ['Encrypt'] });
    expect((await ask('Encrypt', { KeyId, Plaintext }, who)).status).toBe(200);
    expect(audit.events.at(-1)).toMatchObject({ action: 'Encrypt', grantId: expect.any(String), result: 'Success' });
    expect(audit.events.find((one) => one.action === 'CreateKey')).toMatchObject({
      details: { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId: id, XksKeyId: 'one' },
    });
  });

  test('keep their key store from being deleted until their waiting period is over', async () => {
    const { ask, id, KeyId, keys, meta, stores, clock, createKey, proxy } = await key();
    await ask('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
    await ask('DisconnectCustomKeyStore', { CustomKeyStoreId: id });
    const asked = { CustomKeyStoreId: id };
    expect((await ask('DeleteCustomKeyStore', asked)).json.__type).toBe('CustomKeyStoreHasCMKsException');
    expect((await createKey(id, 'two')).json.__type).toBe('CustomKeyStoreInvalidStateException');
    clock.advance(8 * 86_400_000);
    await destroyDue(keys, meta);
    expect((await ask('DescribeKey', { KeyId })).json.__type).toBe('NotFoundException');
    await stores.deleteOrphans();
    proxy.seen.length = 0;
    expect((await ask('DeleteCustomKeyStore', asked)).status).toBe(200);
    expect([proxy.seen, proxy.keys.has('one')]).toEqual([[], true]);
  });
});

test('a proxy of one name is another proxy at another port', async () => {
  const { ask, proxy, credential, create } = await make();
  await create();
  const other = await TestXksProxy.start(credential);
  expect((await ask('CreateCustomKeyStore', other.settings(credential, 'other'))).status).toBe(200);
  expect(other.port).not.toBe(proxy.port);
  await other.close();
});
