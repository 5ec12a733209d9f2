import { createHash, createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/leveldb/open.js';
import { customerKey } from '../support/customer-key.js';
import {
  END,
  type FileOf,
  FORM_TYPE,
  fieldPart,
  filePart,
  formBody,
  postForm,
  signedFields,
  signedFieldsV2,
} from '../support/form.js';
import { startServer, type TestServer } from '../support/server.js';

const keys = {
  root: { accessKeyId: 'AKIAFORMSFORMSFORMS1', secretAccessKey: 'forms-secret-0123456789' },
  nobody: { accessKeyId: 'AKIANOBODYNOBODYNOBO', secretAccessKey: 'nobody-secret-0123456789' },
  tagless: { accessKeyId: 'AKIATAGLESSTAGLESSTA', secretAccessKey: 'tagless-secret-0123456789' },
  stranger: { accessKeyId: 'AKIASTRANGERSTRANGER', secretAccessKey: 'stranger-secret-012345' },
};
const Bucket = 'forms';
let server: TestServer;
let s3: S3Client;
let dir: string;
let accounts: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coffer-forms-'));
  accounts = join(dir, 'accounts.json');
  const putOnly = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:PutObject', Resource: '*' }] };
  await writeFile(
    accounts,
    JSON.stringify({
      accounts: [
        {
          accountId: '111111111111',
          accessKeys: [keys.root],
          users: [
            { userName: 'nobody', accessKeys: [keys.nobody] },
            { userName: 'tagless', accessKeys: [keys.tagless], policies: [putOnly] },
          ],
        },
        { accountId: '222222222222', accessKeys: [keys.stranger] },
      ],
    }),
  );
  server = await start();
  s3 = clientOf(server);
  await s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(async () => {
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

const start = (env: Record<string, string> = {}, at?: string): Promise<TestServer> =>
  startServer({
    ...(at === undefined ? {} : { dir: at }),
    env: {
      COFFER_ACCESS_KEY_ID: '',
      COFFER_SECRET_ACCESS_KEY: '',
      COFFER_ACCOUNTS_FILE: accounts,
      COFFER_DOMAIN: 's3.test',
      ...env,
    },
  });
const clientOf = ({ url }: TestServer): S3Client =>
  new S3Client({ endpoint: url, region: 'us-east-1', forcePathStyle: true, credentials: keys.root, maxAttempts: 1 });

const url = (): string => `${server.url}/${Bucket}`;
const FILE: FileOf = { content: 'the file', filename: 'a file.txt', type: 'text/html' };

/** Posts a form that root signed, each of its fields named by a condition. */
const post = (
  fields: Record<string, string>,
  file: FileOf = FILE,
  conditions: Parameters<typeof signedFields>[3] = [],
  headers: Record<string, string> = {},
) => postForm(url(), formBody(signedFields(keys.root, Bucket, fields, conditions), file), headers);

const head = (Key: string, more: object = {}) => s3.send(new HeadObjectCommand({ Bucket, Key, ...more }));
const bodyOf = async (Key: string, more: object = {}): Promise<string> =>
  (await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))).Body!.transformToString();
const keysUnder = async (Prefix: string): Promise<string[]> =>
  ((await s3.send(new ListObjectsV2Command({ Bucket, Prefix }))).Contents ?? []).map((one) => one.Key!);

const failure = ({ status, text }: { status: number; text: string }) => ({
  status,
  code: /<Code>(.*)<\/Code>/.exec(text)?.[1],
  message: /<Message>([\s\S]*)<\/Message>/.exec(text)?.[1]?.replaceAll('&quot;', '"').replaceAll('&apos;', "'"),
});

const md5 = (content: string): string => createHash('md5').update(content).digest('hex');

describe('a form is answered', () => {
  test.each([
    [undefined, 204],
    ['204', 204],
    ['200', 200],
    ['404', 204],
    ['', 204],
  ])('where success_action_status is %s: %i, with nothing but headers', async (status, expected) => {
    const asked: Record<string, string> = status === undefined ? {} : { success_action_status: status };
    const answer = await post({ key: 'answers/a b', ...asked });
    expect([answer.status, answer.text]).toEqual([expected, '']);
    expect(answer.headers.get('location')).toBe(`${server.url}/${Bucket}/answers%2Fa%20b`);
    expect(answer.headers.get('etag')).toBe(`"${md5('the file')}"`);
    expect(answer.headers.get('x-amz-server-side-encryption')).toBe('AES256');
    expect(await bodyOf('answers/a b')).toBe('the file');
  });

  test('with 201 by a PostResponse in no namespace', async () => {
    const answer = await post({ key: 'answers/<é>', success_action_status: '201' });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('content-type')).toBe('application/xml');
    const location = `${server.url}/${Bucket}/answers%2F%3C%C3%A9%3E`;
    expect(answer.text.replace(/<\?xml.*\?>\s*/, '')).toBe(
      `<PostResponse><Location>${location}</Location><Bucket>forms</Bucket><Key>answers/&lt;é&gt;</Key><ETag>&quot;${md5('the file')}&quot;</ETag></PostResponse>`,
    );
  });

  test.each([
    ['http://example.com/done', 'http://example.com/done?'],
    ['http://example.com/done?a=b%20c#end', 'http://example.com/done?a=b%20c&'],
  ])('by a redirect to %s, before any status', async (redirect, begin) => {
    const etag = `%22${md5('the file')}%22`;
    const added = `bucket=forms&key=answers%2Fr%26d&etag=${etag}`;
    for (const name of ['success_action_redirect', 'redirect']) {
      const answer = await post({ key: 'answers/r&d', [name]: redirect, success_action_status: '201' });
      expect([answer.status, answer.text]).toEqual([303, '']);
      expect(answer.headers.get('location')).toBe(`${begin}${added}${redirect.includes('#') ? '#end' : ''}`);
    }
  });

  test('as if no redirect were asked for, where it is no URL', async () => {
    for (const redirect of ['done', 'javascript:alert(1)', '//example.com', '']) {
      expect((await post({ key: 'answers/x', success_action_redirect: redirect })).status, redirect).toBe(204);
    }
    const split = await post({ key: 'answers/x', success_action_redirect: 'http://example.com/\r\nx-injected: 1' });
    expect(split.headers.get('x-injected')).toBeNull();
    expect(split.status).toBe(303);
  });

  test('on a virtual host with the object’s URL there', async () => {
    const host = `${Bucket}.s3.test:${server.port}`;
    const body = formBody(signedFields(keys.root, Bucket, { key: 'answers/host' }), FILE);
    const lines = [`POST / HTTP/1.1`, `Host: ${host}`, `Content-Type: ${FORM_TYPE}`, `Content-Length: ${body.length}`];
    const answer = await raw(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`), body]));
    expect(answer).toMatch(/^HTTP\/1\.1 204/);
    expect(answer).toContain(`\r\nLocation: http://${host}/answers%2Fhost\r\n`);
  });

  test('with the version it made', async () => {
    const versioned = 'forms-versioned';
    await s3.send(new CreateBucketCommand({ Bucket: versioned }));
    await s3.send(
      new PutBucketVersioningCommand({ Bucket: versioned, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    const body = formBody(signedFields(keys.root, versioned, { key: 'k' }), FILE);
    const answer = await postForm(`${server.url}/${versioned}`, body);
    const VersionId = answer.headers.get('x-amz-version-id')!;
    const found = await s3.send(new GetObjectCommand({ Bucket: versioned, Key: 'k', VersionId }));
    expect(await found.Body!.transformToString()).toBe('the file');
  });
});

describe('a form stores', () => {
  test('what PutObject stores by headers: metadata, class, redirect, encoding', async () => {
    const answer = await post({
      key: 'stores/metadata',
      'content-TYPE': 'text/plain',
      'Cache-Control': 'no-store',
      'Content-Disposition': 'inline',
      'Content-Encoding': 'aws-chunked,gzip',
      Expires: 'Wed, 21 Oct 2065 07:28:00 GMT',
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-website-redirect-location': '/elsewhere',
      'X-Amz-Meta-Colour': 'green',
      tagging: '<Tagging><TagSet><Tag><Key>a b</Key><Value>c+d</Value></Tag></TagSet></Tagging>',
      'x-ignore-this': 'x',
      acl: 'private',
    });
    expect(answer.status).toBe(204);
    expect(await head('stores/metadata')).toMatchObject({
      ContentType: 'text/plain',
      CacheControl: 'no-store',
      ContentDisposition: 'inline',
      ContentEncoding: 'gzip',
      ExpiresString: 'Wed, 21 Oct 2065 07:28:00 GMT',
      StorageClass: 'STANDARD_IA',
      WebsiteRedirectLocation: '/elsewhere',
      Metadata: { colour: 'green' },
      TagCount: 1,
    });
  });

  test('the type that the form names, not that of the part', async () => {
    await post({ key: 'stores/type' });
    expect((await head('stores/type')).ContentType).toBe('binary/octet-stream');
  });

  // The values of AWS's own answers.
  test('text beyond ASCII as AWS does, and lets no field break a header', async () => {
    const answer = await post({
      key: 'stores/text',
      'Cache-Control': 'non-ascii-%E2%80%94_—_é_',
      'Content-Disposition': 'a\r\nx-injected: 1',
      'x-amz-meta-nonascii': 'ÄMÄZÕÑ S3',
      'x-amz-meta-b-encoded': '=?UTF-8?B?YWJj?=',
      'x-amz-meta-q-encoded': '=?UTF-8?Q?actually-ascii?=',
      'x-amz-meta-utf-8': '\0\x01\x02\x03\x04',
    });
    expect(answer.status).toBe(204);
    const found = await head('stores/text');
    expect(Buffer.from(found.CacheControl!, 'latin1').toString('latin1')).toBe('non-ascii-%E2%80%94_ _é_');
    expect(found.ContentDisposition).toBe('a  x-injected: 1');
    expect(found.Metadata).toEqual({
      nonascii: '=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=',
      'b-encoded': '=?UTF-8?B?YWJj?=',
      'q-encoded': '=?UTF-8?Q?actually-ascii?=',
      'utf-8': '=?UTF-8?B?AAECAwQ=?=',
    });
  });

  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: so it stands in forms
  test('the file’s name where a field asks for it', async () => {
    const fields = { key: 'stores/${filename}/${filename}', 'x-amz-meta-name': '${filename}' };
    const file = { content: 'f', filename: 'C:\\\\dir\\\\$& ü.txt' };
    const conditions = [
      ['starts-with', '$key', 'stores/$& ü.txt/'],
      ['eq', '$x-amz-meta-name', '$& ü.txt'],
    ];
    expect((await post(fields, file, conditions)).status).toBe(204);
    expect(await bodyOf('stores/$& ü.txt/$& ü.txt')).toBe('f');
  });

  test('a file without a name, the text as it stands', async () => {
    expect((await post({ key: 'stores/as-field-${filename}' }, { content: 'text' })).status).toBe(204);
    expect(await keysUnder('stores/as-field-')).toEqual(['stores/as-field-${filename}']);
  });
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: so it stands in forms

  test('large files whole, with or without a filename', async () => {
    const content = randomBytes(12 * 1024 * 1024 + 7);
    for (const file of [{ content, filename: 'f' }, { content }, { content, type: 'text/plain' }]) {
      expect((await post({ key: 'stores/large' }, file)).status).toBe(204);
      const answer = await s3.send(new GetObjectCommand({ Bucket, Key: 'stores/large' }));
      expect(Buffer.from(await answer.Body!.transformToByteArray()).equals(content)).toBe(true);
    }
    expect((await head('stores/large', { ChecksumMode: 'ENABLED' })).ChecksumCRC64NVME).toBeDefined();
  });

  test('an empty file', async () => {
    expect((await post({ key: 'stores/empty' }, { content: '', filename: 'f' })).status).toBe(204);
    expect((await head('stores/empty')).ContentLength).toBe(0);
  });

  test('nothing where a checksum or MD5 is another', async () => {
    const sha256 = (text: string) => createHash('sha256').update(text).digest('base64');
    const good = await post({ key: 'stores/sum', 'x-amz-checksum-sha256': sha256('the file') });
    expect(good.status).toBe(204);
    expect(good.headers.get('x-amz-checksum-sha256')).toBe(sha256('the file'));
    const bad = await post({ key: 'stores/bad-sum', 'x-amz-checksum-sha256': sha256('another') });
    expect(failure(bad)).toMatchObject({ status: 400, code: 'BadDigest' });
    const bad5 = await post({ key: 'stores/bad-sum', 'Content-MD5': Buffer.from(md5('x'), 'hex').toString('base64') });
    expect(failure(bad5)).toMatchObject({ status: 400, code: 'BadDigest' });
    expect(await keysUnder('stores/bad-sum')).toEqual([]);
  });

  test('under a customer’s key, which is told to nobody', async () => {
    const key = customerKey();
    const name = 'x-amz-server-side-encryption-customer';
    const fields = {
      key: 'stores/sse-c',
      [`${name}-algorithm`]: 'AES256',
      [`${name.toUpperCase()}-KEY`]: key.SSECustomerKey,
      [`${name}-key-MD5`]: key.SSECustomerKeyMD5,
    };
    const conditions = [['starts-with', `$${name}-key`, '']];
    const answer = await post(fields, FILE, conditions);
    expect(answer.status).toBe(204);
    expect(answer.headers.get(`${name}-algorithm`)).toBe('AES256');
    expect(answer.headers.get(`${name}-key-md5`)).toBe(key.SSECustomerKeyMD5);
    expect(await bodyOf('stores/sse-c', key)).toBe('the file');
    await expect(bodyOf('stores/sse-c')).rejects.toMatchObject({ name: 'InvalidRequest' });
    const wrong = [
      await post({ ...fields, [`${name}-key-MD5`]: customerKey().SSECustomerKeyMD5 }, FILE, conditions),
      await post(fields, FILE, [['eq', `$${name}-key`, 'another']]),
      await postForm(url(), formBody({ ...signedFields(keys.root, Bucket, fields), policy: 'e30=' }, FILE)),
    ];
    for (const one of wrong) {
      expect(one.status).toBeGreaterThanOrEqual(400);
      expect(one.text).not.toContain(key.SSECustomerKey);
    }
    expect(server.output()).not.toContain(key.SSECustomerKey);
  });

  test('under a KMS key', async () => {
    const answer = await post({
      key: 'stores/kms',
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-context': Buffer.from('{"a":"b"}').toString('base64'),
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('x-amz-server-side-encryption')).toBe('aws:kms');
    expect(await head('stores/kms')).toMatchObject({ ServerSideEncryption: 'aws:kms' });
    expect(await bodyOf('stores/kms')).toBe('the file');
  });
});

describe('a form is refused', () => {
  const DENIED = { status: 403, code: 'AccessDenied', message: 'Access Denied' };

  test('to who may not put', async () => {
    const by = (who: (typeof keys)['root'], fields: Record<string, string> = {}) =>
      postForm(url(), formBody(signedFields(who, Bucket, { key: 'refused/who', ...fields }), FILE));
    expect(failure(await by(keys.nobody))).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(failure(await by(keys.stranger))).toEqual(DENIED);
    expect(failure(await postForm(url(), formBody({ key: 'refused/who' }, FILE)))).toEqual(DENIED);
    const tagging = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';
    expect(failure(await by(keys.tagless, { tagging }))).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(await keysUnder('refused/')).toEqual([]);
    expect((await by(keys.tagless, { key: 'allowed' })).status).toBe(204);
  });

  test('where its signature is another, or of V2, or beside another one', async () => {
    const fields = signedFields(keys.root, Bucket, { key: 'refused/signature' });
    const spoilt = await postForm(url(), formBody({ ...fields, 'x-amz-signature': '0'.repeat(64) }, FILE));
    expect(failure(spoilt)).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
    expect(spoilt.text).toContain(`<StringToSign>${fields.policy}</StringToSign>`);
    const v2 = await postForm(url(), formBody(signedFieldsV2(keys.root, Bucket, { key: 'refused/v2' }), FILE));
    expect(failure(v2)).toEqual({
      status: 400,
      code: 'InvalidRequest',
      message: 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    });
    const twice = await postForm(url(), formBody(fields, FILE), { authorization: 'AWS4-HMAC-SHA256 Credential=x' });
    expect(failure(twice)).toMatchObject({ status: 400, code: 'InvalidArgument' });
    const inQuery = await postForm(`${url()}?X-Amz-Signature=x`, formBody(fields, FILE));
    expect(failure(inQuery)).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect(await keysUnder('refused/')).toEqual([]);
  });

  // The words of AWS's own answers.
  test('by its policy, in AWS’s words', async () => {
    const expired = signedFields(keys.root, Bucket, { key: 'refused/policy' }, [], { expiresMs: Date.now() - 1 });
    expect(failure(await postForm(url(), formBody(expired, FILE)))).toEqual({
      status: 403,
      code: 'AccessDenied',
      message: 'Invalid according to Policy: Policy expired.',
    });
    const redirect = [['eq', '$success_action_redirect', 'http://localhost.test/random']];
    expect(
      failure(await post({ key: 'refused/policy', success_action_redirect: 'http://other' }, FILE, redirect)),
    ).toEqual({
      status: 403,
      code: 'AccessDenied',
      message:
        'Invalid according to Policy: Policy Condition failed: ["eq", "$success_action_redirect", "http://localhost.test/random"]',
    });
    expect(failure(await post({ key: 'refused/policy' }, FILE, [{ acl: 'private', tagging: 'x' }]))).toEqual({
      status: 400,
      code: 'InvalidPolicyDocument',
      message: 'Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.',
    });
    const more = { ...signedFields(keys.root, Bucket, { key: 'refused/policy' }), 'x-amz-meta-a': 'b' };
    expect(failure(await postForm(url(), formBody(more, FILE)))).toEqual({
      status: 403,
      code: 'AccessDenied',
      message: 'Invalid according to Policy: Extra input fields: x-amz-meta-a',
    });
    expect(await keysUnder('refused/')).toEqual([]);
  });

  test('by its size, in AWS’s words', async () => {
    const range = [['content-length-range', 5, 10]];
    const sized = (size: number) => post({ key: 'sizes/f' }, { content: 'a'.repeat(size), filename: 'f' }, range);
    const large = await sized(12);
    expect(failure(large)).toEqual({
      status: 400,
      code: 'EntityTooLarge',
      message: 'Your proposed upload exceeds the maximum allowed size',
    });
    expect(large.text).toContain('<ProposedSize>12</ProposedSize><MaxSizeAllowed>10</MaxSizeAllowed>');
    const small = await sized(1);
    expect(failure(small)).toEqual({
      status: 400,
      code: 'EntityTooSmall',
      message: 'Your proposed upload is smaller than the minimum allowed size',
    });
    expect(small.text).toContain('<ProposedSize>1</ProposedSize><MinSizeAllowed>5</MinSizeAllowed>');
    expect((await sized(6_000_000)).text).toContain('<ProposedSize>6000000</ProposedSize>');
    expect(failure(await sized(40_000_000))).toMatchObject({ status: 400, code: 'EntityTooLarge' });
    expect(await keysUnder('sizes/')).toEqual([]);
    expect((await sized(10)).status).toBe(204);
    expect((await sized(5)).status).toBe(204);
  });

  test('where it is not a form of S3', async () => {
    const field = (name: string): string =>
      `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`;
    const invalid = (message: string) => ({ status: 400, code: 'InvalidArgument', message });
    expect(failure(await postForm(url(), formBody({ acl: 'private' }, FILE)))).toEqual(invalid(field('key')));
    expect(failure(await postForm(url(), formBody({ key: '' }, FILE)))).toEqual(
      invalid('User key must have a length greater than 0.'),
    );
    expect(failure(await postForm(url(), Buffer.concat([fieldPart('key', 'k'), END])))).toEqual(
      invalid('POST requires exactly one file upload per request.'),
    );
    const { 'x-amz-signature': _, ...unsigned } = signedFields(keys.root, Bucket, { key: 'k' });
    expect(failure(await postForm(url(), formBody(unsigned, FILE)))).toEqual(invalid(field('X-Amz-Signature')));
    const late = Buffer.concat([filePart(FILE), fieldPart('key', 'k'), END]);
    expect(failure(await postForm(url(), late))).toEqual(invalid(field('key')));
    const twice = Buffer.concat([fieldPart('key', 'a'), fieldPart('KEY', 'b'), filePart(FILE), END]);
    expect(failure(await postForm(url(), twice))).toMatchObject({ status: 400, code: 'InvalidArgument' });
    const long = await post({ key: 'k'.repeat(1025) });
    expect(failure(long)).toMatchObject({ status: 400, code: 'KeyTooLongError' });
    expect(await post({ key: 'a/../../k' })).toMatchObject({ status: 400, text: '' });
    const noText = Buffer.concat([fieldPart('key', Buffer.from([0xff])), filePart(FILE), END]);
    expect(failure(await postForm(url(), noText))).toMatchObject({ status: 400, code: 'MalformedPOSTRequest' });
    const large = await postForm(url(), formBody({ key: 'k', 'x-ignore': 'x'.repeat(20_480) }, FILE));
    expect(failure(large)).toMatchObject({ status: 400, code: 'MaxPostPreDataLengthExceeded' });
    expect(large.text).toContain('<MaxPostPreDataLengthBytes>20480</MaxPostPreDataLengthBytes>');
    const elsewhere = await postForm(`${server.url}/no-such-bucket`, formBody({ key: 'k' }, FILE));
    expect(failure(elsewhere)).toMatchObject({ status: 404, code: 'NoSuchBucket' });
    const other = await postForm(url(), Buffer.from('key=k&file=f'), {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(failure(other)).toMatchObject({ status: 412, code: 'PreconditionFailed' });
    expect(other.text).toContain(
      '<Condition>Bucket POST must be of the enclosure-type multipart/form-data</Condition>',
    );
  });

  test('where what it asks for is refused to PutObject', async () => {
    const refused = async (fields: Record<string, string>) => failure(await post({ key: 'refused/put', ...fields }));
    expect(await refused({ 'x-amz-storage-class': 'FakeClass' })).toEqual({
      status: 400,
      code: 'InvalidStorageClass',
      message: 'The storage class you specified is not valid',
    });
    expect(await refused({ tagging: 'not xml' })).toEqual({
      status: 400,
      code: 'MalformedXML',
      message: 'The XML you provided was not well-formed or did not validate against our published schema',
    });
    expect(await refused({ 'x-amz-server-side-encryption': 'aws:none' })).toMatchObject({ code: 'InvalidArgument' });
    for (const name of ['x-amz-meta-a b', 'x-amz-meta-naïve', 'x-amz-meta-a:b', 'x-amz-storage-class ']) {
      expect(await refused({ [name]: 'x' }), name).toMatchObject({ status: 400, code: 'InvalidArgument' });
    }
    expect(await refused({ 'x-amz-meta-a': 'x'.repeat(3000) })).toMatchObject({ code: 'MetadataTooLarge' });
    expect(await keysUnder('refused/')).toEqual([]);
    // As AWS does: XML of another kind names no tags.
    expect((await post({ key: 'tags', tagging: '<Other/>' })).status).toBe(204);
    expect((await head('tags')).TagCount).toBeUndefined();
  });

  test('before its body is sent, where the head tells it', async () => {
    const asked = (target: string, ...headers: string[]): string =>
      `${[`POST ${target} HTTP/1.1`, `Host: 127.0.0.1:${server.port}`, ...headers, 'Content-Length: 1000', 'Expect: 100-continue'].join('\r\n')}\r\n\r\n`;
    const type = `Content-Type: ${FORM_TYPE}`;
    const chunked = asked(`/${Bucket}`, type).replace('Content-Length: 1000', 'Transfer-Encoding: chunked');
    const huge = asked(`/${Bucket}`, type).replace('1000', String(6 * 1024 ** 3));
    const answers = [
      [411, await raw(chunked)],
      [400, await raw(huge)],
      [404, await raw(asked('/no-such-bucket', type))],
      [412, await raw(asked(`/${Bucket}`, 'Content-Type: text/plain'))],
      [400, await raw(asked(`/${Bucket}`, type, 'Authorization: AWS4-HMAC-SHA256 x'))],
      [403, await raw(asked(`/${Bucket}`, type, 'x-amz-expected-bucket-owner: 222222222222'))],
    ] as const;
    for (const [status, answer] of answers) {
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status}`));
      expect(answer).not.toContain('100 Continue');
    }
    expect(await raw(asked(`/${Bucket}`, type), /100 Continue/)).toMatch(/^HTTP\/1\.1 100 Continue/);
  });
});

/** Raw bytes in, everything that comes back out. `cut`: the client leaves when it has sent all, or when that has come. */
function raw(bytes: string | Buffer, cut?: 'sent' | RegExp, port = server.port): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(bytes, () => {
        if (cut === 'sent') socket.destroy();
      }),
    );
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      // What is answered without having been read ends with the connection; nothing more is sent here.
      if (cut === undefined && received.includes('</Error>')) socket.end();
      if (cut instanceof RegExp && cut.test(received)) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
  });
}

test('with V2 allowed, forms and requests signed so are taken, and nothing else changes', async () => {
  const v2 = await start({ COFFER_SIGV2: 'allow' });
  try {
    await clientOf(v2).send(new CreateBucketCommand({ Bucket }));
    const fields = signedFieldsV2(keys.root, Bucket, { key: 'v2', success_action_status: '201' });
    expect((await postForm(`${v2.url}/${Bucket}`, formBody(fields, FILE))).status).toBe(201);
    const spoilt = { ...fields, signature: fields.signature!.replace(/^./, (one) => (one === 'A' ? 'B' : 'A')) };
    expect(failure(await postForm(`${v2.url}/${Bucket}`, formBody(spoilt, FILE)))).toMatchObject({
      status: 403,
      code: 'SignatureDoesNotMatch',
    });
    // The key service takes V4 alone.
    const underKms = signedFieldsV2(keys.root, Bucket, { key: 'kms', 'x-amz-server-side-encryption': 'aws:kms' });
    expect(failure(await postForm(`${v2.url}/${Bucket}`, formBody(underKms, FILE)))).toMatchObject({
      status: 400,
      code: 'InvalidArgument',
      message: expect.stringContaining('require AWS Signature Version 4'),
    });
    const none = { ...fields };
    delete none.AWSAccessKeyId;
    expect(failure(await postForm(`${v2.url}/${Bucket}`, formBody(none, FILE))).message).toBe(
      "Bucket POST must contain a field named 'AWSAccessKeyId'.  If it is specified, please check the order of the fields.",
    );
    const v4 = formBody(signedFields(keys.root, Bucket, { key: 'v4' }), FILE);
    expect((await postForm(`${v2.url}/${Bucket}`, v4)).status).toBe(204);
    const date = new Date().toUTCString();
    const sign = (text: string): string => createHmac('sha1', keys.root.secretAccessKey).update(text).digest('base64');
    const ask = (method: string, target: string, text: string, more: Record<string, string> = {}) =>
      fetch(v2.url + target, {
        method,
        headers: { date, authorization: `AWS ${keys.root.accessKeyId}:${sign(text)}`, ...more },
        ...(method === 'PUT' ? { body: 'signed' } : {}),
      });
    const amz = { 'x-amz-date': date, 'x-amz-meta-a': 'b', 'content-type': 'text/plain' };
    const lines = `x-amz-date:${date}\nx-amz-meta-a:b\n/${Bucket}/by%20header`;
    expect((await ask('PUT', `/${Bucket}/by%20header`, `PUT\n\ntext/plain\n\n${lines}`, amz)).status).toBe(200);
    const resource = `/${Bucket}?versioning`;
    const versioning = await ask('GET', resource, `GET\n\n\n\nx-amz-date:${date}\n${resource}`, { 'x-amz-date': date });
    expect([versioning.status, await versioning.text()]).toEqual([200, expect.stringContaining('Versioning')]);
    const expires = Math.floor(Date.now() / 1000) + 60;
    const override = 'response-content-type=text%2Fcss';
    const signature = sign(`GET\n\n\n${expires}\n/${Bucket}/by%20header?response-content-type=text/css`);
    const presigned = `${v2.url}/${Bucket}/by%20header?AWSAccessKeyId=${keys.root.accessKeyId}&Expires=${expires}&Signature=${encodeURIComponent(signature)}`;
    const got = await fetch(`${presigned}&${override}`);
    expect([got.status, got.headers.get('content-type'), await got.text()]).toEqual([200, 'text/css', 'signed']);
    expect(got.headers.get('x-amz-meta-a')).toBe('b');
    const bare = await fetch(presigned);
    expect([bare.status, await bare.text()]).toEqual([403, expect.stringContaining('SignatureDoesNotMatch')]);
    const found = await clientOf(v2).send(new GetObjectCommand({ Bucket, Key: 'v2' }));
    expect(await found.Body!.transformToString()).toBe('the file');
  } finally {
    await v2.close();
  }
});

test('a form that ends early stores nothing, and leaves nothing on the disk', async () => {
  const at = await mkdtemp(join(tmpdir(), 'coffer-forms-cut-'));
  let own = await start({}, at);
  try {
    await clientOf(own).send(new CreateBucketCommand({ Bucket }));
    const content = randomBytes(9_000_000);
    const body = formBody(signedFields(keys.root, Bucket, { key: 'cut' }), { content, filename: 'f' });
    const request = (length: number): Buffer =>
      Buffer.from(
        `POST /${Bucket} HTTP/1.1\r\nHost: 127.0.0.1:${own.port}\r\nContent-Type: ${FORM_TYPE}\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`,
      );
    const whole = body.length;
    // The client leaves; the body is whole but for its length; the closing boundary is missing.
    const left = await raw(Buffer.concat([request(whole), body.subarray(0, 6_000_000)]), 'sent', own.port);
    const short = await raw(Buffer.concat([request(whole + 1), body]), 'sent', own.port);
    const open = body.subarray(0, -END.length);
    const unclosed = await raw(Buffer.concat([request(open.length), open]), undefined, own.port);
    expect([left, short]).toEqual(['', '']);
    expect(unclosed).toMatch(/^HTTP\/1\.1 400[\s\S]*MalformedPOSTRequest/);
    const sized = signedFields(keys.root, Bucket, { key: 'cut' }, [['content-length-range', 0, 8_000_000]]);
    const large = await postForm(`${own.url}/${Bucket}`, formBody(sized, { content, filename: 'f' }));
    expect(failure(large)).toMatchObject({ code: 'EntityTooLarge' });
    await expect
      .poll(() => own.output().match(/"operation":"PostObject"[^\n]*"error":"IncompleteBody"/g)?.length)
      .toBe(2);
    const listed = await clientOf(own).send(new ListObjectsV2Command({ Bucket }));
    expect(listed.Contents).toBeUndefined();
    // The sweeper frees what is dead in the background, at the next start at the latest.
    await expect
      .poll(
        async () => {
          expect(await own.end('SIGTERM')).toBe(0);
          const left = await inStore(join(at, 'data'));
          own = await start({}, at);
          return left;
        },
        { interval: 500 },
      )
      .toEqual({ runs: 0, intents: 0, bodies: 0 });
  } finally {
    await own.close();
    await rm(at, { recursive: true, force: true });
  }
});

async function inStore(path: string) {
  const store = await openStore(path);
  const rows = async (letter: string): Promise<number> => {
    const gte = Buffer.from(`${letter}/`);
    return (await store.meta.range({ gte, lt: Buffer.from(`${letter}0`), limit: 10, keysOnly: true })).length;
  };
  let runs = 0;
  for await (const _ of store.blobs.list()) runs++;
  const found = { runs, intents: await rows('n'), bodies: await rows('i') };
  await store.close();
  return found;
}
