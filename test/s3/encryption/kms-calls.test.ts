import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { KmsCallerContext } from '../../../src/encryption/ports.js';
import { Kms } from '../../../src/kms/kms.js';
import { type Http, serve } from '../../http/harness.js';

let http: Http;
/** Every call of the key service in one line: what, of which S3 request, for which object, under which ARN in the context. */
let calls: string[] = [];
const vias = new Set<string | undefined>();

beforeAll(async () => {
  for (const method of ['generateDataKey', 'decrypt', 'encrypt', 'authorize'] as const) {
    // biome-ignore lint/suspicious/noExplicitAny: methods of one shape
    const real = Kms.prototype[method] as (...args: any[]) => Promise<any>;
    vi.spyOn(Kms.prototype, method).mockImplementation(function (
      this: Kms,
      who: KmsCallerContext,
      request: { action?: string; context: Readonly<Record<string, string>> },
    ) {
      const { operation, bucket, key } = who.source!;
      vias.add(who.viaService);
      const what = method === 'authorize' ? `authorize ${request.action}` : method;
      const { 'aws:s3:arn': arn, ...rest } = request.context;
      const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
      calls.push(`${operation} ${bucket}/${key}: ${what} ${arn}${more}`);
      return real.call(this, who, request);
    });
  }
  http = await serve();
  for (const bucket of ['from', 'into']) expect((await http.send('PUT', `/${bucket}`)).status).toBe(200);
});
beforeEach(() => {
  calls = [];
});
afterAll(async () => {
  await http?.close();
  vi.restoreAllMocks();
});

const kms = { 'x-amz-server-side-encryption': 'aws:kms' };
const bucketKey = { ...kms, 'x-amz-server-side-encryption-bucket-key-enabled': 'true' };

async function ask(
  status: number,
  method: string,
  path: string,
  options: { query?: Record<string, string>; headers?: Record<string, string>; body?: string } = {},
): Promise<string> {
  const answer = await http.send(method, path, options);
  const text = await answer.text();
  expect(answer.status, text).toBe(status);
  return text;
}

test('every use of an object’s key names operation, object and the object’s ARN, with the client’s context where it was given', async () => {
  const context = Buffer.from('{"project":"coffer"}').toString('base64');
  const headers = { ...kms, 'x-amz-server-side-encryption-context': context };
  await ask(200, 'PUT', '/from/a', { headers, body: 'x' });
  await ask(200, 'GET', '/from/a');
  await ask(200, 'HEAD', '/from/a');
  await ask(200, 'HEAD', '/from/a', { headers: { 'x-amz-checksum-mode': 'ENABLED' } });
  const attributes = (names: string) => ({ query: { attributes: '' }, headers: { 'x-amz-object-attributes': names } });
  await ask(200, 'GET', '/from/a', attributes('ETag,ObjectSize,StorageClass'));
  await ask(200, 'GET', '/from/a', attributes('Checksum'));
  await ask(200, 'PUT', '/into/b', { headers: { ...kms, 'x-amz-copy-source': '/from/a' } });
  const project = '{"project":"coffer"}';
  expect(calls).toEqual([
    `PutObject from/a: generateDataKey arn:aws:s3:::from/a ${project}`,
    `GetObject from/a: decrypt arn:aws:s3:::from/a ${project}`,
    `HeadObject from/a: decrypt arn:aws:s3:::from/a ${project}`,
    `GetObjectAttributes from/a: decrypt arn:aws:s3:::from/a ${project}`,
    `CopyObject from/a: decrypt arn:aws:s3:::from/a ${project}`,
    'CopyObject into/b: generateDataKey arn:aws:s3:::into/b',
  ]);
  expect([...vias]).toEqual(['s3.us-east-1.amazonaws.com']);
});

test('with an S3 Bucket Key the bucket’s ARN stands in the context, and a cached key is authorized for the object that is asked for', async () => {
  await ask(200, 'PUT', '/from/k1', { headers: bucketKey, body: 'x' });
  await ask(200, 'PUT', '/from/k2', { headers: bucketKey, body: 'x' });
  await ask(200, 'GET', '/from/k1');
  await ask(200, 'GET', '/from/k2');
  await ask(200, 'PUT', '/into/k3', { headers: { ...bucketKey, 'x-amz-copy-source': '/from/k1' } });
  expect(calls).toEqual([
    'PutObject from/k1: generateDataKey arn:aws:s3:::from',
    'PutObject from/k2: authorize kms:GenerateDataKey arn:aws:s3:::from',
    'GetObject from/k1: authorize kms:Decrypt arn:aws:s3:::from',
    'GetObject from/k2: authorize kms:Decrypt arn:aws:s3:::from',
    'CopyObject from/k1: authorize kms:Decrypt arn:aws:s3:::from',
    'CopyObject into/k3: generateDataKey arn:aws:s3:::into',
  ]);
});

