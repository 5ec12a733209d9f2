import {
  CreateBucketCommand,
  GetBucketAccelerateConfigurationCommand,
  GetBucketRequestPaymentCommand,
  PutBucketAccelerateConfigurationCommand,
  PutBucketRequestPaymentCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
let s3: S3Client;
const Bucket = 'settings';

beforeAll(async () => {
  server = await startServer();
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(() => server?.close());

const malformed = {
  status: 400,
  code: 'MalformedXML',
  message: 'The XML you provided was not well-formed or did not validate against our published schema',
};

test('who pays is kept, the owner by default (test_s3_request_payer)', async () => {
  const put = (Payer: string, bucket = Bucket) =>
    s3.send(
      new PutBucketRequestPaymentCommand({
        Bucket: bucket,
        RequestPaymentConfiguration: { Payer: Payer as 'Requester' },
      }),
    );
  const get = async () => (await s3.send(new GetBucketRequestPaymentCommand({ Bucket }))).Payer;
  expect(await get()).toBe('BucketOwner');
  await put('Requester');
  expect(await get()).toBe('Requester');
  expect(await refusal(put('Nobody'))).toEqual(malformed);
  expect(await refusal(put('Requester', 'no-such-bucket'))).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  await put('BucketOwner');
  expect(await get()).toBe('BucketOwner');
});

test('acceleration is kept, none by default (test_bucket_acceleration_configuration_*)', async () => {
  const put = (Status: string, bucket = Bucket) =>
    s3.send(
      new PutBucketAccelerateConfigurationCommand({
        Bucket: bucket,
        AccelerateConfiguration: { Status: Status as 'Enabled' },
      }),
    );
  const get = async () => (await s3.send(new GetBucketAccelerateConfigurationCommand({ Bucket }))).Status;
  expect(await get()).toBeUndefined();
  await put('Enabled');
  expect(await get()).toBe('Enabled');
  await put('Suspended');
  expect(await get()).toBe('Suspended');
  for (const wrong of ['enabled', 'random']) expect(await refusal(put(wrong))).toEqual(malformed);
  await s3.send(new CreateBucketCommand({ Bucket: 'a.dotted.bucket' }));
  expect(await refusal(put('Enabled', 'a.dotted.bucket'))).toEqual({
    status: 400,
    code: 'InvalidRequest',
    message: 'S3 Transfer Acceleration is not supported for buckets with periods (.) in their names',
  });
});
