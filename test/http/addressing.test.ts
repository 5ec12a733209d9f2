import { describe, expect, test } from 'vitest';
import { address, bucketOfHost, splitTarget } from '../../src/http/addressing.js';
import { S3Error } from '../../src/s3/error.js';

const at = (target: string, host = '127.0.0.1:9000', domain?: string) => address(splitTarget(target), host, domain);

function refused(target: string): S3Error {
  try {
    at(target);
  } catch (error) {
    expect(error).toBeInstanceOf(S3Error);
    return error as S3Error;
  }
  throw new Error(`${target} was expected to be refused`);
}

describe('path style', () => {
  test.each([
    ['/', '', ''],
    ['/bucket', 'bucket', ''],
    ['/bucket/', 'bucket', ''],
    ['/bucket/key', 'bucket', 'key'],
    ['/bucket//', 'bucket', '/'],
    ['/bucket//a//b/', 'bucket', '/a//b/'],
    ['/bucket/etc/.././../passwd', 'bucket', 'etc/.././../passwd'],
    ['/bucket/a/%2e%2e/x', 'bucket', 'a/../x'],
    ['/bucket/..a/b..', 'bucket', '..a/b..'],
    ['/bucket/a+b%2Bc%20d', 'bucket', 'a+b+c d'],
    ['/bucket/%00nul', 'bucket', '\0nul'],
    ['/bucket/a%2Fb', 'bucket', 'a/b'],
    ['/bucket/%25%3F%23', 'bucket', '%?#'],
    ['/bucket/%F0%9F%94%92', 'bucket', '🔒'],
    ['/bucket/k?versions', 'bucket', 'k'],
    ['http://host:9000/bucket/k', 'bucket', 'k'],
    ['HTTPS://host/bucket/http://other/', 'bucket', 'http://other/'],
    ['/bucket/http://other/', 'bucket', 'http://other/'],
  ])('%s is bucket "%s", key "%s"', (target, bucket, key) => {
    expect(at(target)).toMatchObject({ bucket, key });
  });

  // AWS's rule: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
  test.each(['/bucket/..', '/bucket/../x', '/bucket/%2e%2e/x', '/bucket/a/../../x', '/bucket/a/../..%2Fb/c'])(
    '%s climbs above the root: 400 and nothing else',
    (target) => expect(refused(target)).toMatchObject({ code: 'BadRequest', bare: true }),
  );

  test('a path without a bucket is not the list of buckets', () => {
    expect(refused('//key').code).toBe('InvalidBucketName');
  });

  test.each(['/bucket/%', '/bucket/%4', '/bucket/%zz', '/bucket/%FF', '/bucket/%C0%80', '/bucket/%ED%A0%80', '/b?x=%'])(
    '%s is InvalidURI',
    (target) => expect(refused(target).code).toBe('InvalidURI'),
  );

  test('a key has 1,024 bytes at most, counted as UTF-8', () => {
    const key = '🔒'.repeat(256);
    expect(at(`/bucket/${encodeURIComponent(key)}`).key).toBe(key);
    const error = refused(`/bucket/${encodeURIComponent(`${key}a`)}`);
    expect(error).toMatchObject({ code: 'KeyTooLongError', extra: { Size: '1025', MaxSizeAllowed: '1024' } });
  });
});

describe('virtual hosts', () => {
  test.each([
    ['bucket.s3.test', 'bucket'],
    ['bucket.s3.test:9000', 'bucket'],
    ['Bucket.S3.Test', 'bucket'],
    ['a.b.s3.test', 'a.b'],
    ['s3.test', undefined],
    ['.s3.test', undefined],
    ['nots3.test', undefined],
    ['127.0.0.1:9000', undefined],
    ['[::1]:9000', undefined],
  ])('%s', (host, bucket) => expect(bucketOfHost(host, 's3.test')).toBe(bucket));

  test('the whole path is the key', () => {
    expect(at('/a/b%20c', 'bucket.s3.test', 's3.test')).toMatchObject({ bucket: 'bucket', key: 'a/b c' });
    expect(at('//a', 'bucket.s3.test', 's3.test')).toMatchObject({ bucket: 'bucket', key: '/a' });
    expect(at('/', 'bucket.s3.test', 's3.test')).toMatchObject({ bucket: 'bucket', key: '' });
  });

  test('without a domain no host names a bucket', () => {
    expect(at('/b/k', 'bucket.localhost')).toMatchObject({ bucket: 'b', key: 'k' });
  });
});

test('query parameters are decoded, `+` as space; the first of a name counts; one without `=` is empty', () => {
  const { query } = at('/b?prefix=a+b%2Bc&uploads&x=1&x=2&=y&%70=q&&');
  expect([...query]).toEqual([
    ['prefix', 'a b+c'],
    ['uploads', ''],
    ['x', '1'],
    ['', 'y'],
    ['p', 'q'],
  ]);
});
