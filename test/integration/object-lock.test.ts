import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  type ObjectLockConfiguration,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  PutObjectTaggingCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { startServer, type TestServer } from '../support/server.js';
import { signedRequest } from '../support/signed-request.js';

const keys = {
  root: { accessKeyId: 'AKIAROOTROOTROOTROOT', secretAccessKey: 'root-secret-0123456789' },
  /** May do all but pass GOVERNANCE and read locks. */
  user: { accessKeyId: 'AKIAUSERUSERUSERUSER', secretAccessKey: 'user-secret-0123456789' },
};
const policy = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: 's3:*', Resource: '*' },
    {
      Effect: 'Deny',
      Action: ['s3:BypassGovernanceRetention', 's3:GetObjectRetention', 's3:GetObjectLegalHold'],
      Resource: '*',
    },
  ],
};
let server: TestServer;
let dir: string;
let s3: S3Client;
let user: S3Client;
const Bucket = 'locked';
const Plain = 'not-locked';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-lock-'));
  const file = join(dir, 'accounts.json');
  const users = [{ userName: 'user', accessKeys: [keys.user], policies: [policy] }];
  await writeFile(file, JSON.stringify({ accounts: [{ accountId: '111111111111', accessKeys: [keys.root], users }] }));
  server = await startServer({
    env: { COFFER_ACCESS_KEY_ID: '', COFFER_SECRET_ACCESS_KEY: '', COFFER_ACCOUNTS_FILE: file },
  });
  s3 = server.s3({ credentials: keys.root });
  user = server.s3({ credentials: keys.user });
  await s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  await s3.send(new CreateBucketCommand({ Bucket: Plain }));
});
afterAll(async () => {
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

const HOUR = 3_600_000;
const inHours = (hours: number) => new Date(Math.floor(Date.now() / 1000) * 1000 + hours * HOUR);
const put = (Key: string, extra: Partial<PutObjectCommandInput> = {}, client = s3) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: 'test', ...extra }));
const retain = (
  Key: string,
  Mode: 'GOVERNANCE' | 'COMPLIANCE' | undefined,
  RetainUntilDate: Date | undefined,
  extra: { VersionId?: string; BypassGovernanceRetention?: boolean; Bucket?: string } = {},
  client = s3,
) =>
  client.send(
    new PutObjectRetentionCommand({
      Bucket,
      Key,
      Retention: Mode === undefined && RetainUntilDate === undefined ? {} : { Mode, RetainUntilDate },
      ...extra,
    }),
  );
const hold = (Key: string, Status: 'ON' | 'OFF', VersionId?: string) =>
  s3.send(new PutObjectLegalHoldCommand({ Bucket, Key, VersionId, LegalHold: { Status } }));
const head = (Key: string, VersionId?: string, client = s3) =>
  client.send(new HeadObjectCommand({ Bucket, Key, VersionId }));
const remove = (Key: string, VersionId?: string, BypassGovernanceRetention?: boolean, client = s3) =>
  client.send(new DeleteObjectCommand({ Bucket, Key, VersionId, BypassGovernanceRetention }));

const LOCKED = {
  status: 403,
  code: 'AccessDenied',
  message: 'Access Denied because object protected by object lock.',
};
const MALFORMED = {
  status: 400,
  code: 'MalformedXML',
  message: 'The XML you provided was not well-formed or did not validate against our published schema',
};
const MISSING = { status: 400, code: 'InvalidRequest', message: 'Bucket is missing Object Lock Configuration' };
const NEVER_SET = {
  status: 404,
  code: 'NoSuchObjectLockConfiguration',
  message: 'The specified object does not have a ObjectLock configuration',
};

