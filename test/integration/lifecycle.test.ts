import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketLifecycleCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type LifecycleRule,
  ListPartsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
  type TransitionDefaultMinimumObjectSize,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { credentials, startServer, type TestServer } from '../support/server.js';
import { signedRequest } from '../support/signed-request.js';

let server: TestServer;
let s3: S3Client;
let Bucket: string;
let made = 0;

beforeAll(async () => {
  server = await startServer();
  s3 = server.s3();
});
afterAll(() => server?.close());

const bucket = async (versioned = false): Promise<void> => {
  Bucket = `lifecycle-${made++}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
  if (!versioned) return;
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
};
const rule = (ID: string, extra: Partial<LifecycleRule>): LifecycleRule => ({
  ID,
  Filter: {},
  Status: 'Enabled',
  ...extra,
});
const configure = (Rules: LifecycleRule[], minimum?: string) =>
  s3.send(
    new PutBucketLifecycleConfigurationCommand({
      Bucket,
      LifecycleConfiguration: { Rules },
      ...(minimum ? { TransitionDefaultMinimumObjectSize: minimum as TransitionDefaultMinimumObjectSize } : {}),
    }),
  );
const configuration = () => s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
const put = async (Key: string, extra = {}) =>
  (await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'test', ...extra }))).Expiration;
const head = async (Key: string, VersionId?: string) =>
  (await s3.send(new HeadObjectCommand({ Bucket, Key, VersionId }))).Expiration;

const WHOLE = rule('wholebucket', { Expiration: { Days: 7 }, Filter: { Prefix: '' } });
const NONE = {
  status: 404,
  code: 'NoSuchLifecycleConfiguration',
  message: 'The lifecycle configuration does not exist',
};

/** The midnight (UTC) that ends so many days from now. */
const midnight = (days: number): string => {
  const day = 86_400_000;
  return new Date(Math.ceil((Date.now() + days * day) / day) * day).toUTCString();
};
const expires = (days: number, id: string): string => `expiry-date="${midnight(days)}", rule-id="${id}"`;

describe('a configuration', () => {
  test('is put, read and deleted (test_delete_bucket_lifecycle_configuration)', async () => {
    await bucket();
    expect(await refusal(configuration())).toEqual(NONE);
    const absent = await s3.send(new DeleteBucketLifecycleCommand({ Bucket }));
    expect(absent.$metadata.httpStatusCode).toBe(204);
    await configure([WHOLE]);
    const { Rules, TransitionDefaultMinimumObjectSize } = await configuration();
    expect([Rules, TransitionDefaultMinimumObjectSize]).toEqual([[WHOLE], 'all_storage_classes_128K']);
    await s3.send(new DeleteBucketLifecycleCommand({ Bucket }));
    expect(await refusal(configuration())).toEqual(NONE);
  });

  test('ends with its bucket (test_delete_lifecycle_configuration_on_bucket_deletion)', async () => {
    await bucket();
    await configure([WHOLE]);
    await s3.send(new DeleteBucketCommand({ Bucket }));
    await s3.send(new CreateBucketCommand({ Bucket }));
    expect(await refusal(configuration())).toEqual(NONE);
  });

  test('names the least size of transitions (test_s3_transition_default_minimum_object_size)', async () => {
    await bucket();
    for (const minimum of ['varies_by_storage_class', undefined, 'all_storage_classes_128K']) {
      const kept = minimum ?? 'all_storage_classes_128K';
      expect((await configure([WHOLE], minimum)).TransitionDefaultMinimumObjectSize).toBe(kept);
      expect((await configuration()).TransitionDefaultMinimumObjectSize).toBe(kept);
    }
    expect(await refusal(configure([WHOLE], 'value'))).toEqual({
      status: 400,
      code: 'InvalidRequest',
      message: 'Invalid TransitionDefaultMinimumObjectSize found: value',
    });
  });

  test('of 1,000 rules with everything in them comes back as it was sent, in both forms', async () => {
    await bucket();
    const many = Array.from({ length: 1000 }, (_, i) =>
      rule(`rule-${i}-${'i'.repeat(60)}`, {
        Filter: {
          And: {
            Prefix: `${'p'.repeat(60)}/${i}/`,
            Tags: [
              { Key: 'tag', Value: 'é' },
              { Key: 'zoo', Value: '' },
            ],
            ObjectSizeGreaterThan: 1,
            ObjectSizeLessThan: 1000,
          },
        },
        Expiration: { Date: new Date('2099-01-01T00:00:00Z') },
        Transitions: [{ Date: new Date('2098-01-01T00:00:00Z'), StorageClass: 'GLACIER' }],
        NoncurrentVersionExpiration: { NoncurrentDays: 3, NewerNoncurrentVersions: 2 },
        NoncurrentVersionTransitions: [{ NoncurrentDays: 2, NewerNoncurrentVersions: 1, StorageClass: 'GLACIER_IR' }],
      }),
    );
    await configure(many);
    expect((await configuration()).Rules).toEqual(many);
    const older: LifecycleRule[] = [
      { ID: 'a', Prefix: 'a/', Status: 'Disabled', Expiration: { Days: 1 } },
      { ID: 'b', Prefix: 'b/', Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
    ];
    await configure(older);
    expect((await configuration()).Rules).toEqual(older);
  });

  test('is refused as AWS does, with the argument named, and what was there stays', async () => {
    await bucket();
    await configure([WHOLE]);
    const body =
      '<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><Expiration><Date>2026-01-01T10:00:00Z</Date></Expiration></Rule></LifecycleConfiguration>';
    const raw = (headers: Record<string, string>) =>
      signedRequest(server.port, {
        method: 'PUT',
        path: `/${Bucket}`,
        query: 'lifecycle',
        body,
        headers,
        key: credentials,
      });
    const md5 = (await import('node:crypto')).createHash('md5').update(body).digest('base64');
    const refused = await raw({ 'content-md5': md5 });
    expect(refused.status).toBe(400);
    expect(refused.text).toContain("<Code>InvalidArgument</Code><Message>'Date' must be at midnight GMT</Message>");
    expect(refused.text).toContain(
      '<ArgumentName>Date</ArgumentName><ArgumentValue>2026-01-01T10:00:00Z</ArgumentValue>',
    );
    expect((await raw({})).text).toContain('Missing required header for this request: Content-MD5');
    expect((await configuration()).Rules).toEqual([WHOLE]);
  });
});

describe('x-amz-expiration', () => {
  test('tells of the next midnight behind the days (test_bucket_lifecycle_configuration_object_expiry)', async () => {
    await bucket();
    await configure([rule('rule_number_one', { Expiration: { Days: 7 } })]);
    const told = expires(7, 'rule_number_one');
    expect(await put('k')).toBe(told);
    expect(await head('k')).toBe(told);
    expect((await s3.send(new GetObjectCommand({ Bucket, Key: 'k' }))).Expiration).toBe(told);
    const copy = await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k` }));
    expect(copy.Expiration).toBe(told);
  });

  test('is for current versions that are asked for by no id (…_object_expiry_versioned)', async () => {
    await bucket(true);
    await configure([rule('rule2', { Expiration: { Days: 1 }, NoncurrentVersionExpiration: { NoncurrentDays: 1 } })]);
    const first = (await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: '1' }))).VersionId;
    const second = (await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: '2' }))).VersionId;
    expect([await head('k', first), await head('k', second)]).toEqual([undefined, undefined]);
    expect(await head('k')).toBe(expires(1, 'rule2'));
  });

  test('counts from when the object was made (test_object_expiry_after_bucket_lifecycle_configuration)', async () => {
    await bucket();
    expect(await put('before')).toBeUndefined();
    await configure([rule('rule3', { Expiration: { Days: 7 } })]);
    expect([await head('before'), await put('after')]).toEqual([expires(7, 'rule3'), expires(7, 'rule3')]);
    await s3.send(new DeleteBucketLifecycleCommand({ Bucket }));
    expect(await head('after')).toBeUndefined();
  });

  test('names the rule that comes first (test_bucket_lifecycle_multiple_rules)', async () => {
    await bucket();
    const named = (id: string, Prefix: string, Days: number) => rule(id, { Filter: { Prefix }, Expiration: { Days } });
    await configure([named('one', 'testobject', 7), named('two', 'test', 7), named('three', 't', 30)]);
    expect([await put('testobject1'), await put('test2'), await put('to'), await put('no')]).toEqual([
      expires(7, 'one'),
      expires(7, 'two'),
      expires(30, 'three'),
      undefined,
    ]);
  });

  test('goes by size and tags (test_bucket_lifecycle_object_size_rules, …_tag_rules)', async () => {
    await bucket();
    await configure([
      rule('large', { Filter: { ObjectSizeGreaterThan: 20 }, Expiration: { Days: 7 } }),
      rule('tag', { Filter: { Tag: { Key: 'testlifecycle', Value: 'positive' } }, Expiration: { Days: 3 } }),
      rule('both', {
        Filter: {
          And: {
            Tags: [
              { Key: 'testlifecycle', Value: 'positive' },
              { Key: 'testlifecycletwo', Value: 'positive-two' },
            ],
          },
        },
        Expiration: { Days: 2 },
      }),
    ]);
    expect(await put('large', { Body: 'a'.repeat(21) })).toBe(expires(7, 'large'));
    expect(await put('small', { Body: 'a'.repeat(20) })).toBeUndefined();
    const both = 'testlifecycle=positive&testlifecycletwo=positive-two';
    expect(await put('both', { Tagging: both })).toBe(expires(2, 'both'));
    expect(await put('one', { Tagging: 'testlifecycle=positive' })).toBe(expires(3, 'tag'));
    expect(await put('other', { Tagging: 'testlifecycle=negative' })).toBeUndefined();
    expect([await head('both'), await head('one'), await head('other')]).toEqual([
      expires(2, 'both'),
      expires(3, 'tag'),
      undefined,
    ]);
  });

  test('is silent of markers and of rules that are off, and carries any id', async () => {
    await bucket();
    await configure([
      rule('marker', { Expiration: { ExpiredObjectDeleteMarker: true } }),
      rule('off', { Status: 'Disabled', Expiration: { Days: 1 } }),
    ]);
    expect([await put('k'), await head('k')]).toEqual([undefined, undefined]);
    await configure([
      rule('Delete after 14 "days" – löschen', { Expiration: { Date: new Date('2199-01-01T00:00:00Z') } }),
    ]);
    expect(await put('k')).toBe(
      'expiry-date="Tue, 01 Jan 2199 00:00:00 GMT", rule-id="Delete after 14 %22days%22 %E2%80%93 l%C3%B6schen"',
    );
  });

  test('and what aborts an upload are told of uploads', async () => {
    await bucket();
    await configure([
      rule('abort', { Filter: { Prefix: 'u' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } }),
      rule('expire', { Expiration: { Days: 4 } }),
    ]);
    const other = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'other' }));
    expect([other.AbortDate, other.AbortRuleId]).toEqual([undefined, undefined]);
    const Key = 'upload';
    const { UploadId, AbortDate, AbortRuleId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    expect([AbortDate!.toUTCString(), AbortRuleId]).toEqual([midnight(2), 'abort']);
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'part' }));
    const parts = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
    expect([parts.AbortDate!.toUTCString(), parts.AbortRuleId]).toEqual([midnight(2), 'abort']);
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    const done = await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }));
    expect(done.Expiration).toBe(expires(4, 'expire'));
  });
});
