import { readFileSync } from 'node:fs';
import {
  CreateBucketCommand,
  DeleteBucketReplicationCommand,
  GetBucketReplicationCommand,
  GetObjectAclCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
  type ReplicationRule,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeReplica, REPLICA_HEADER } from '../../src/s3/replication/replica-header.js';
import { newVersionId } from '../../src/store/version-id.js';
import { type AccountsServer, keyOf, startWithAccounts } from '../support/accounts.js';
import { coffer } from '../support/cli.js';
import { replicate, rule, settled, TRUSTS_S3, versionedBucket } from '../support/replication.js';
import { refusal } from '../support/s3-error.js';
import { signedRequest } from '../support/signed-request.js';

const MAIN = '111111111111';
const OTHER = '222222222222';
const role = (name: string, account = MAIN) => `arn:aws:iam::${account}:role/${name}`;
const allow = (Action: string[], Resource: string | string[] = '*') => ({ Effect: 'Allow', Action, Resource });
const policies = (...Statement: object[]) => [{ Version: '2012-10-17', Statement }];
const READ = allow(['s3:GetObjectVersionForReplication', 's3:GetObjectVersionTagging', 's3:GetObjectVersionAcl']);
const LOCKS = allow(['s3:GetObjectRetention', 's3:GetObjectLegalHold']);
const ALL = allow(['s3:*']);
const SETS = allow(['s3:PutReplicationConfiguration']);

const trust = (Action: string, more: object, Principal: object = { Service: 's3.amazonaws.com' }) => ({
  Effect: 'Allow',
  Principal,
  Action,
  ...more,
});
const when = (operator: string, key: string, value: string) => ({ Condition: { [operator]: { [key]: value } } });
const trusted = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });
const TRUSTED = trust('sts:AssumeRole', {});
const passesTo = (service: string) => ({
  ...allow(['iam:PassRole']),
  Condition: { StringEquals: { 'iam:PassedToService': service, 'aws:ResourceAccount': MAIN } },
});
/** Of roles that may do everything. */
const TRUSTS: Record<string, object | undefined> = {
  'trusts-nobody': undefined,
  'trusts-another': trusted(trust('sts:AssumeRole', {}, { Service: 'lambda.amazonaws.com' })),
  'trusts-anybody': trusted(trust('sts:AssumeRole', {}, { AWS: '*' })),
  'trusts-tagging': trusted(trust('sts:TagSession', {})),
  'denies-s3': trusted(TRUSTED, { ...TRUSTED, Effect: 'Deny', ...when('StringEquals', 'aws:SourceAccount', MAIN) }),
  'trusts-other-account': trusted(trust('sts:AssumeRole', when('StringEquals', 'aws:SourceAccount', OTHER))),
  'trusts-other-bucket': trusted(trust('sts:AssumeRole', when('ArnLike', 'aws:SourceArn', 'arn:aws:s3:::conf-t*'))),
  'trusts-own-bucket': trusted(
    trust('sts:Assume*', {
      Condition: {
        StringEquals: { 'aws:SourceAccount': MAIN, 'aws:RequestedRegion': 'us-east-1' },
        ArnLike: { 'aws:SourceArn': 'arn:aws:s3:::conf-source' },
      },
    }),
  ),
};

let server: AccountsServer;

beforeAll(async () => {
  server = await startWithAccounts(
    [
      {
        accountId: MAIN,
        name: 'main',
        users: [
          { userName: 'setter', policies: policies(allow(['s3:PutReplicationConfiguration'])) },
          {
            userName: 'passer',
            policies: policies(allow(['s3:PutReplicationConfiguration']), allow(['iam:PassRole'], role('full'))),
          },
          { userName: 'anypasser', policies: policies(SETS, allow(['iam:PassRole'], role('*'))) },
          { userName: 's3passer', policies: policies(SETS, passesTo('s3.amazonaws.com')) },
          { userName: 'lambdapasser', policies: policies(SETS, passesTo('lambda.amazonaws.com')) },
          {
            userName: 'guardedpasser',
            policies: policies(SETS, allow(['iam:PassRole']), {
              ...allow(['iam:PassRole']),
              ...when('ArnEquals', 'iam:AssociatedResourceArn', 'arn:aws:s3:::conf-source'),
              Effect: 'Deny',
            }),
          },
          { userName: 'writer', policies: policies(allow(['s3:PutObject', 's3:GetObject', 's3:PutObjectTagging'])) },
          { userName: 'sender', policies: policies(allow(['s3:ReplicateObject'], 'arn:aws:s3:::landing/ok/*')) },
        ],
        roles: [
          ...(
            [
              ['full', READ, LOCKS, allow(['s3:Replicate*', 's3:ObjectOwnerOverrideToBucketOwner'])],
              ['reads', READ],
              ['writes', allow(['s3:Replicate*'])],
              ['no-deletes', READ, allow(['s3:ReplicateObject', 's3:ReplicateTags'])],
              ['no-tags', READ, allow(['s3:ReplicateObject'])],
              ['no-override', READ, allow(['s3:Replicate*'])],
            ] as [string, ...object[]][]
          ).map(([roleName, ...statements]) => ({
            roleName,
            assumeRolePolicyDocument: TRUSTS_S3,
            policies: policies(...statements),
          })),
          { roleName: 'pathed', path: '/service-role/', assumeRolePolicyDocument: TRUSTS_S3, policies: policies(ALL) },
          ...Object.entries(TRUSTS).map(([roleName, assumeRolePolicyDocument]) => ({
            roleName,
            ...(assumeRolePolicyDocument && { assumeRolePolicyDocument }),
            policies: policies(ALL),
          })),
        ],
      },
      { accountId: OTHER, name: 'other' },
    ],
    { COFFER_DISPLAY_NAMES: 'on' },
  );
  for (const name of ['conf-source', 'conf-target', 'landing']) await versionedBucket(server.as('main'), name);
});
afterAll(() => server.close());