test('a multipart upload generates its key once, and every later step decrypts it', async () => {
  await ask(200, 'PUT', '/from/source', { headers: kms, body: 'x' });
  calls = [];
  const begun = await ask(200, 'POST', '/into/m', { query: { uploads: '' }, headers: kms });
  const uploadId = /<UploadId>(.+)<\/UploadId>/.exec(begun)![1]!;
  await ask(200, 'PUT', '/into/m', { query: { partNumber: '1', uploadId }, body: 'x' });
  const headers = { 'x-amz-copy-source': '/from/source' };
  const copied = await ask(200, 'PUT', '/into/m', { query: { partNumber: '2', uploadId }, headers });
  await ask(200, 'GET', '/into/m', { query: { uploadId } });
  const etag = /<ETag>(.+)<\/ETag>/.exec(copied)![1]!;
  const body = `<CompleteMultipartUpload><Part><PartNumber>2</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`;
  await ask(200, 'POST', '/into/m', { query: { uploadId }, body });
  expect(calls).toEqual([
    'CreateMultipartUpload into/m: generateDataKey arn:aws:s3:::into/m',
    'UploadPart into/m: decrypt arn:aws:s3:::into/m',
    'UploadPartCopy from/source: decrypt arn:aws:s3:::from/source',
    'UploadPartCopy into/m: decrypt arn:aws:s3:::into/m',
    'ListParts into/m: decrypt arn:aws:s3:::into/m',
    'CompleteMultipartUpload into/m: decrypt arn:aws:s3:::into/m',
  ]);
});

test('a rename decrypts under the old name and encrypts under the new one, unless a bucket key, which has no name, does both', async () => {
  await ask(200, 'PUT', '/from/r', { headers: kms, body: 'x' });
  await ask(200, 'PUT', '/from/rk', { headers: bucketKey, body: 'x' });
  calls = [];
  const rename = (source: string, key: string) =>
    ask(200, 'PUT', `/from/${key}`, { query: { renameObject: '' }, headers: { 'x-amz-rename-source': source } });
  await rename('r', 'renamed');
  await rename('rk', 'renamed-k');
  await ask(200, 'GET', '/from/renamed');
  expect(calls).toEqual([
    'RenameObject from/r: decrypt arn:aws:s3:::from/r',
    'RenameObject from/renamed: encrypt arn:aws:s3:::from/renamed',
    'GetObject from/renamed: decrypt arn:aws:s3:::from/renamed',
  ]);
});

test('another key for a data key that is there is one use of each key', async () => {
  await ask(200, 'PUT', '/from/plain', { body: 'x' });
  await ask(200, 'PUT', '/from/kms', { headers: kms, body: 'x' });
  const head = await http.send('HEAD', '/from/kms', {});
  const keyArn = head.headers.get('x-amz-server-side-encryption-aws-kms-key-id')!;
  calls = [];
  const body = `<ObjectEncryption><SSE-KMS><KMSKeyArn>${keyArn}</KMSKeyArn></SSE-KMS></ObjectEncryption>`;
  const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
  for (const key of ['plain', 'kms'])
    await ask(200, 'PUT', `/from/${key}`, { query: { encryption: '' }, headers, body });
  expect(calls).toEqual([
    'UpdateObjectEncryption from/plain: encrypt arn:aws:s3:::from/plain',
    'UpdateObjectEncryption from/kms: decrypt arn:aws:s3:::from/kms',
    'UpdateObjectEncryption from/kms: encrypt arn:aws:s3:::from/kms',
  ]);
});

test('what needs no key asks for none', async () => {
  await ask(200, 'PUT', '/from/n', { headers: kms, body: 'x' });
  calls = [];
  await ask(200, 'GET', '/from', { query: { 'list-type': '2' } });
  await ask(404, 'GET', '/from/absent');
  await ask(304, 'GET', '/from/n', { headers: { 'if-none-match': '*' } });
  await ask(204, 'DELETE', '/from/n');
  expect(calls).toEqual([]);
});
