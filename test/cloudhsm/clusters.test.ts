import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CloudHSMV2Client,
  CopyBackupToRegionCommand,
  CreateClusterCommand,
  CreateHsmCommand,
  DeleteBackupCommand,
  DeleteClusterCommand,
  DeleteHsmCommand,
  DescribeBackupsCommand,
  DescribeClustersCommand,
  InitializeClusterCommand,
  ListTagsCommand,
  ModifyBackupAttributesCommand,
  ModifyClusterCommand,
  RestoreBackupCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-cloudhsm-v2';
import { decode, encode } from 'cborg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  claim,
  coffer,
  hasActive,
  hsmClient,
  hsmFile,
  lacking,
  makeCluster,
  OFFICER_PASSWORD,
  SOFTHSM,
  USER_PASSWORD,
  waitFor,
} from '../support/cloudhsm.js';
import { credentials, startServer, type TestServer } from '../support/server.js';
import { signedRequest } from '../support/signed-request.js';

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: Error) => error.name,
  );
const message = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: Error) => error.message,
  );

test('without COFFER_HSM_FILE an authentic request is told that there are no HSMs', async () => {
  const server = await startServer();
  const client = hsmClient(server);
  const refused = await client.send(new DescribeClustersCommand({})).catch((error: Error) => error);
  expect(refused).toMatchObject({ name: 'CloudHsmServiceException' });
  expect((refused as Error).message).toContain('COFFER_HSM_FILE');
  const anonymous = await signedRequest(server.port, {
    ...{ method: 'POST', path: '/', body: '{}' },
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'BaldrApiService.DescribeClusters' },
  });
  expect(anonymous.status).toBe(400);
  expect(JSON.parse(anonymous.text).__type).toBe('MissingAuthenticationTokenException');
  await server.close();
});

const ACCOUNTS = {
  accounts: [
    {
      accountId: '000000000000',
      name: 'main',
      // Not the object itself: AWS's client adds members of its own to what it was given.
      accessKeys: [{ accessKeyId: credentials.accessKeyId, secretAccessKey: credentials.secretAccessKey }],
      users: [
        {
          userName: 'reader',
          accessKeys: [{ accessKeyId: 'AKIAREADER0000000001', secretAccessKey: 'reader-secret-reader' }],
          policies: [
            {
              Version: '2012-10-17',
              Statement: [
                { Effect: 'Allow', Action: 'cloudhsm:Describe*', Resource: '*' },
                {
                  Effect: 'Allow',
                  Action: 'cloudhsm:ListTags',
                  Resource: '*',
                  Condition: { StringEquals: { 'aws:ResourceTag/team': 'a' } },
                },
              ],
            },
          ],
        },
      ],
    },
    {
      accountId: '111111111111',
      name: 'other',
      accessKeys: [{ accessKeyId: 'AKIAOTHER00000000001', secretAccessKey: 'other-secret-other-1' }],
    },
  ],
};

// Key pairs are made in tokens, and processes started.
const SLOW = { timeout: 300_000 };