describe('a bucket', () => {
  const configure = (bucket: string, ObjectLockConfiguration?: ObjectLockConfiguration) =>
    s3.send(new PutObjectLockConfigurationCommand({ Bucket: bucket, ObjectLockConfiguration }));
  const configuration = async (bucket: string) =>
    (await s3.send(new GetObjectLockConfigurationCommand({ Bucket: bucket }))).ObjectLockConfiguration;
  const version = (bucket: string, Status: 'Enabled' | 'Suspended') =>
    s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status } }));

  test('that is made with Object Lock has versions, which can’t be suspended (test_disable_versioning_on_locked_bucket)', async () => {
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled');
    expect(await refusal(version(Bucket, 'Suspended'))).toEqual({
      status: 409,
      code: 'InvalidBucketState',
      message: 'An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.',
    });
    await version(Bucket, 'Enabled');
  });

  test('takes the configuration once it has versions (test_put_object_lock_configuration_on_existing_bucket)', async () => {
    const existing = 'locked-later';
    await s3.send(new CreateBucketCommand({ Bucket: existing }));
    expect(await refusal(configuration(existing))).toEqual({
      status: 404,
      code: 'ObjectLockConfigurationNotFoundError',
      message: 'Object Lock configuration does not exist for this bucket',
    });
    const state = {
      status: 409,
      code: 'InvalidBucketState',
      message: "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
    };
    expect(await refusal(configure(existing, { ObjectLockEnabled: 'Enabled' }))).toEqual(state);
    await version(existing, 'Suspended');
    expect(await refusal(configure(existing, { ObjectLockEnabled: 'Enabled' }))).toEqual(state);
    await version(existing, 'Enabled');
    await configure(existing, { ObjectLockEnabled: 'Enabled' });
    expect(await configuration(existing)).toEqual({ ObjectLockEnabled: 'Enabled' });
    const rule = { DefaultRetention: { Mode: 'GOVERNANCE' as const, Days: 1 } };
    await configure(existing, { ObjectLockEnabled: 'Enabled', Rule: rule });
    expect(await configuration(existing)).toEqual({ ObjectLockEnabled: 'Enabled', Rule: rule });
    await configure(existing, { ObjectLockEnabled: 'Enabled' });
    expect(await configuration(existing)).toEqual({ ObjectLockEnabled: 'Enabled' });
  });

  test('refuses what test_put_object_lock_configuration_exc recorded', async () => {
    const enabled = { ObjectLockEnabled: 'Enabled' as const };
    const wrong: ObjectLockConfiguration[] = [
      { Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } },
      {},
      { ...enabled, Rule: {} },
      { ...enabled, Rule: { DefaultRetention: {} } },
      { ...enabled, Rule: { DefaultRetention: { Mode: 'GOVERNANCE' } } },
      { ...enabled, Rule: { DefaultRetention: { Mode: 'BAD' as 'GOVERNANCE', Days: 1 } } },
      { ...enabled, Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1, Years: 1 } } },
    ];
    for (const one of wrong) expect(await refusal(configure(Bucket, one))).toEqual(MALFORMED);
    expect(wrong).toHaveLength(7);
    for (const period of [{ Days: 0 }, { Years: -1 }, { Days: 36_501 }, { Years: 101 }]) {
      const Rule = { DefaultRetention: { Mode: 'GOVERNANCE' as const, ...period } };
      expect(await refusal(configure(Bucket, { ...enabled, Rule }))).toMatchObject({
        status: 400,
        code: 'InvalidArgument',
      });
    }
  });

  test('locks new versions by default, also copies and multipart ones (test_bucket_config_default_retention)', async () => {
    const bucket = { Bucket: 'locked-by-default' };
    await s3.send(new CreateBucketCommand({ ...bucket, ObjectLockEnabledForBucket: true }));
    await configure(bucket.Bucket, {
      ObjectLockEnabled: 'Enabled',
      Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Years: 1 } },
    });
    await put('put', bucket);
    await s3.send(new CopyObjectCommand({ ...bucket, Key: 'copy', CopySource: `${bucket.Bucket}/put` }));
    const upload = await s3.send(new CreateMultipartUploadCommand({ ...bucket, Key: 'parts' }));
    const { UploadId } = upload;
    const part = await s3.send(
      new UploadPartCommand({ ...bucket, Key: 'parts', UploadId, PartNumber: 1, Body: 'part' }),
    );
    await s3.send(
      new CompleteMultipartUploadCommand({
        ...bucket,
        Key: 'parts',
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag }] },
      }),
    );
    for (const Key of ['put', 'copy', 'parts']) {
      const { ObjectLockMode, ObjectLockRetainUntilDate } = await s3.send(new HeadObjectCommand({ ...bucket, Key }));
      expect(ObjectLockMode).toBe('GOVERNANCE');
      const days = (ObjectLockRetainUntilDate!.getTime() - Date.now()) / (24 * HOUR);
      expect(Math.round(days)).toBeGreaterThanOrEqual(365);
      expect(Math.round(days)).toBeLessThanOrEqual(366);
    }
    const until = inHours(2);
    await put('own', { ...bucket, ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: until });
    expect(await s3.send(new HeadObjectCommand({ ...bucket, Key: 'own' }))).toMatchObject({
      ObjectLockMode: 'COMPLIANCE',
      ObjectLockRetainUntilDate: until,
    });
    // Without a digest of the body, nothing is locked.
    const answer = await signedRequest(server.port, {
      method: 'PUT',
      path: '/locked-by-default/x',
      body: 'x',
      key: keys.root,
    });
    expect([answer.status, answer.text]).toEqual([
      400,
      expect.stringContaining(
        'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters',
      ),
    ]);
    expect(await refusal(s3.send(new DeleteBucketCommand(bucket)))).toMatchObject({ code: 'BucketNotEmpty' });
  });

  test.each<[string, string, object]>([
    ['of a bucket with default retention', 'locked-by-default', {}],
    ['of an upload under a legal hold', Bucket, { ObjectLockLegalHoldStatus: 'ON' }],
    ['of an upload with retention', Bucket, { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: inHours(2) }],
  ])('parts %s come with a digest', async (_, bucket, lock) => {
    const upload = { Bucket: bucket, Key: 'digested' };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...upload, ...lock }));
    const part = (headers: Record<string, string>) =>
      signedRequest(server.port, {
        method: 'PUT',
        path: `/${bucket}/digested`,
        query: `partNumber=1&uploadId=${UploadId}`,
        headers,
        body: 'part',
        key: keys.root,
      });
    const refused = await part({});
    expect([refused.status, refused.text]).toEqual([
      400,
      expect.stringContaining(
        '<Message>Content-MD5 OR x-amz-checksum- HTTP header is required for Put Part requests with Object Lock parameters</Message>',
      ),
    ]);
    const md5 = createHash('md5').update('part').digest('base64');
    const sha256 = createHash('sha256').update('part').digest('base64');
    expect((await part({ 'content-md5': md5 })).status).toBe(200);
    const { headers } = await part({ 'x-amz-checksum-sha256': sha256 });
    // What is copied is known to be whole.
    const copy = { ...upload, UploadId, PartNumber: 2, CopySource: `${Bucket}/digest-source` };
    await put('digest-source', { Body: 'copied' });
    await s3.send(new UploadPartCopyCommand(copy));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: headers.get('etag')! }] };
    await s3.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload }));
  });

  test('parts of an upload that nothing locks need none', async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'free' }));
    const query = `partNumber=1&uploadId=${UploadId}`;
    const free = { method: 'PUT', path: `/${Bucket}/free`, query, body: 'part', key: keys.root };
    expect((await signedRequest(server.port, free)).status).toBe(200);
  });
});