const main = () => server.as('main');
const failures = async (bucket: string): Promise<string[]> => {
  const { accessKeyId, secretAccessKey } = keyOf('main');
  const env = { COFFER_ACCESS_KEY_ID: accessKeyId, COFFER_SECRET_ACCESS_KEY: secretAccessKey };
  const { stdout } = await coffer(server.dir, ['replication', 'failed', bucket, '--json', '--url', server.url], env);
  const lines = stdout
    .trim()
    .split('\n')
    .map((one) => JSON.parse(one));
  return lines.flatMap(({ key, reason }) => (reason ? [`${key} ${reason}`] : []));
};

describe('the configuration', () => {
  test('is answered as AWS answered', async () => {
    const recorded = JSON.parse(readFileSync('fixtures/aws/replication.json', 'utf8'));
    const s3 = main();
    const Bucket = 'plain-bucket';
    await s3.send(new CreateBucketCommand({ Bucket }));
    const none = await refusal(s3.send(new GetBucketReplicationCommand({ Bucket })));
    expect(none).toMatchObject(recorded.notFound);
    expect(await refusal(replicate(s3, Bucket, [rule('conf-target')], role('full')))).toMatchObject(
      recorded.notVersioned,
    );
    for (const to of ['nowhere-at-all', Bucket]) {
      const refused = await refusal(replicate(s3, 'conf-source', [rule(to)], role('full')));
      expect(refused).toMatchObject(recorded.destination);
    }
    expect(await refusal(replicate(s3, 'conf-source', [], role('full')))).toMatchObject(recorded.noRules);
    await replicate(s3, 'conf-source', recorded.put as ReplicationRule[], role('full'));
    const { ReplicationConfiguration } = await s3.send(new GetBucketReplicationCommand({ Bucket: 'conf-source' }));
    expect(ReplicationConfiguration).toEqual({ Role: role('full'), Rules: recorded.put });
    for (const _twice of [1, 2]) {
      const gone = await s3.send(new DeleteBucketReplicationCommand({ Bucket: 'conf-source' }));
      expect(gone.$metadata.httpStatusCode).toBe(204);
    }
  });

  test('takes iam:PassRole on the role besides, of an account that the bucket is of', async () => {
    const put = (who: string, arn: string) =>
      refusal(replicate(server.as(who), 'conf-source', [rule('conf-target')], arn));
    expect(await put('setter', role('full'))).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(await put('passer', role('reads'))).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(await put('main', role('full', OTHER))).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(await put('main', 'role')).toMatchObject({ status: 400, code: 'InvalidArgument' });
    await replicate(server.as('passer'), 'conf-source', [rule('conf-target')], role('full'));
  });

  test('takes a role that is there and that S3 may assume, for this bucket of this account', async () => {
    const names = Object.keys(TRUSTS).filter((name) => name !== 'trusts-own-bucket');
    for (const arn of [...names, 'unknown', 'pathed', 'FULL'].map((name) => role(name))) {
      expect(await refusal(replicate(main(), 'conf-source', [rule('conf-target')], arn))).toMatchObject({
        status: 400,
        code: 'InvalidArgument',
        message: 'The role does not exist, or its trust policy does not let Amazon S3 assume it.',
      });
    }
    // Whoever may pass roles of a name gets no further than the roles that there are.
    expect(
      await refusal(replicate(server.as('passer'), 'conf-source', [rule('conf-target')], role('fully'))),
    ).toMatchObject({
      status: 403,
    });
    const any = replicate(server.as('anypasser'), 'conf-source', [rule('conf-target')], role('replicator'));
    expect(await refusal(any)).toMatchObject({ status: 400, code: 'InvalidArgument' });
  });

  test('takes the root of its account, from whom may pass that', async () => {
    const root = `arn:aws:iam::${MAIN}:root`;
    const put = (who: string, arn: string) => replicate(server.as(who), 'conf-source', [rule('conf-target')], arn);
    for (const who of ['setter', 'passer', 'anypasser'])
      expect(await refusal(put(who, root))).toMatchObject({ status: 403 });
    for (const arn of [`arn:aws:iam::${OTHER}:root`, 'arn:aws:iam::999999999999:root']) {
      expect(await refusal(put('main', arn))).toMatchObject({ status: 403 });
    }
    for (const arn of [`${root}/x`, `arn:aws:iam::${MAIN}:user/setter`, `arn:aws:sts::${MAIN}:assumed-role/full/x`]) {
      expect(await refusal(put('main', arn))).toMatchObject({ status: 400, code: 'InvalidArgument' });
    }
    await put('main', root);
    await main().send(new PutObjectCommand({ Bucket: 'conf-source', Key: 'by-root', Body: 'x' }));
    await settled(main(), { Bucket: 'conf-source', Key: 'by-root' });
  });

  test('asks iam:PassRole with what it is passed to, and for what', async () => {
    const put = (who: string) => replicate(server.as(who), 'conf-source', [rule('conf-target')], role('full'));
    expect(await refusal(put('lambdapasser'))).toMatchObject({ status: 403 });
    expect(await refusal(put('guardedpasser'))).toMatchObject({ status: 403 });
    await put('s3passer');
  });

  test('keeps versioning on', async () => {
    await replicate(main(), 'conf-source', [rule('conf-target')], role('full'));
    const suspend = { Bucket: 'conf-source', VersioningConfiguration: { Status: 'Suspended' as const } };
    const refused = await refusal(main().send(new PutBucketVersioningCommand(suspend)));
    expect(refused).toMatchObject({ status: 409, code: 'InvalidBucketState' });
  });
});

