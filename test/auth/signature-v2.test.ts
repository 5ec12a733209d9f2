import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type AuthOptions, authenticate } from '../../src/auth/authenticate.js';
import { AuthError } from '../../src/auth/error.js';
import { ANONYMOUS, type SignedRequest } from '../../src/auth/ports.js';
import { SUBRESOURCES } from '../../src/auth/subresources.js';
import { SIGNED_PARAMETERS } from '../../src/auth/v2/resource.js';
import { ManualClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';

// The examples of AWS's page on Signature V2 for S3 (RESTAuthentication), with its example key.
const accessKeyId = 'AKIAIOSFODNN7EXAMPLE';
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const secretAccessKey = new Secret(Buffer.from(SECRET));
const caller = { ...ANONYMOUS, kind: 'root' as const, accountId: '1', accessKeyId };

const options = (now: string, change: Partial<AuthOptions> = {}): AuthOptions => ({
  credentials: { find: (id) => (id === accessKeyId ? { accessKeyId, secretAccessKey, caller } : undefined) },
  clock: new ManualClock(Date.parse(now)),
  region: 'us-east-1',
  service: 's3',
  sigV2: 'allow',
  ...change,
});

const refused = (request: SignedRequest, by: AuthOptions): AuthError => {
  try {
    authenticate(request, by);
  } catch (error) {
    if (error instanceof AuthError) return error;
    throw error;
  }
  throw new Error('accepted');
};

const signed = (
  method: string,
  target: string,
  signature: string,
  headers: Record<string, string>,
  virtualBucket?: string,
): SignedRequest => {
  const [rawPath = '', rawQuery = ''] = target.split('?');
  const authorization = `AWS ${accessKeyId}:${signature}`;
  const request: SignedRequest = { method, rawPath, rawQuery, headers: { ...headers, authorization } };
  if (virtualBucket !== undefined) request.virtualBucket = virtualBucket;
  return request;
};

const BUCKET = 'awsexamplebucket1';
const get = signed(
  'GET',
  '/photos/puppy.jpg',
  'qgk2+6Sv9/oM7G3qLEjTH1a1l1g=',
  { date: 'Tue, 27 Mar 2007 19:36:42 +0000' },
  BUCKET,
);
const upload = {
  'x-amz-acl': 'public-read',
  'content-type': 'application/x-download',
  'content-md5': '4gJE4saaMU4BqNR0kLY+lw==',
  // It came twice.
  'x-amz-meta-reviewedby': 'joe@example.com,jane@example.com',
  'x-amz-meta-filechecksum': '0x02661779',
  'x-amz-meta-checksumalgorithm': 'crc32',
  'content-disposition': 'attachment; filename=database.dat',
  'content-encoding': 'gzip',
  'content-length': '5913339',
  date: 'Tue, 27 Mar 2007 21:06:08 +0000',
};
const presigned: SignedRequest = {
  method: 'GET',
  rawPath: '/photos/puppy.jpg',
  rawQuery: `AWSAccessKeyId=${accessKeyId}&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620`,
  headers: {},
  virtualBucket: 'johnsmith',
};

describe('AWS’s examples are accepted', () => {
  test.each<[string, SignedRequest]>([
    ['GET an object', get],
    [
      'PUT an object',
      signed(
        'PUT',
        '/photos/puppy.jpg',
        'iqRzw+ileNPu1fhspnRs8nOjjIA=',
        { date: 'Tue, 27 Mar 2007 21:15:45 +0000', 'content-type': 'image/jpeg', 'content-length': '94328' },
        BUCKET,
      ),
    ],
    [
      'list a bucket',
      signed(
        'GET',
        '/?prefix=photos&max-keys=50&marker=puppy',
        'm0WP8eCtspQl5Ahe6L1SozdX9YA=',
        { date: 'Tue, 27 Mar 2007 19:42:41 +0000' },
        BUCKET,
      ),
    ],
    [
      'get the ACL',
      signed('GET', '/?acl', '82ZHiFIjc+WbcwFKGUVEQspPn+0=', { date: 'Tue, 27 Mar 2007 19:44:46 +0000' }, BUCKET),
    ],
    [
      'DELETE by path, with x-amz-date on the date’s line, as the example has it',
      signed('DELETE', `/${BUCKET}/photos/puppy.jpg`, 'XbyTlbQdu9Xw5o8P4iMwPktxQd8=', {
        date: 'Tue, 27 Mar 2007 21:20:27 +0000',
        'x-amz-date': 'Tue, 27 Mar 2007 21:20:26 +0000',
      }),
    ],
    [
      'DELETE by path, with x-amz-date among the headers, as the text has it',
      signed('DELETE', `/${BUCKET}/photos/puppy.jpg`, 'Ri1hpB1zpS9pGqR7y8kuNFCl4sE=', {
        date: 'Tue, 27 Mar 2007 21:20:27 +0000',
        'x-amz-date': 'Tue, 27 Mar 2007 21:20:26 +0000',
      }),
    ],
    [
      'upload with metadata to a CNAME',
      signed('PUT', '/db-backup.dat.gz', 'jtBQa0Aq+DkULFI8qrpwIjGEx0E=', upload, 'static.example.com'),
    ],
    [
      'list all buckets',
      signed('GET', '/', 'qGdzdERIC03wnaRNKh6OqZehG9s=', { date: 'Wed, 28 Mar 2007 01:29:59 +0000' }),
    ],
    [
      'a key in Unicode',
      signed('GET', '/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re', 'DNEZGsoieTZ92F3bUfSPQcbGmlM=', {
        date: 'Wed, 28 Mar 2007 01:49:49 +0000',
      }),
    ],
    ['a presigned URL', presigned],
    // No example of AWS's: as boto signs a bucket by path.
    [
      'a bucket by path',
      signed('GET', `/${BUCKET}?acl`, '82ZHiFIjc+WbcwFKGUVEQspPn+0=', { date: 'Tue, 27 Mar 2007 19:44:46 +0000' }),
    ],
  ])('%s', (_name, request) => {
    const date = (request.headers['x-amz-date'] ?? request.headers.date ?? '2007-03-28T00:00:00Z') as string;
    const { caller: who, signature } = authenticate(request, options(date));
    expect(who.accountId).toBe('1');
    expect(signature.version).toBe('AWS');
  });
});

describe('refused is', () => {
  const now = '2007-03-27T19:36:42Z';

  test('everything where V2 is not switched on, and V2 for KMS and STS', () => {
    const message = 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.';
    for (const request of [get, presigned]) {
      for (const change of [{ sigV2: 'deny' }, { service: 'kms' }, { service: 'sts' }] as Partial<AuthOptions>[]) {
        expect(refused(request, options(now, change))).toMatchObject({ code: 'InvalidRequest', message });
      }
      const { sigV2: _, ...byDefault } = options(now);
      expect(refused(request, byDefault)).toMatchObject({ code: 'InvalidRequest', message });
    }
  });

  test.each<[string, Partial<SignedRequest>]>([
    ['another method', { method: 'PUT' }],
    ['another path', { rawPath: '/photos/puppy.jp' }],
    ['another bucket', { virtualBucket: 'other' }],
    ['a sub-resource more', { rawQuery: 'acl' }],
    ['a header of the answer replaced', { rawQuery: 'response-content-type=text/html' }],
    ['a header more', { headers: { ...get.headers, 'x-amz-acl': 'public-read' } }],
    ['another content type', { headers: { ...get.headers, 'content-type': 'text/html' } }],
    ['another date', { headers: { ...get.headers, date: 'Tue, 27 Mar 2007 19:36:43 +0000' } }],
  ])('%s', (_name, change) => {
    expect(refused({ ...get, ...change }, options(now)).code).toBe('SignatureDoesNotMatch');
  });

  test('every sub-resource that was not signed', () => {
    let tried = 0;
    for (const name of [...SUBRESOURCES, ...SIGNED_PARAMETERS]) {
      expect(refused({ ...get, rawQuery: name }, options(now)).code, name).toBe('SignatureDoesNotMatch');
      expect(SIGNED_PARAMETERS.has(name), name).toBe(true);
      tried++;
    }
    expect(tried).toBeGreaterThan(80);
  });

  test('a header put into a presigned URL, before or behind, in any case', () => {
    const string = `PUT\n\n\n1175139620\nx-amz-acl:private\n/johnsmith/k`;
    const signature = encodeURIComponent(createHmac('sha1', SECRET).update(string).digest('base64'));
    const query = `AWSAccessKeyId=${accessKeyId}&Expires=1175139620&Signature=${signature}&x-amz-acl=private`;
    const put = { ...presigned, method: 'PUT', rawPath: '/k', rawQuery: query };
    expect(authenticate(put, options(now)).caller.accountId).toBe('1');
    for (const rawQuery of [
      query.replace('acl=private', 'acl=public-read'),
      `x-amz-acl=public-read&${query}`,
      `X-Amz-Acl=public-read&${query}`,
      `${query}&x-amz-meta-a=b`,
    ]) {
      expect(refused({ ...put, rawQuery }, options(now)).code, rawQuery).toBe('SignatureDoesNotMatch');
    }
    // A repetition changes nothing: the first counts, and it is the one that was signed.
    expect(authenticate({ ...put, rawQuery: `${query}&x-amz-acl=public-read` }, options(now)).caller).toBe(caller);
  });

  test('what comes too late, too early, without a date, or from nobody', () => {
    expect(refused(get, options('2007-03-27T19:51:43Z')).code).toBe('RequestTimeTooSkewed');
    expect(refused(get, options('2007-03-27T19:21:41Z')).code).toBe('RequestTimeTooSkewed');
    const { date: _, ...undated } = get.headers;
    expect(refused({ ...get, headers: undated }, options(now)).message).toBe(
      'AWS authentication requires a valid Date or x-amz-date header',
    );
    expect(refused(get, options(now, { credentials: { find: () => undefined } })).code).toBe('InvalidAccessKeyId');
    expect(refused({ ...get, headers: { ...get.headers, 'x-amz-security-token': 't' } }, options(now)).code).toBe(
      'InvalidToken',
    );
    expect(refused({ ...get, headers: { ...get.headers, authorization: 'AWS id' } }, options(now)).message).toBe(
      'AWS authorization header is invalid.  Expected AwsAccessKeyId:signature',
    );
    const late = refused(presigned, options('2007-03-29T03:40:21Z'));
    expect([late.code, late.message, late.extra.Expires]).toEqual([
      'AccessDenied',
      'Request has expired',
      '2007-03-29T03:40:20Z',
    ]);
    const without = { ...presigned, rawQuery: presigned.rawQuery.replace(/&Expires=.*/, '') };
    expect(refused(without, options(now)).message).toBe(
      'Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters',
    );
    expect(refused({ ...get, rawQuery: presigned.rawQuery }, options(now)).code).toBe('InvalidArgument');
  });

  test('without telling a customer’s key that was signed', () => {
    const key = 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTMyYnk=';
    const request = { ...get, headers: { ...get.headers, 'x-amz-server-side-encryption-customer-key': key } };
    const { extra } = refused(request, options(now));
    expect(extra.StringToSign).toContain('customer-key:[secret]');
    expect(JSON.stringify(extra)).not.toContain(key);
    expect(extra.StringToSignBytes!.replaceAll(' ', '')).not.toContain(Buffer.from(key).toString('hex'));
  });
});
