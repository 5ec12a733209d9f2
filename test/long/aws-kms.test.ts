import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startServer, type TestServer } from '../support/server.js';
import { TestXksProxy, XKS_CA_FILE, xksCredential } from '../support/xks-proxy.js';

const run = promisify(execFile);
const OWNER = '111111111111';
const PARTNER = '222222222222';

let server: TestServer;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-kms-cli-'));
  const file = join(dir, 'accounts.json');
  const keys = (name: string) => [{ accessKeyId: `AKIA${name}`, secretAccessKey: `secret-of-${name}` }];
  const mayUse = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:*', 'kms:GenerateDataKey', 'kms:Decrypt'], Resource: '*' }],
  };
  const accounts = [
    { accountId: OWNER, name: 'owner', accessKeys: keys('owner') },
    {
      accountId: PARTNER,
      name: 'partner',
      accessKeys: keys('partner'),
      users: [{ userName: 'bob', accessKeys: keys('bob'), policies: [mayUse] }],
    },
  ];
  await writeFile(file, JSON.stringify({ accounts }));
  const env = {
    COFFER_ACCESS_KEY_ID: '',
    COFFER_SECRET_ACCESS_KEY: '',
    COFFER_ACCOUNTS_FILE: file,
    COFFER_REGIONS: 'eu-west-1',
    COFFER_XKS_CA_FILE: XKS_CA_FILE,
    COFFER_XKS_HOSTS: 'localhost',
    COFFER_XKS_TIMEOUT_MS: '60000',
  };
  server = await startServer({ env });
});
afterAll(async () => {
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

const environment = (name: string) => ({
  PATH: process.env.PATH ?? '',
  HOME: dir,
  AWS_ACCESS_KEY_ID: `AKIA${name}`,
  AWS_SECRET_ACCESS_KEY: `secret-of-${name}`,
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
});

async function awsAs(name: string, ...args: string[]) {
  const { stdout } = await run('aws', ['--endpoint-url', server.url, ...args], { env: environment(name), cwd: dir });
  return stdout.trimStart().startsWith('{') ? JSON.parse(stdout) : stdout;
}
const kms = (...args: string[]) => awsAs('owner', 'kms', ...args);
const openssl = async (...args: string[]): Promise<string> => (await run('openssl', args, { cwd: dir })).stdout;
const put = (name: string, base64: string) => writeFile(join(dir, name), Buffer.from(base64, 'base64'));

type Algorithm = [name: string, digest: string, options: string[]];
const PSS = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'];
const RSA: Algorithm[] = [256, 384, 512].flatMap((bits): Algorithm[] => [
  [`RSASSA_PKCS1_V1_5_SHA_${bits}`, `sha${bits}`, []],
  [`RSASSA_PSS_SHA_${bits}`, `sha${bits}`, PSS],
]);
const curve = (name: string): string[] => ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${name}`];
/** How openssl makes a key of a spec, and what verifies its signatures. */
const SPECS: [spec: string, make: string[], algorithms: Algorithm[]][] = [
  ['RSA_2048', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], RSA],
  ['ECC_NIST_P256', curve('P-256'), [['ECDSA_SHA_256', 'sha256', []]]],
  ['ECC_NIST_P384', curve('P-384'), [['ECDSA_SHA_384', 'sha384', []]]],
  ['ECC_NIST_P521', curve('P-521'), [['ECDSA_SHA_512', 'sha512', []]]],
  ['ECC_SECG_P256K1', curve('secp256k1'), [['ECDSA_SHA_256', 'sha256', []]]],
];

/** AES key wrap with padding under a fresh key, which goes under RSA-OAEP, all by openssl. */
async function wrapByOpenssl(material: string): Promise<void> {
  await openssl('rand', '-out', 'aes', '32');
  const oaep = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha256', 'rsa_mgf1_md:sha256'].flatMap((o) => ['-pkeyopt', o]);
  const under = ['-pubin', '-inkey', 'wrapping.der', '-keyform', 'DER'];
  await openssl('pkeyutl', '-encrypt', ...under, ...oaep, '-in', 'aes', '-out', 'aes.wrapped');
  const aes = (await readFile(join(dir, 'aes'))).toString('hex');
  await openssl('enc', '-id-aes256-wrap-pad', '-iv', 'A65959A6', '-K', aes, '-in', material, '-out', 'rest.wrapped');
  const parts = await Promise.all(['aes.wrapped', 'rest.wrapped'].map((one) => readFile(join(dir, one))));
  await writeFile(join(dir, 'wrapped'), Buffer.concat(parts));
}

async function importKey(spec: string, material: string): Promise<string> {
  const created = await kms('create-key', '--origin', 'EXTERNAL', '--key-spec', spec, '--key-usage', 'SIGN_VERIFY');
  const key = created.KeyMetadata.KeyId as string;
  const how = ['--wrapping-algorithm', 'RSA_AES_KEY_WRAP_SHA_256', '--wrapping-key-spec', 'RSA_3072'];
  const given = await kms('get-parameters-for-import', '--key-id', key, ...how);
  await put('wrapping.der', given.PublicKey);
  await put('token', given.ImportToken);
  await wrapByOpenssl(material);
  const files = ['--import-token', 'fileb://token', '--encrypted-key-material', 'fileb://wrapped'];
  await kms('import-key-material', '--key-id', key, ...files, '--expiration-model', 'KEY_MATERIAL_DOES_NOT_EXPIRE');
  return key;
}

describe('keys that openssl made and wrapped', () => {
  test.each(SPECS)('%s is imported, and openssl verifies what it signs', async (spec, make, algorithms) => {
    await openssl('genpkey', ...make, '-out', 'private.pem');
    await openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'private.pem', '-outform', 'DER', '-out', 'private.der');
    await openssl('pkey', '-in', 'private.pem', '-pubout', '-outform', 'DER', '-out', 'public.der');
    const key = await importKey(spec, 'private.der');
    const { PublicKey } = await kms('get-public-key', '--key-id', key);
    expect(Buffer.from(PublicKey, 'base64').equals(await readFile(join(dir, 'public.der')))).toBe(true);
    await writeFile(join(dir, 'message'), 'what is signed');
    let verified = 0;
    for (const [algorithm, digest, options] of algorithms) {
      const signed = await kms(
        ...['sign', '--key-id', key, '--message', 'fileb://message', '--signing-algorithm', algorithm],
      );
      await put('signature', signed.Signature);
      const by = ['-verify', 'public.der', '-keyform', 'DER', '-signature', 'signature', 'message'];
      expect(await openssl('dgst', `-${digest}`, ...options, ...by)).toContain('Verified OK');
      verified++;
    }
    expect(verified).toBe(spec.startsWith('RSA') ? 6 : 1);
  });

  test('Ed25519 is imported, and openssl verifies what it signs', async () => {
    await openssl('genpkey', '-algorithm', 'ED25519', '-outform', 'DER', '-out', 'private.der');
    const key = await importKey('ECC_NIST_EDWARDS25519', 'private.der');
    await openssl('pkey', '-in', 'private.der', '-inform', 'DER', '-pubout', '-outform', 'DER', '-out', 'public.der');
    await writeFile(join(dir, 'message'), 'what is signed');
    const how = ['--message', 'fileb://message', '--signing-algorithm', 'ED25519_SHA_512'];
    await put('signature', (await kms('sign', '--key-id', key, ...how)).Signature);
    const by = ['-pubin', '-inkey', 'public.der', '-keyform', 'DER', '-rawin', '-in', 'message'];
    expect(await openssl('pkeyutl', '-verify', ...by, '-sigfile', 'signature')).toContain('Verified Successfully');
  });
});

describe('an object in one account under a key of another', () => {
  test('is written and read by its ARN, and the key’s owner shuts it', async () => {
    const { KeyMetadata } = await kms('create-key');
    const key = KeyMetadata.KeyId as string;
    const statement = (AWS: string, Action: string[]) => ({
      Effect: 'Allow',
      Principal: { AWS },
      Action,
      Resource: '*',
    });
    const policy = (...more: object[]) =>
      JSON.stringify({ Version: '2012-10-17', Statement: [statement(OWNER, ['kms:*']), ...more] });
    const open = policy(statement(PARTNER, ['kms:GenerateDataKey', 'kms:Decrypt']));
    const body = 'x'.repeat(100_000);
    await writeFile(join(dir, 'body'), body);
    await awsAs('bob', 's3', 'mb', 's3://partner');
    const write = () =>
      awsAs('bob', 's3', 'cp', 'body', 's3://partner/o', '--sse', 'aws:kms', '--sse-kms-key-id', KeyMetadata.Arn);
    const read = () => awsAs('bob', 's3', 'cp', 's3://partner/o', 'back');
    await expect(write()).rejects.toThrow(/AccessDenied/);
    await kms('put-key-policy', '--key-id', key, '--policy', open);
    await write();
    await read();
    const sum = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
    expect(sum(await readFile(join(dir, 'back')))).toBe(sum(body));
    await kms('disable-key', '--key-id', key);
    await expect(read()).rejects.toThrow(/KMS\.DisabledException/);
    await kms('enable-key', '--key-id', key);
    await read();
    await kms('put-key-policy', '--key-id', key, '--policy', policy());
    await expect(read()).rejects.toThrow(/AccessDenied/);
  });
});

test('external key stores: from the proxy’s credential to an object, and back', async () => {
  const credential = xksCredential();
  const proxy = await TestXksProxy.start(credential);
  try {
    proxy.addKey('one');
    const text = (one: typeof credential) =>
      `AccessKeyId=${one.AccessKeyId},RawSecretAccessKey=${one.RawSecretAccessKey}`;
    // aws-cli 1 would fetch what a URL names.
    await run('aws', ['configure', 'set', 'cli_follow_urlparam', 'false'], { env: environment('owner'), cwd: dir });
    const { CustomKeyStoreId: id } = await kms(
      ...[
        'create-custom-key-store',
        '--custom-key-store-name',
        'ours',
        '--custom-key-store-type',
        'EXTERNAL_KEY_STORE',
      ],
      ...['--xks-proxy-connectivity', 'PUBLIC_ENDPOINT', '--xks-proxy-uri-endpoint', proxy.endpoint],
      ...['--xks-proxy-uri-path', '/kms/xks/v1', '--xks-proxy-authentication-credential', text(credential)],
    );
    const store = ['--custom-key-store-id', id];
    await kms('connect-custom-key-store', ...store);
    await vi.waitFor(async () => {
      const { CustomKeyStores } = await kms('describe-custom-key-stores', ...store);
      expect(CustomKeyStores[0].ConnectionState).toBe('CONNECTED');
    }, 60_000);
    const { KeyMetadata } = await kms('create-key', '--origin', 'EXTERNAL_KEY_STORE', ...store, '--xks-key-id', 'one');
    await writeFile(join(dir, 'secret'), 'kept by others');
    await awsAs('owner', 's3', 'mb', 's3://others');
    const sse = ['--sse', 'aws:kms', '--sse-kms-key-id', KeyMetadata.KeyId];
    await awsAs('owner', 's3', 'cp', 'secret', 's3://others/o', ...sse);
    const next = xksCredential();
    proxy.credentials.set(next.AccessKeyId, next.RawSecretAccessKey);
    await kms('update-custom-key-store', ...store, '--xks-proxy-authentication-credential', text(next));
    proxy.credentials.delete(credential.AccessKeyId);
    expect(await awsAs('owner', 's3', 'cp', 's3://others/o', '-')).toBe('kept by others');
    await kms('disconnect-custom-key-store', ...store);
    await expect(awsAs('owner', 's3', 'cp', 's3://others/o', '-')).rejects.toThrow(/KMS\.KMSInvalidStateException/);
    await expect(kms('delete-custom-key-store', ...store)).rejects.toThrow(/CustomKeyStoreHasCMKsException/);
  } finally {
    await proxy.close();
  }
});

test('boto3 pages through keys, aliases and grants', async () => {
  const script = `
import boto3
kms = boto3.client('kms', endpoint_url='${server.url}')
made = {kms.create_key()['KeyMetadata']['KeyId'] for _ in range(5)}
key = min(made)
for i in range(5):
    kms.create_alias(AliasName=f'alias/a{i}', TargetKeyId=key)
    kms.create_grant(KeyId=key, GranteePrincipal='arn:aws:iam::${PARTNER}:user/bob', Operations=['Decrypt'])
def pages(name, member, **more):
    found = list(kms.get_paginator(name).paginate(PaginationConfig={'PageSize': 2}, **more))
    assert len(found) > 1, name
    return [one for page in found for one in page[member]]
assert made <= {one['KeyId'] for one in pages('list_keys', 'Keys')}
assert [one['AliasName'] for one in pages('list_aliases', 'Aliases', KeyId=key)] == [f'alias/a{i}' for i in range(5)]
assert len({one['GrantId'] for one in pages('list_grants', 'Grants', KeyId=key)}) == 5
print('ok')
`;
  expect((await run('python3', ['-c', script], { env: environment('owner'), cwd: dir })).stdout.trim()).toBe('ok');
});

test('aws-cli replicates a multi-Region key, opens elsewhere what it sealed, and moves its primary', async () => {
  const eu = (...args: string[]) => kms('--region', 'eu-west-1', ...args);
  const { KeyId } = (await kms('create-key', '--multi-region')).KeyMetadata;
  await expect(eu('describe-key', '--key-id', KeyId)).rejects.toThrow(/NotFoundException/);
  const replicated = await kms('replicate-key', '--key-id', KeyId, '--replica-region', 'eu-west-1');
  expect(replicated.ReplicaKeyMetadata.Arn).toBe(`arn:aws:kms:eu-west-1:${OWNER}:key/${KeyId}`);
  await writeFile(join(dir, 'mrk-plain'), 'a secret');
  const { CiphertextBlob } = await kms('encrypt', '--key-id', KeyId, '--plaintext', 'fileb://mrk-plain');
  await put('mrk-blob', CiphertextBlob);
  const opened = await eu('decrypt', '--ciphertext-blob', 'fileb://mrk-blob');
  expect(Buffer.from(opened.Plaintext, 'base64').toString()).toBe('a secret');
  await kms('update-primary-region', '--key-id', KeyId, '--primary-region', 'eu-west-1');
  const { MultiRegionConfiguration } = (await kms('describe-key', '--key-id', KeyId)).KeyMetadata;
  expect(MultiRegionConfiguration.PrimaryKey.Region).toBe('eu-west-1');
  const scheduled = await eu('schedule-key-deletion', '--key-id', KeyId, '--pending-window-in-days', '7');
  expect(scheduled.KeyState).toBe('PendingReplicaDeletion');
});