describe('the role', () => {
  const put = (Key: string, more = {}) =>
    main().send(new PutObjectCommand({ Bucket: 'conf-source', Key, Body: 'x', Tagging: 'a=1', ...more }));

  test.each([
    ['writes', 'FAILED', 'SrcGetObjectNotPermitted'],
    ['reads', 'FAILED', 'DstPutObjectNotPermitted'],
    ['no-deletes', 'COMPLETED', undefined],
    ['trusts-own-bucket', 'COMPLETED', undefined],
    ['service-role/pathed', 'COMPLETED', undefined],
  ])('%s: %s', async (name, status, reason) => {
    await replicate(main(), 'conf-source', [rule('conf-target')], role(name));
    await put(`by-${name}`);
    await settled(main(), { Bucket: 'conf-source', Key: `by-${name}` }, status);
    const found = (await failures('conf-source')).filter((one) => one.startsWith(`by-${name}`));
    expect(found).toEqual(reason ? [`by-${name} ${reason}`] : []);
  });

  test('without s3:ReplicateTags the replica has no tags', async () => {
    await replicate(main(), 'conf-source', [rule('conf-target')], role('no-tags'));
    await put('untagged');
    await settled(main(), { Bucket: 'conf-source', Key: 'untagged' });
    const head = await main().send(new HeadObjectCommand({ Bucket: 'conf-target', Key: 'untagged' }));
    expect(head.TagCount).toBeUndefined();
  });
});