describe('retention', () => {
  test('in GOVERNANCE mode yields to who may pass it, and says so (test_s3_object_retention)', async () => {
    const Key = 'governance';
    const { VersionId } = await put(Key);
    expect(await refusal(s3.send(new GetObjectRetentionCommand({ Bucket, Key })))).toEqual(NEVER_SET);
    const until = inHours(2);
    await retain(Key, 'GOVERNANCE', until);
    expect((await s3.send(new GetObjectRetentionCommand({ Bucket, Key }))).Retention).toEqual({
      Mode: 'GOVERNANCE',
      RetainUntilDate: until,
    });
    expect(await head(Key)).toMatchObject({ ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: until });
    expect(await refusal(remove(Key, VersionId))).toEqual(LOCKED);
    expect(await refusal(remove(Key, VersionId, true, user))).toEqual(LOCKED);
    expect(await refusal(retain(Key, 'GOVERNANCE', inHours(1)))).toEqual(LOCKED);
    expect(await refusal(retain(Key, 'COMPLIANCE', inHours(3)))).toEqual(LOCKED);
    expect(await refusal(retain(Key, undefined, undefined))).toEqual(LOCKED);
    expect(await refusal(retain(Key, undefined, undefined, { BypassGovernanceRetention: true }, user))).toEqual(LOCKED);
    await retain(Key, 'GOVERNANCE', inHours(3));
    await retain(Key, 'GOVERNANCE', inHours(1), { BypassGovernanceRetention: true });
    await retain(Key, undefined, undefined, { BypassGovernanceRetention: true });
    expect(await refusal(s3.send(new GetObjectRetentionCommand({ Bucket, Key })))).toEqual(NEVER_SET);
    await retain(Key, 'GOVERNANCE', until);
    expect((await remove(Key, VersionId, true)).VersionId).toBe(VersionId);
  });

  test('in COMPLIANCE mode yields to nobody, root among them, and may be extended (test_s3_object_retention_compliance_mode)', async () => {
    const Key = 'compliance';
    const { VersionId } = await put(Key);
    await retain(Key, 'COMPLIANCE', inHours(2));
    const bypass = { BypassGovernanceRetention: true };
    const marker = await remove(Key);
    expect(marker.DeleteMarker).toBe(true);
    const attempts = [
      () => remove(Key, VersionId),
      () => remove(Key, VersionId, true),
      () => retain(Key, 'COMPLIANCE', inHours(1), { ...bypass, VersionId }),
      () => retain(Key, 'GOVERNANCE', inHours(3), { ...bypass, VersionId }),
      () => retain(Key, undefined, undefined, { ...bypass, VersionId }),
    ];
    for (const attempt of attempts) expect(await refusal(attempt())).toEqual(LOCKED);
    expect(attempts).toHaveLength(5);
    const Objects = [
      { Key, VersionId },
      { Key, VersionId: marker.VersionId },
    ];
    const many = await s3.send(
      new DeleteObjectsCommand({ Bucket, BypassGovernanceRetention: true, Delete: { Objects } }),
    );
    expect(many.Errors).toEqual([{ Key, VersionId, Code: 'AccessDenied', Message: LOCKED.message }]);
    expect(many.Deleted).toMatchObject([{ Key, VersionId: marker.VersionId }]);
    await retain(Key, 'COMPLIANCE', inHours(4));
    // What is no part of the lock can be changed.
    await s3.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } }));
    expect(await head(Key)).toMatchObject({ ObjectLockMode: 'COMPLIANCE', TagCount: 1 });
  });

  test('ends with its time', async () => {
    const Key = 'ends';
    let ObjectLockRetainUntilDate: Date;
    let VersionId: string | undefined;
    // On a busy machine it may have ended before it is tried: then with more time.
    for (let ms = 1500; ; ms *= 2) {
      ObjectLockRetainUntilDate = new Date(Date.now() + ms);
      const stored = await put(Key, { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate }).catch(() => undefined);
      VersionId = stored?.VersionId;
      const tried = stored && (await refusal(remove(Key, VersionId)).catch(() => undefined));
      if (Date.now() >= ObjectLockRetainUntilDate.getTime()) continue;
      expect(tried).toEqual(LOCKED);
      break;
    }
    await expect
      .poll(() =>
        remove(Key, VersionId).then(
          () => 'deleted',
          () => 'locked',
        ),
      )
      .toBe('deleted');
    expect(Date.now()).toBeGreaterThanOrEqual(ObjectLockRetainUntilDate.getTime());
  });

  test('is refused as test_s3_object_retention_exc recorded', async () => {
    const Key = 'refused';
    await put(Key);
    const until = inHours(1);
    expect(await refusal(retain(Key, 'GOVERNANCE', until, { Bucket: 'no-such-bucket' }))).toMatchObject({
      code: 'NoSuchBucket',
    });
    expect(await refusal(retain('missing', 'GOVERNANCE', until))).toMatchObject({ status: 404, code: 'NoSuchKey' });
    expect(await refusal(retain(Key, undefined, until))).toEqual(MALFORMED);
    expect(await refusal(retain(Key, 'GOVERNANCE', undefined))).toEqual(MALFORMED);
    expect(await refusal(retain(Key, 'BAD' as 'GOVERNANCE', until))).toEqual(MALFORMED);
    const past = retain(Key, 'GOVERNANCE', new Date('2020-01-01T00:00:00Z'));
    const error = await past.catch((failed) => failed);
    expect(error).toMatchObject({
      message: 'The retain until date must be in the future!',
      ArgumentName: 'RetainUntilDate',
      ArgumentValue: 'Tue Dec 31 16:00:00 PST 2019',
    });
    await s3.send(new PutObjectCommand({ Bucket: Plain, Key, Body: 'x' }));
    expect(await refusal(retain(Key, 'GOVERNANCE', until, { Bucket: Plain }))).toEqual(MISSING);
    expect(await refusal(s3.send(new GetObjectRetentionCommand({ Bucket: Plain, Key })))).toEqual(MISSING);
  });

  test('has nothing to do with delete markers (test_object_lock_delete_markers)', async () => {
    const Key = 'marker';
    await put(Key, { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: inHours(1) });
    const { VersionId } = await remove(Key);
    const method = { status: 405, code: 'MethodNotAllowed' };
    expect(await refusal(retain(Key, 'GOVERNANCE', inHours(2), { VersionId: VersionId! }))).toMatchObject(method);
    expect(await refusal(s3.send(new GetObjectRetentionCommand({ Bucket, Key, VersionId })))).toMatchObject(method);
    await remove(Key, VersionId);
    expect((await head(Key)).ObjectLockMode).toBe('GOVERNANCE');
  });

  test('in headers is validated as test_s3_object_lock_mode_validation recorded', async () => {
    const until = inHours(1);
    const invalid = (message: string) => ({ status: 400, code: 'InvalidArgument', message });
    const both = 'x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied';
    expect(await refusal(put('v', { ObjectLockMode: 'GOVERNANCE' }))).toEqual(invalid(both));
    expect(await refusal(put('v', { ObjectLockRetainUntilDate: until }))).toEqual(invalid(both));
    const bad = { ObjectLockMode: 'BAD-VALUE' as 'GOVERNANCE', ObjectLockRetainUntilDate: until };
    expect(await refusal(put('v', bad))).toEqual(invalid('Unknown wormMode directive.'));
    expect(await refusal(s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'v', ...bad })))).toEqual(
      invalid('Unknown wormMode directive.'),
    );
    const past = { ObjectLockMode: 'GOVERNANCE' as const, ObjectLockRetainUntilDate: new Date(1000) };
    expect(await refusal(put('v', past))).toEqual(invalid('The retain until date must be in the future!'));
    expect(await refusal(put('v', { ObjectLockLegalHoldStatus: 'MAYBE' as 'ON' }))).toEqual(
      invalid("Legal Hold must be either of 'ON' or 'OFF'"),
    );
    const good = { ObjectLockMode: 'GOVERNANCE' as const, ObjectLockRetainUntilDate: until };
    expect(await refusal(put('v', { ...good, Bucket: Plain }))).toEqual(MISSING);
    expect(await refusal(s3.send(new CreateMultipartUploadCommand({ Bucket: Plain, Key: 'v', ...good })))).toEqual(
      MISSING,
    );
  });

  test('is told only to whom may read it', async () => {
    const Key = 'told';
    await put(Key, {
      ObjectLockMode: 'GOVERNANCE',
      ObjectLockRetainUntilDate: inHours(1),
      ObjectLockLegalHoldStatus: 'ON',
    });
    expect(await head(Key)).toMatchObject({ ObjectLockMode: 'GOVERNANCE', ObjectLockLegalHoldStatus: 'ON' });
    const seen = await head(Key, undefined, user);
    expect([seen.ObjectLockMode, seen.ObjectLockRetainUntilDate, seen.ObjectLockLegalHoldStatus]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('isn’t copied, and is given to a copy or an upload by its own headers', async () => {
    const Key = 'source';
    const lock = { ObjectLockMode: 'GOVERNANCE' as const, ObjectLockRetainUntilDate: inHours(1) };
    await put(Key, { ...lock, ObjectLockLegalHoldStatus: 'ON' });
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'copied', CopySource: `${Bucket}/${Key}` }));
    const copied = await head('copied');
    expect([copied.ObjectLockMode, copied.ObjectLockLegalHoldStatus]).toEqual([undefined, undefined]);
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'locked-copy', CopySource: `${Bucket}/${Key}`, ...lock }));
    expect(await head('locked-copy')).toMatchObject(lock);
    const { UploadId } = await s3.send(
      new CreateMultipartUploadCommand({ Bucket, Key: 'parts', ...lock, ObjectLockLegalHoldStatus: 'ON' }),
    );
    const { ETag } = await s3.send(
      new UploadPartCommand({ Bucket, Key: 'parts', UploadId, PartNumber: 1, Body: 'part' }),
    );
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'parts', UploadId, MultipartUpload }));
    expect(await head('parts')).toMatchObject({ ...lock, ObjectLockLegalHoldStatus: 'ON' });
  });
});

