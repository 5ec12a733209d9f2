import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GetKeyPolicyCommand,
  KMSClient,
  ListGrantsCommand,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AccountsServer, keyOf, startWithAccounts } from '../support/accounts.js';
import { replicate, rule, settled, TRUSTS_S3, versionedBucket } from '../support/replication.js';
import { refusal } from '../support/s3-error.js';

const ACCOUNT = '111111111111';

describe.each([
  ['us-gov-west-1', 'aws-us-gov', 's3.us-gov-west-1.amazonaws.com', 'aws-cn'],
  ['cn-north-1', 'aws-cn', 's3.cn-north-1.amazonaws.com.cn', 'aws-us-gov'],
] as const)('in %s', (region, partition, viaService, foreign) => {
  let server: AccountsServer;
  const arn = (rest: string, of: string = partition) => `arn:${of}:${rest}`;
  const iam = (rest: string) => arn(`iam::${ACCOUNT}:${rest}`);
  const policy = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });
  const allow = (Action: string | string[], Resource = '*', more: object = {}) => ({
    Effect: 'Allow',
    Action,
    Resource,
    ...more,
  });
  const roleAt = '/aws-service-role/replication.s3.amazonaws.com/';
  const s3 = (name: string): S3Client => server.s3({ credentials: keyOf(name), region });
  const config = (name: string) => ({ endpoint: server.url, region, credentials: keyOf(name), maxAttempts: 1 });
  const kms = (name: string) => new KMSClient(config(name));
  const get = (name: string, Key: string) => s3(name).send(new GetObjectCommand({ Bucket: 'one', Key }));
  const put = (name: string, Key: string, more = {}) =>
    s3(name).send(new PutObjectCommand({ Bucket: 'one', Key, Body: Key, ...more }));

  beforeAll(async () => {
    server = await startWithAccounts(
      [
        {
          accountId: ACCOUNT,
          name: 'main',
          users: [
            { userName: 'reader', path: '/readers/', policies: [policy(allow('s3:GetObject', arn('s3:::one/own/*')))] },
            { userName: 'plain', policies: [policy(allow('s3:GetObject', 'arn:aws:s3:::one/*'))] },
            { userName: 'named', path: '/team/blue/' },
          ],
          roles: [
            {
              roleName: 'sender',
              path: roleAt,
              assumeRolePolicyDocument: {
                ...TRUSTS_S3,
                Statement: [
                  { ...TRUSTS_S3.Statement[0], Condition: { ArnEquals: { 'aws:SourceArn': arn('s3:::from') } } },
                ],
              },
              policies: [policy(allow(['s3:GetObjectVersion*', 's3:Replicate*'], arn('s3:::*')))],
            },
          ],
        },
      ],
      { COFFER_REGION: region },
    );
    await s3('main').send(new CreateBucketCommand({ Bucket: 'one' }));
    for (const Key of ['own/a', 'other/a', 'team/a']) await put('main', Key);
  });
  afterAll(() => server?.close());

  test('everything is told by its ARN there', async () => {
    const who = (name: string) => new STSClient(config(name)).send(new GetCallerIdentityCommand({}));
    expect((await who('main')).Arn).toBe(iam('root'));
    expect((await who('named')).Arn).toBe(iam('user/team/blue/named'));
    expect((await s3('main').send(new HeadBucketCommand({ Bucket: 'one' }))).BucketArn).toBe(arn('s3:::one'));
    const { Buckets } = await s3('main').send(new ListBucketsCommand({ MaxBuckets: 10 }));
    expect(Buckets![0]!.BucketArn).toBe(arn('s3:::one'));
    const { KeyMetadata } = await kms('main').send(new CreateKeyCommand({}));
    const { KeyId, Arn } = KeyMetadata!;
    expect(Arn).toBe(arn(`kms:${region}:${ACCOUNT}:key/${KeyId}`));
    const { Policy } = await kms('main').send(new GetKeyPolicyCommand({ KeyId }));
    expect(JSON.parse(Policy!).Statement[0].Principal).toEqual({ AWS: iam('root') });
    await kms('main').send(new CreateAliasCommand({ AliasName: 'alias/a', TargetKeyId: Arn }));
    const byAlias = arn(`kms:${region}:${ACCOUNT}:alias/a`);
    expect((await kms('main').send(new DescribeKeyCommand({ KeyId: byAlias }))).KeyMetadata!.KeyId).toBe(KeyId);
    const elsewhere = kms('main').send(new DescribeKeyCommand({ KeyId: Arn!.replace(partition, foreign) }));
    expect(await refusal(elsewhere)).toMatchObject({ code: 'InvalidArnException' });
  });

  test('policies name what lies there, and paths are part of names', async () => {
    await expect(get('reader', 'own/a')).resolves.toBeDefined();
    const refused = await refusal(get('reader', 'other/a'));
    expect(refused.message).toContain(`User: ${iam('user/readers/reader')} is not authorized`);
    expect(refused.message).toContain(`on resource: "${arn('s3:::one/other/a')}"`);
    // As they had to be written before.
    await expect(get('plain', 'own/a')).resolves.toBeDefined();
    const statements = (Resource: string, Principal: string) =>
      JSON.stringify(policy(allow('s3:GetObject', Resource, { Principal: { AWS: Principal } })));
    const putPolicy = (text: string) => s3('main').send(new PutBucketPolicyCommand({ Bucket: 'one', Policy: text }));
    await putPolicy(statements(arn('s3:::one/team/*'), iam('user/team/blue/named')));
    await expect(get('named', 'team/a')).resolves.toBeDefined();
    expect(await refusal(get('named', 'own/a'))).toMatchObject({ status: 403 });
    await putPolicy(statements(arn('s3:::one/team/*'), iam('user/named')));
    expect(await refusal(get('named', 'team/a'))).toMatchObject({ status: 403 });
    for (const [text, message] of [
      [statements(arn('s3:::one/*', foreign), iam('user/named')), 'Policy has invalid resource'],
      [statements(arn('s3:::one/*'), iam('user/named').replace(partition, foreign)), 'Invalid principal in policy'],
    ] as const) {
      expect(await refusal(putPolicy(text))).toMatchObject({ code: 'MalformedPolicy', message });
    }
    const deny = { ...allow('s3:GetObject', 'arn:aws:s3:::one/own/*', { Principal: '*' }), Effect: 'Deny' };
    await putPolicy(JSON.stringify(policy(deny)));
    expect(await refusal(get('reader', 'own/a'))).toMatchObject({ status: 403 });
    await putPolicy(
      JSON.stringify(
        policy({
          ...{ Effect: 'Deny', Principal: '*', Action: 's3:GetObject', Resource: arn('s3:::one/*') },
          Condition: { ArnLike: { 'aws:PrincipalArn': iam('user/readers/*') } },
        }),
      ),
    );
    expect(await refusal(get('reader', 'own/a'))).toMatchObject({ status: 403 });
    await expect(get('plain', 'own/a')).resolves.toBeDefined();
  });

  test('an object’s encryption context, the service and the grantee are of that partition', async () => {
    const { KeyMetadata } = await kms('main').send(new CreateKeyCommand({}));
    const { KeyId, Arn } = KeyMetadata!;
    const Principal = { AWS: iam('root') };
    const Policy = JSON.stringify(
      policy(
        allow('kms:*', '*', { Principal }),
        {
          ...{ Effect: 'Deny', Principal: '*', Action: ['kms:GenerateDataKey', 'kms:Decrypt'], Resource: '*' },
          Condition: { StringNotEquals: { 'kms:ViaService': viaService } },
        },
        {
          ...{ Effect: 'Deny', Principal: '*', Action: ['kms:GenerateDataKey', 'kms:Decrypt'], Resource: '*' },
          Condition: { StringNotLike: { 'kms:EncryptionContext:aws:s3:arn': arn('s3:::one*') } },
        },
      ),
    );
    await kms('main').send(new PutKeyPolicyCommand({ KeyId, Policy }));
    const sse = (ServerSideEncryption: string) => ({ ServerSideEncryption, SSEKMSKeyId: Arn });
    for (const [Key, more] of [
      ['k', sse('aws:kms')],
      ['b', { ...sse('aws:kms'), BucketKeyEnabled: true }],
      ['d', sse('aws:kms:dsse')],
    ] as const) {
      await put('main', Key, more);
      expect(await (await get('main', Key)).Body!.transformToString()).toBe(Key);
    }
    await put('main', 'managed', { ServerSideEncryption: 'aws:kms' });
    expect(await (await get('main', 'managed')).Body!.transformToString()).toBe('managed');
    const foreignGrantee = { KeyId, GranteePrincipal: iam('user/team/blue/named').replace(partition, foreign) };
    for (const GranteePrincipal of [foreignGrantee.GranteePrincipal, iam('user/named')]) {
      const grant = new CreateGrantCommand({ KeyId, GranteePrincipal, Operations: ['Encrypt'] });
      expect(await refusal(kms('main').send(grant))).toMatchObject({ code: 'InvalidArnException' });
    }
    const GranteePrincipal = iam('user/team/blue/named');
    await kms('main').send(new CreateGrantCommand({ KeyId, GranteePrincipal, Operations: ['Encrypt'] }));
    const { Grants } = await kms('main').send(new ListGrantsCommand({ KeyId, GranteePrincipal }));
    expect(Grants![0]).toMatchObject({ GranteePrincipal, IssuingAccount: iam('root') });
    const sealed = await kms('named').send(new EncryptCommand({ KeyId: Arn, Plaintext: Buffer.from('x') }));
    expect(sealed.KeyId).toBe(Arn);
    const opening = kms('named').send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob }));
    expect(await refusal(opening)).toMatchObject({ code: 'AccessDeniedException' });
  });

  test('replication goes by roles and buckets of that partition', async () => {
    for (const name of ['from', 'sent']) await versionedBucket(s3('main'), name);
    const role = iam(`role${roleAt}sender`);
    const to = (of: string) => rule('sent', { Destination: { Bucket: `arn:${of}:s3:::sent` } });
    const put = (of: string, arn: string) => replicate(s3('main'), 'from', [to(of)], arn);
    expect(await refusal(put(foreign, role))).toMatchObject({
      code: 'InvalidArgument',
      message: 'Invalid bucket ARN.',
    });
    for (const wrong of [role.replace(partition, foreign), iam('role/sender')]) {
      expect(await refusal(put(partition, wrong))).toMatchObject({ code: 'InvalidArgument' });
    }
    await put(partition, role);
    await s3('main').send(new PutObjectCommand({ Bucket: 'from', Key: 'k', Body: 'x' }));
    await settled(s3('main'), { Bucket: 'from', Key: 'k' });
  });
});