test('the replica belongs to the source’s owner, or, by AccessControlTranslation, to the bucket it comes to', async () => {
  const other = server.as('other');
  await versionedBucket(other, 'others-bucket');
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        ...{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${MAIN}:root` } },
        Action: ['s3:ReplicateObject', 's3:ReplicateDelete', 's3:ReplicateTags', 's3:ObjectOwnerOverrideToBucketOwner'],
        Resource: 'arn:aws:s3:::others-bucket/*',
      },
    ],
  });
  await other.send(new PutBucketPolicyCommand({ Bucket: 'others-bucket', Policy }));
  const put = async (Key: string, by: string, translated: boolean) => {
    const Destination = {
      Bucket: 'arn:aws:s3:::others-bucket',
      ...(translated && { Account: OTHER, AccessControlTranslation: { Owner: 'Destination' as const } }),
    };
    await replicate(main(), 'conf-source', [rule('others-bucket', { Destination })], role(by));
    await main().send(new PutObjectCommand({ Bucket: 'conf-source', Key, Body: 'x' }));
  };
  await put('kept', 'full', false);
  await settled(main(), { Bucket: 'conf-source', Key: 'kept' });
  expect(await refusal(other.send(new GetObjectAclCommand({ Bucket: 'others-bucket', Key: 'kept' })))).toMatchObject({
    status: 403,
  });
  const mine = await main().send(new GetObjectAclCommand({ Bucket: 'others-bucket', Key: 'kept' }));
  expect(mine.Owner!.DisplayName).toBe('main');
  await put('handed', 'full', true);
  await settled(main(), { Bucket: 'conf-source', Key: 'handed' });
  const theirs = await other.send(new GetObjectAclCommand({ Bucket: 'others-bucket', Key: 'handed' }));
  expect(theirs.Owner!.DisplayName).toBe('other');
  await put('not-handed', 'no-override', true);
  await settled(main(), { Bucket: 'conf-source', Key: 'not-handed' }, 'FAILED');
});

test('Object Lock goes along, and later retention; a destination without it is refused', async () => {
  for (const Bucket of ['locked-source', 'locked-target']) {
    await main().send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  }
  const RetainUntilDate = new Date(Date.now() + 3_600_000);
  const lock = { ObjectLockMode: 'GOVERNANCE' as const, ObjectLockRetainUntilDate: RetainUntilDate };
  await replicate(main(), 'locked-source', [rule('locked-target')], role('full'));
  const put = (Key: string) =>
    main().send(new PutObjectCommand({ Bucket: 'locked-source', Key, Body: 'x', ChecksumAlgorithm: 'CRC32', ...lock }));
  await put('k');
  await settled(main(), { Bucket: 'locked-source', Key: 'k' });
  const retention = async () =>
    (await main().send(new GetObjectRetentionCommand({ Bucket: 'locked-target', Key: 'k' }))).Retention;
  expect(await retention()).toEqual({ Mode: 'GOVERNANCE', RetainUntilDate });
  const later = new Date(Date.now() + 7_200_000);
  const Retention = { Mode: 'GOVERNANCE' as const, RetainUntilDate: later };
  await main().send(new PutObjectRetentionCommand({ Bucket: 'locked-source', Key: 'k', Retention }));
  await settled(main(), { Bucket: 'locked-source', Key: 'k' });
  expect((await retention())!.RetainUntilDate).toEqual(later);
  await replicate(main(), 'locked-source', [rule('conf-target')], role('full'));
  await put('nowhere');
  await settled(main(), { Bucket: 'locked-source', Key: 'nowhere' }, 'FAILED');
  expect(await failures('locked-source')).toEqual(['nowhere DstBucketObjectLockConfigMissing']);
});

describe('the header of a replica', () => {
  const header = (more = {}) => ({
    [REPLICA_HEADER]: encodeReplica({
      ...{ versionId: newVersionId(7), lastModifiedMs: 1_700_000_000_000, ownerAccountId: MAIN },
      ...more,
    }),
  });
  const send = (who: string, key: string, headers: Record<string, string>, method = 'PUT') =>
    signedRequest(server.port, {
      ...{ method, path: `/landing/${key}`, query: '', headers, body: method === 'PUT' ? 'x' : '' },
      key: keyOf(who),
    });

  test('is taken from whoever may s3:ReplicateObject there, and from nobody else', async () => {
    expect((await send('sender', 'ok/k', header())).status).toBe(200);
    expect((await send('sender', 'no/k', header())).status).toBe(403);
    expect((await send('sender', 'ok/plain', {})).status).toBe(403);
    expect((await send('writer', 'ok/k', header())).status).toBe(403);
    expect((await send('writer', 'ok/plain', {})).status).toBe(200);
    expect((await send('sender', 'ok/k', header({ ownerOverride: true }))).status).toBe(403);
    expect((await send('sender', 'ok/k', header(), 'DELETE')).status).toBe(403);
    const found = await main().send(new HeadObjectCommand({ Bucket: 'landing', Key: 'ok/k' }));
    expect(found.LastModified!.getTime()).toBe(1_700_000_000_000);
  });

  test.each([
    ['no JSON', { [REPLICA_HEADER]: 'x' }],
    ['an id that no Coffer made', header({ versionId: 'x' })],
    ['the null version', header({ versionId: 'null' })],
    ['a sequence that would leave no room', header({ versionId: newVersionId(2 ** 48 - 1) })],
    ['no time', header({ lastModifiedMs: 'x' })],
    ['an account that is none', header({ ownerAccountId: 'root' })],
    ['an ACL that is none', header({ acl: [{ permission: 'ALL', account: MAIN }] })],
  ])('%s is refused', async (_what, headers) => {
    const answer = await send('sender', 'ok/bad', headers);
    expect([answer.status, answer.text.includes('InvalidArgument')]).toEqual([400, true]);
  });
});