describe('a legal hold', () => {
  test('keeps a version until it is taken off, whoever passes GOVERNANCE (test_delete_locked_object)', async () => {
    const Key = 'held';
    const { VersionId } = await put(Key);
    expect(await refusal(s3.send(new GetObjectLegalHoldCommand({ Bucket, Key })))).toEqual(NEVER_SET);
    await hold(Key, 'ON');
    expect((await s3.send(new GetObjectLegalHoldCommand({ Bucket, Key }))).LegalHold).toEqual({ Status: 'ON' });
    expect(await refusal(remove(Key, VersionId))).toEqual(LOCKED);
    expect(await refusal(remove(Key, VersionId, true))).toEqual(LOCKED);
    const many = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key, VersionId }] } }));
    expect(many.Errors).toEqual([{ Key, VersionId, Code: 'AccessDenied', Message: LOCKED.message }]);
    await hold(Key, 'OFF');
    expect((await head(Key)).ObjectLockLegalHoldStatus).toBe('OFF');
    expect((await remove(Key, VersionId)).VersionId).toBe(VersionId);
  });

  test('belongs to one version (test_s3_legal_hold_lock_versioned)', async () => {
    const Key = 'held-versions';
    const first = (await put(Key)).VersionId!;
    await hold(Key, 'ON', first);
    const second = (await put(Key)).VersionId!;
    expect((await head(Key, second)).ObjectLockLegalHoldStatus).toBeUndefined();
    expect((await head(Key, first)).ObjectLockLegalHoldStatus).toBe('ON');
    await remove(Key, second);
    expect(await refusal(remove(Key, first))).toEqual(LOCKED);
    await hold(Key, 'OFF', first);
    await remove(Key, first);
  });

  test('is refused as test_put_object_legal_hold_exc recorded', async () => {
    expect(await refusal(hold('missing', 'ON'))).toMatchObject({ status: 404, code: 'NoSuchKey' });
    await put('exc');
    expect(await refusal(hold('exc', 'PERHAPS' as 'ON'))).toEqual(MALFORMED);
    expect(await refusal(s3.send(new PutObjectLegalHoldCommand({ Bucket, Key: 'exc' })))).toEqual(MALFORMED);
    await s3.send(new PutObjectCommand({ Bucket: Plain, Key: 'exc', Body: 'x' }));
    const LegalHold = { Status: 'ON' as const };
    expect(await refusal(s3.send(new PutObjectLegalHoldCommand({ Bucket: Plain, Key: 'exc', LegalHold })))).toEqual(
      MISSING,
    );
  });
});

test('passing GOVERNANCE means something only in a bucket with Object Lock (test_delete_object_with_no_locking)', async () => {
  const message = 'x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.';
  const invalid = { status: 400, code: 'InvalidArgument', message };
  for (const BypassGovernanceRetention of [true, false]) {
    const command = new DeleteObjectCommand({ Bucket: Plain, Key: 'x', BypassGovernanceRetention });
    expect(await refusal(s3.send(command))).toEqual(invalid);
  }
  const Delete = { Objects: [{ Key: 'x' }] };
  const command = new DeleteObjectsCommand({ Bucket: Plain, BypassGovernanceRetention: true, Delete });
  expect(await refusal(s3.send(command))).toEqual(invalid);
});
