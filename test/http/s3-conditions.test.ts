import { expect, test } from 'vitest';
import type { XmlTree } from '../../src/base/xml/ports.js';
import { type ConditionTarget, type CreatedUpload, S3Conditions } from '../../src/http/s3-conditions.js';
import { parseIsoDate } from '../../src/s3/fields/object-lock.js';
import type { RequestFields } from '../../src/s3/operation.js';
import type { ObjectRecord } from '../../src/store/records.js';

const leaf = (name: string, text: string, children: XmlTree[] = []): XmlTree => ({
  name,
  text,
  children,
  attributes: {},
});

function conditions(
  fields: Partial<RequestFields>,
  tags: [string, string][] = [],
  target: Partial<ConditionTarget> = {},
  operation = 'PutObject',
  upload?: CreatedUpload,
) {
  const source = {
    operation,
    region: 'us-east-1',
    fields: { method: 'PUT', bucket: 'b', key: 'k', query: new Map(), headers: {}, ...fields },
    signature: { type: 'REST-QUERY-STRING', version: 'AWS4-HMAC-SHA256', ageMs: 1500, region: 'us-east-1' } as const,
    requestContext: new Map([['aws:epochtime', [String(Date.UTC(2030, 0, 1) / 1000)]]]),
    socket: { getProtocol: () => 'TLSv1.3' },
    ...(upload && { upload }),
  };
  const object = { content: { tags } } as unknown as ObjectRecord;
  return new S3Conditions(source, { resourceAccountId: '111111111111', object, ...target });
}

test('each key is what the request says, asked for in lower case', () => {
  const headers = {
    'x-amz-acl': 'private',
    'x-amz-grant-read': 'id=x',
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-copy-source': '/bucket/a%20b?versionId=7',
    'x-amz-tagging': 'Team=red&b=2',
    'x-amz-tagging-directive': 'REPLACE',
    'x-amz-object-lock-mode': 'GOVERNANCE',
    'x-amz-object-lock-retain-until-date': '2030-01-11T12:00:00Z',
    'x-amz-object-lock-legal-hold': 'ON',
    'if-match': 'e',
  };
  const query = new Map([
    ['prefix', 'p/'],
    ['max-keys', '10'],
    ['versionId', 'v'],
  ]);
  const values = conditions({ headers, query }, [
    ['Project', 'x'],
    ['project', 'y'],
  ]);
  const cases: [string, string[] | undefined][] = [
    ['s3:x-amz-acl', ['private']],
    ['s3:x-amz-grant-read', ['id=x']],
    ['s3:x-amz-grant-write', undefined],
    ['s3:x-amz-server-side-encryption', ['aws:kms']],
    ['s3:x-amz-copy-source', ['bucket/a b']],
    ['s3:prefix', ['p/']],
    ['s3:delimiter', undefined],
    ['s3:max-keys', ['10']],
    ['s3:versionid', ['v']],
    ['s3:requestobjecttag/team', ['red']],
    ['s3:requestobjecttag/none', undefined],
    ['s3:requestobjecttagkeys', ['Team', 'b']],
    ['s3:existingobjecttag/project', ['x', 'y']],
    ['s3:object-lock-mode', ['GOVERNANCE']],
    ['s3:object-lock-legal-hold', ['ON']],
    ['s3:object-lock-remaining-retention-days', ['10']],
    ['s3:if-match', ['e']],
    ['s3:signatureversion', ['AWS4-HMAC-SHA256']],
    ['s3:authtype', ['REST-QUERY-STRING']],
    ['s3:signatureage', ['1500']],
    ['s3:tlsversion', ['1.3']],
    ['s3:resourceaccount', ['111111111111']],
    ['aws:resourceaccount', ['111111111111']],
    ['aws:requestedregion', ['us-east-1']],
    ['aws:viaawsservice', ['false']],
    ['s3:unheard-of', undefined],
  ];
  for (const [key, expected] of cases) expect([key, values.get(key)]).toEqual([key, expected]);
  expect(cases).toHaveLength(26);
});

test('what a body puts counts as what a header would', () => {
  const tag = leaf('Tag', '', [leaf('Key', 'Team'), leaf('Value', 'red')]);
  const tagging = conditions({ xml: leaf('Tagging', '', [leaf('TagSet', '', [tag])]) });
  expect(tagging.get('s3:requestobjecttag/team')).toEqual(['red']);
  const retention = conditions({ xml: leaf('Retention', '', [leaf('Mode', 'COMPLIANCE')]) });
  expect(retention.get('s3:object-lock-mode')).toEqual(['COMPLIANCE']);
  expect(retention.get('s3:object-lock-remaining-retention-days')).toBeUndefined();
  const made = conditions({ xml: leaf('CreateBucketConfiguration', '', [leaf('LocationConstraint', 'eu-west-1')]) });
  expect(made.get('s3:locationconstraint')).toEqual(['eu-west-1']);
});