describe.skipIf(lacking)(`clusters${lacking ? ` (left out: ${lacking})` : ''}`, SLOW, () => {
  let server: TestServer;
  let client: CloudHSMV2Client;
  let tokens: string;

  beforeAll(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'coffer-hsm-'));
    tokens = join(dir, 'tokens');
    const accounts = join(dir, 'accounts.json');
    await writeFile(accounts, JSON.stringify(ACCOUNTS));
    server = await startServer({
      env: {
        COFFER_HSM_FILE: await hsmFile(dir),
        COFFER_ACCOUNTS_FILE: accounts,
        // The accounts file has the credentials.
        COFFER_ACCESS_KEY_ID: '',
        COFFER_SECRET_ACCESS_KEY: '',
      },
    });
    client = hsmClient(server);
  });
  afterAll(() => server?.close());

  test('live as AWS has it: made, claimed, activated, used by PKCS#11 programs, backed up, restored, removed', async () => {
    const subnets = ['subnet-0123456a', 'subnet-0123456b'];
    const made = await client.send(
      new CreateClusterCommand({
        HsmType: 'hsm1.medium',
        SubnetIds: subnets,
        TagList: [{ Key: 'team', Value: 'a' }],
        BackupRetentionPolicy: { Type: 'DAYS', Value: '7' },
      }),
    );
    expect(made.Cluster).toMatchObject({
      State: 'CREATE_IN_PROGRESS',
      SubnetMapping: { 'us-east-1a': subnets[0], 'us-east-1b': subnets[1] },
      BackupRetentionPolicy: { Type: 'DAYS', Value: '7' },
      TagList: [{ Key: 'team', Value: 'a' }],
    });
    const ClusterId = made.Cluster!.ClusterId!;
    expect((await waitFor(client, ClusterId, () => true)).State).toBe('UNINITIALIZED');

    // The first member, and its key pair.
    const hsm = await client.send(new CreateHsmCommand({ ClusterId, AvailabilityZone: 'us-east-1a' }));
    expect(hsm.Hsm).toMatchObject({ State: 'CREATE_IN_PROGRESS', SubnetId: subnets[0] });
    expect(await code(client.send(new CreateHsmCommand({ ClusterId, AvailabilityZone: 'us-east-1b' })))).toBe(
      'CloudHsmInvalidRequestException',
    );
    const { Certificates } = await waitFor(client, ClusterId, hasActive(1));
    const csr = Certificates!.ClusterCsr!;
    const check = await mkdtemp(join(tmpdir(), 'coffer-csr-'));
    await writeFile(join(check, 'csr'), csr);
    const openssl = (...args: string[]) =>
      execFileSync('openssl', args, { cwd: check, encoding: 'utf8', stdio: 'pipe' });
    openssl('req', '-in', 'csr', '-verify', '-noout');
    const csrKey = openssl('req', '-in', 'csr', '-pubkey', '-noout');
    expect(new X509Certificate(Certificates!.HsmCertificate!).publicKey.export({ type: 'spki', format: 'pem' })).toBe(
      csrKey,
    );
    await writeFile(join(check, 'hsm'), Certificates!.HsmCertificate!);
    await writeFile(join(check, 'middle'), Certificates!.AwsHardwareCertificate!);
    await writeFile(join(check, 'root'), Certificates!.ManufacturerHardwareCertificate!);
    expect(openssl('verify', '-CAfile', 'root', '-untrusted', 'middle', 'hsm')).toContain('hsm: OK');

    // Not claimed: nothing of it can be activated.
    await expect(coffer(server, ['hsm', 'activate', ClusterId], { 'officer-password': 'x'.repeat(8) })).rejects.toThrow(
      /UNINITIALIZED/,
    );

    // The claim: by the right key and the right chain alone.
    const right = await claim(csr);
    const other = await claim(csr);
    const initialize = (SignedCert: string, TrustAnchor: string) =>
      client.send(new InitializeClusterCommand({ ClusterId, SignedCert, TrustAnchor }));
    expect(await message(initialize(right.signedCert, other.trustAnchor))).toContain('not issued by');
    expect(await message(initialize(right.trustAnchor, right.trustAnchor))).toContain('not for the key');
    expect(await message(initialize(right.signedCert, right.signedCert))).toContain('self-signed');
    expect((await initialize(right.signedCert, right.trustAnchor)).State).toBe('INITIALIZE_IN_PROGRESS');
    const claimed = await waitFor(client, ClusterId, ({ State }) => State === 'INITIALIZED');
    expect(claimed.Certificates).toMatchObject({ ClusterCertificate: right.signedCert });
    expect(claimed.Certificates!.ClusterCsr).toBeUndefined();
    expect(await code(initialize(right.signedCert, right.trustAnchor))).toBe('CloudHsmInvalidRequestException');

    // Another member, then officer and user.
    await client.send(new CreateHsmCommand({ ClusterId, AvailabilityZone: 'us-east-1b' }));
    await waitFor(client, ClusterId, hasActive(2));
    const officer = { 'officer-password': OFFICER_PASSWORD };
    expect(await coffer(server, ['hsm', 'activate', ClusterId], officer)).toContain('2 of its members');
    expect((await waitFor(client, ClusterId, () => true)).State).toBe('ACTIVE');
    await expect(
      coffer(server, ['hsm', 'user', 'create', ClusterId, 'kmsuser'], {
        ...{ 'officer-password': 'another-password', 'user-password': USER_PASSWORD },
      }),
    ).rejects.toThrow(/officer is wrong/);
    await coffer(server, ['hsm', 'user', 'create', ClusterId, 'kmsuser'], {
      ...officer,
      'user-password': USER_PASSWORD,
    });

    // Its owner uses the token with any program; nobody else does.
    const { Hsms } = await waitFor(client, ClusterId, hasActive(2));
    const tool = (hsmId: string, ...args: string[]) =>
      execFileSync('pkcs11-tool', ['--module', SOFTHSM, '--token-label', Hsms![0]!.HsmId!, ...args], {
        env: { ...process.env, SOFTHSM2_CONF: join(tokens, hsmId, 'softhsm2.conf') },
        encoding: 'utf8',
        stdio: 'pipe',
      });
    const [first, second] = Hsms!.map(({ HsmId }) => HsmId!);
    tool(
      first!,
      '--login',
      '--pin',
      USER_PASSWORD,
      '--keygen',
      '--key-type',
      'AES:32',
      '--label',
      'mine',
      '--id',
      '01',
    );
    expect(tool(first!, '--login', '--pin', USER_PASSWORD, '--list-objects')).toContain('mine');
    expect(tool(second!, '--login', '--pin', USER_PASSWORD, '--list-objects')).not.toContain('mine');
    expect(() => tool(first!, '--login', '--pin', 'not-the-password', '--list-objects')).toThrow(/CKR_PIN_INCORRECT/);

    // A member that goes leaves a backup, and what it is made into has keys and users.
    await client.send(new DeleteHsmCommand({ ClusterId, HsmId: first! }));
    await waitFor(client, ClusterId, hasActive(1));
    expect(await readdir(tokens)).not.toContain(first);
    const backups = await client.send(new DescribeBackupsCommand({ Filters: { clusterIds: [ClusterId] } }));
    expect(backups.Backups).toHaveLength(1);
    const BackupId = backups.Backups![0]!.BackupId!;
    expect(backups.Backups![0]).toMatchObject({ BackupState: 'READY', ClusterId });
    expect(await code(client.send(new DeleteClusterCommand({ ClusterId })))).toBe('CloudHsmInvalidRequestException');
    const again = await client.send(
      new CreateClusterCommand({ HsmType: 'hsm1.medium', SubnetIds: subnets, SourceBackupId: BackupId }),
    );
    const copyId = again.Cluster!.ClusterId!;
    await client.send(new CreateHsmCommand({ ClusterId: copyId, AvailabilityZone: 'us-east-1a' }));
    const copy = await waitFor(client, copyId, hasActive(1));
    expect(copy).toMatchObject({ State: 'ACTIVE', SourceBackupId: BackupId });
    expect(tool(copy.Hsms![0]!.HsmId!, '--login', '--pin', USER_PASSWORD, '--list-objects')).toContain('mine');

    // Backups end, and come back within their time.
    const { Backup } = await client.send(new DeleteBackupCommand({ BackupId }));
    expect(Backup).toMatchObject({ BackupState: 'PENDING_DELETION' });
    expect(Backup!.DeleteTimestamp!.getTime() - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
    expect(await code(client.send(new DeleteBackupCommand({ BackupId })))).toBe('CloudHsmInvalidRequestException');
    expect((await client.send(new RestoreBackupCommand({ BackupId }))).Backup!.BackupState).toBe('READY');
    const kept = await client.send(new ModifyBackupAttributesCommand({ BackupId, NeverExpires: true }));
    expect(kept.Backup!.NeverExpires).toBe(true);
    expect(
      await message(client.send(new CopyBackupToRegionCommand({ BackupId, DestinationRegion: 'eu-central-1' }))),
    ).toContain('us-east-1 alone');

    // The end. A member that is made after the last has gone is made of its backup.
    await client.send(new DeleteHsmCommand({ ClusterId, HsmId: second! }));
    await waitFor(client, ClusterId, hasActive(0));
    await client.send(new CreateHsmCommand({ ClusterId, AvailabilityZone: 'us-east-1a' }));
    const last = await waitFor(client, ClusterId, hasActive(1));
    expect(last.State).toBe('ACTIVE');
    await client.send(new DeleteHsmCommand({ ClusterId, HsmId: last.Hsms![0]!.HsmId! }));
    await waitFor(client, ClusterId, hasActive(0));
    const { Cluster } = await client.send(new DeleteClusterCommand({ ClusterId }));
    expect(Cluster!.State).toBe('DELETE_IN_PROGRESS');
    expect(await code(client.send(new DeleteClusterCommand({ ClusterId })))).toBe('CloudHsmResourceNotFoundException');
  });

  test('are what policies allow, tags are listed page by page, and what is not known is refused', async () => {
    const make = () =>
      client.send(new CreateClusterCommand({ HsmType: 'hsm1.medium', SubnetIds: ['subnet-0123456a'] }));
    const [one, two] = await Promise.all([make(), make()]);
    const ResourceId = one.Cluster!.ClusterId!;
    const tag = (Key: string) => ({ Key, Value: 'a' });
    await client.send(new TagResourceCommand({ ResourceId, TagList: [tag('team'), tag('x'), tag('y')] }));
    await client.send(new UntagResourceCommand({ ResourceId, TagKeyList: ['x'] }));
    const many = Array.from({ length: 49 }, (_, i) => tag(`many-${i}`));
    expect(await code(client.send(new TagResourceCommand({ ResourceId, TagList: many })))).toBe(
      'CloudHsmResourceLimitExceededException',
    );
    const page = await client.send(new ListTagsCommand({ ResourceId, MaxResults: 1 }));
    expect(page.TagList).toEqual([tag('team')]);
    const rest = await client.send(new ListTagsCommand({ ResourceId, NextToken: page.NextToken }));
    expect(rest).toMatchObject({ TagList: [tag('y')] });
    expect(await code(client.send(new TagResourceCommand({ ResourceId, TagList: [tag('aws:x')] })))).toBe(
      'CloudHsmTagException',
    );

    const reader = hsmClient(server, { accessKeyId: 'AKIAREADER0000000001', secretAccessKey: 'reader-secret-reader' });
    expect((await reader.send(new DescribeClustersCommand({}))).Clusters!.length).toBeGreaterThanOrEqual(2);
    await reader.send(new ListTagsCommand({ ResourceId }));
    expect(await code(reader.send(new ListTagsCommand({ ResourceId: two.Cluster!.ClusterId! })))).toBe(
      'CloudHsmAccessDeniedException',
    );
    expect(await message(reader.send(new DeleteClusterCommand({ ClusterId: ResourceId })))).toContain(
      `cloudhsm:DeleteCluster on resource: arn:aws:cloudhsm:us-east-1:000000000000:cluster/${ResourceId}`,
    );
    const stranger = hsmClient(server, {
      accessKeyId: 'AKIAOTHER00000000001',
      secretAccessKey: 'other-secret-other-1',
    });
    expect((await stranger.send(new DescribeClustersCommand({}))).Clusters).toEqual([]);
    expect(await code(stranger.send(new DeleteClusterCommand({ ClusterId: ResourceId })))).toBe(
      'CloudHsmResourceNotFoundException',
    );

    const modified = await client.send(
      new ModifyClusterCommand({ ClusterId: ResourceId, BackupRetentionPolicy: { Type: 'DAYS', Value: '10' } }),
    );
    expect(modified.Cluster!.BackupRetentionPolicy!.Value).toBe('10');
    expect(
      await code(client.send(new CreateHsmCommand({ ClusterId: ResourceId, AvailabilityZone: 'us-east-1f' }))),
    ).toBe('CloudHsmInvalidRequestException');
    const raw = async (name: string, body: unknown) =>
      JSON.parse(
        (
          await signedRequest(server.port, {
            ...{ method: 'POST', path: '/', key: credentials, service: 'cloudhsm', body: JSON.stringify(body) },
            headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `BaldrApiService.${name}` },
          })
        ).text,
      );
    expect(await raw('DescribeClusters', { Only: 'mine' })).toMatchObject({
      __type: 'CloudHsmInvalidRequestException',
    });
    expect(await raw('DescribeClusters', { Filters: { names: ['x'] } })).toMatchObject({
      __type: 'CloudHsmInvalidRequestException',
    });
    expect(await raw('DescribeClusters', { MaxResults: 'x' })).toMatchObject({ __type: 'SerializationException' });
    expect(await raw('MakeCluster', {})).toMatchObject({ __type: 'UnknownOperationException' });
    await client.send(new DeleteClusterCommand({ ClusterId: ResourceId }));
    await client.send(new DeleteClusterCommand({ ClusterId: two.Cluster!.ClusterId! }));
  });

  test('are asked in CBOR too, the protocol that their model names first: answers, timestamps, errors, refusals', async () => {
    const send = async (operation: string, body: Buffer, key: typeof credentials | undefined = credentials) => {
      const answer = await signedRequest(server.port, {
        ...{ method: 'POST', path: `/service/BaldrApiService/operation/${operation}`, body, key, service: 'cloudhsm' },
        headers: { 'smithy-protocol': 'rpc-v2-cbor', 'content-type': 'application/cbor', accept: 'application/cbor' },
      });
      expect(answer.headers.get('smithy-protocol')).toBe('rpc-v2-cbor');
      expect(answer.headers.get('content-type')).toBe('application/cbor');
      const json = decode(answer.bytes, { tags: { 1: (content) => ({ seconds: content() }) } });
      return { status: answer.status, json };
    };
    const input = { HsmType: 'hsm1.medium', SubnetIds: ['subnet-0123456a'], TagList: [{ Key: 'a', Value: 'b' }] };
    const made = await send('CreateCluster', Buffer.from(encode(input)));
    expect(made).toMatchObject({
      ...{ status: 200 },
      json: { Cluster: { TagList: [{ Key: 'a', Value: 'b' }], CreateTimestamp: { seconds: expect.any(Number) } } },
    });
    const { ClusterId } = made.json.Cluster;
    // {_ "Filters": {_ "clusterIds": [_ ClusterId]}}, of lengths that are not said.
    const text = (of: string) => Buffer.from(encode(of));
    const open = (byte: number, ...parts: Buffer[]) => Buffer.concat([Buffer.of(byte), ...parts, Buffer.of(0xff)]);
    const filters = open(0xbf, text('clusterIds'), open(0x9f, text(ClusterId)));
    const { json } = await send('DescribeClusters', open(0xbf, text('Filters'), filters));
    expect(json.Clusters).toMatchObject([{ ClusterId }]);
    expect((await send('DescribeClusters', Buffer.alloc(0))).status).toBe(200);
    const refusedAs = async (...asked: Parameters<typeof send>) => {
      const answer = await send(...asked);
      return [answer.status, answer.json.__type];
    };
    const unknown = Buffer.from(encode({ ClusterId: 'cluster-aaaaaaaaaaa' }));
    expect(await refusedAs('DeleteCluster', unknown)).toEqual([400, 'CloudHsmResourceNotFoundException']);
    expect(await refusedAs('MakeCluster', unknown)).toEqual([400, 'UnknownOperationException']);
    const wrong = { ...credentials, secretAccessKey: 'another-secret' };
    expect((await refusedAs('DeleteCluster', unknown, wrong))[1]).toBe('InvalidSignatureException');
    for (const nonsense of [
      ...[Buffer.of(0xff), Buffer.of(0x81, 0x01), Buffer.alloc(60_000, 0x81), Buffer.of(0x9a, 0xff, 0xff, 0xff, 0xff)],
      ...[Buffer.concat([Buffer.of(0xa2), text('a'), text('b'), text('a'), text('c')]), Buffer.of(0xa1, 0x01, 0x01)],
    ]) {
      expect(await refusedAs('DeleteCluster', nonsense)).toEqual([400, 'SerializationException']);
    }
    expect((await send('DeleteCluster', Buffer.from(encode({ ClusterId })))).status).toBe(200);
    // KMS has JSON alone.
    const kms = await signedRequest(server.port, {
      ...{ method: 'POST', path: '/service/TrentService/operation/ListKeys', key: credentials, service: 'kms' },
      headers: { 'smithy-protocol': 'rpc-v2-cbor' },
    });
    expect(decode(kms.bytes)).toEqual({ __type: 'UnknownOperationException' });
  });

  test('keep no password and no PIN where the operator finds it', async () => {
    const { clusterId } = await makeCluster(server, 1);
    const { Hsms } = await waitFor(client, clusterId, hasActive(1));
    await coffer(server, ['hsm', 'user', 'change-password', clusterId, 'kmsuser'], {
      ...{ 'officer-password': OFFICER_PASSWORD, 'user-password': 'kmsuser-password-2' },
    });
    const files = await readdir(server.dir, { recursive: true, withFileTypes: true });
    for (const file of files.filter((one) => one.isFile())) {
      const bytes = await readFile(join(file.parentPath, file.name));
      for (const secret of [OFFICER_PASSWORD, USER_PASSWORD, 'kmsuser-password-2']) {
        expect(bytes.includes(secret), file.name).toBe(false);
      }
    }
    expect(server.output()).not.toContain(OFFICER_PASSWORD);
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: Hsms![0]!.HsmId! }));
    await waitFor(client, clusterId, hasActive(0));
    const tail = await coffer(server, ['audit', 'tail', '--count', '200']);
    expect(tail).toContain('cloudhsm.amazonaws.com ChangeUserPassword');
    expect(tail).toContain(`:cluster/${clusterId}`);
  });
});