test('tags of a bucket, and those a request gives it, are another matter than those of objects', () => {
  const tag = leaf('Tag', '', [leaf('Key', 'Team'), leaf('Value', 'red')]);
  const xml = leaf('Tagging', '', [leaf('TagSet', '', [tag])]);
  const target = { bucketTags: [['Project', 'x']] } as const;
  const ofBucket = conditions({ key: '', xml }, [], target);
  const made = conditions({ key: '', xml: leaf('CreateBucketConfiguration', '', [leaf('Tags', '', [tag])]) });
  const ofObject = conditions({ xml }, [['Project', 'object’s']], target);
  const cases: [S3Conditions, string, string[] | undefined][] = [
    [ofBucket, 'aws:requesttag/team', ['red']],
    [ofBucket, 'aws:tagkeys', ['Team']],
    [ofBucket, 's3:requestobjecttag/team', undefined],
    [ofBucket, 's3:requestobjecttagkeys', undefined],
    [ofBucket, 'aws:resourcetag/project', ['x']],
    [made, 'aws:requesttag/team', ['red']],
    [made, 'aws:tagkeys', ['Team']],
    [made, 'aws:resourcetag/project', undefined],
    [ofObject, 'aws:requesttag/team', undefined],
    [ofObject, 'aws:tagkeys', undefined],
    [ofObject, 's3:requestobjecttag/team', ['red']],
    [ofObject, 'aws:resourcetag/project', ['x']],
    [ofObject, 's3:buckettag/project', ['x']],
    [ofObject, 's3:existingobjecttag/project', ['object’s']],
  ];
  for (const [values, key, expected] of cases) expect([key, values.get(key)]).toEqual([key, expected]);
  expect(cases).toHaveLength(14);
});

test('of a customer’s key a policy learns the algorithm alone', () => {
  const values = conditions({ sseCustomer: { algorithm: 'AES256', keyMd5: 'digest' } });
  const prefix = 's3:x-amz-server-side-encryption-customer-';
  expect(values.get(`${prefix}algorithm`)).toEqual(['AES256']);
  for (const name of ['key', 'key-md5']) expect(values.get(prefix + name)).toBeUndefined();
});

test.each([
  ' 2030-01-11T12:00:00Z ',
  '\n2030-01-11T12:00:00Z\n',
  '2030-01-11T12:00:00.0000000000Z',
  '2030-01-11T13:00:00+0100',
  '2029-12-42T12:00:00Z',
])('a date until which a version is to be kept is asked for as it will count: %j', (written) => {
  const [date, days] = ['s3:object-lock-retain-until-date', 's3:object-lock-remaining-retention-days'];
  const values = conditions({ xml: leaf('Retention', '', [leaf('RetainUntilDate', written)]) });
  // What is no date counts for nothing, and the request fails by its own check.
  const counts = parseIsoDate(written.trim()) !== undefined;
  expect([values.get(date), values.get(days)]).toEqual(
    counts ? [['2030-01-11T12:00:00.000Z'], ['10']] : [[written], undefined],
  );
});

test.each([
  ['PutObject', 'true'],
  ['PostObject', 'true'],
  ['CopyObject', 'true'],
  ['CompleteMultipartUpload', 'true'],
  ['CreateMultipartUpload', 'false'],
  ['UploadPart', 'false'],
  ['UploadPartCopy', 'false'],
  ['GetObject', undefined],
])('%s makes an object: %s', (operation, expected) => {
  const [value] = conditions({}, [], {}, operation).get('s3:objectcreationoperation') ?? [];
  expect(value).toBe(expected);
});

test('of an upload, conditions see what it was created with, and when; of its parts their own', () => {
  const headers = { 'x-amz-acl': 'private', 'x-amz-copy-source': '/b/k', 'if-none-match': '*', 'x-amz-tagging': 'a=1' };
  const createdWith = {
    'x-amz-server-side-encryption-customer-algorithm': 'AES256',
    'x-amz-object-lock-retain-until-date': '2030-01-11T12:00:00Z',
    'x-amz-tagging': 'a=2',
  };
  const upload = { createdWith, beganMs: Date.UTC(2030, 0, 1) - 5 * 86_400_000 };
  const values = conditions({ headers }, [], {}, 'UploadPartCopy', upload);
  const cases: [string, string[] | undefined][] = [
    ['s3:x-amz-acl', undefined],
    ['s3:x-amz-server-side-encryption-customer-algorithm', ['AES256']],
    ['s3:requestobjecttag/a', ['2']],
    ['s3:requestobjecttagkeys', ['a']],
    ['s3:object-lock-remaining-retention-days', ['15']],
    ['s3:x-amz-copy-source', ['b/k']],
    ['s3:if-none-match', ['*']],
  ];
  for (const [key, value] of cases) expect(values.get(key), key).toEqual(value);
});
