import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FORM_TYPE, formBody } from '../support/form.js';
import { type Http, serve } from './harness.js';

let http: Http;

beforeAll(async () => {
  http = await serve();
  expect((await http.send('PUT', '/protocol')).status).toBe(200);
  expect((await http.send('PUT', '/protocol/there', { body: 'body' })).status).toBe(200);
});
afterAll(() => http.close());

type Options = Parameters<Http['presign']>[2];

const head = (line: string, ...headers: string[]): string =>
  `${[`${line} HTTP/1.1`, `Host: ${http.host}`, ...headers].join('\r\n')}\r\n\r\n`;

const newUpload = async (key: string): Promise<string> => {
  const answer = await http.send('POST', `/protocol/${key}`, { query: { uploads: '' } });
  return /<UploadId>(.*)<\/UploadId>/.exec(await answer.text())![1]!;
};

const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
const TRAILER = { 'x-amz-decoded-content-length': '4', 'x-amz-trailer': 'x-amz-checksum-crc32' };
const CHUNKS = '4\r\nbody\r\n0\r\nx-amz-checksum-crc32:26gLsg==\r\n\r\n';

describe('100 Continue', () => {
  interface Upload {
    line: string;
    headers: string[];
    body: string | Buffer;
    answer: RegExp;
  }
  const uploads: [string, (refused: 'signature' | 'bucket' | 'length' | undefined) => Promise<Upload>][] = [
    ['PutObject', (refused) => signed('PUT', 'continue/put', {}, 'body', refused)],
    [
      'UploadPart',
      async (refused) => {
        const uploadId = await newUpload('continue/part');
        return signed('PUT', 'continue/part', { query: { partNumber: '1', uploadId } }, 'body', refused);
      },
    ],
    [
      'an upload in chunks',
      async (refused) => {
        const upload = await signed(
          'PUT',
          'continue/chunked',
          { payload: UNSIGNED_TRAILER, headers: TRAILER },
          CHUNKS,
          refused,
        );
        upload.headers.push(`x-amz-content-sha256: ${UNSIGNED_TRAILER}`);
        return upload;
      },
    ],
    [
      'a form',
      async (refused) => {
        const body = formBody({ key: 'k' }, { content: 'f' });
        const target = refused === 'bucket' ? '/no-such-bucket' : '/protocol';
        const headers = [`Content-Type: ${refused === 'length' ? 'text/plain' : FORM_TYPE}`];
        if (refused === 'signature') headers.push('Authorization: AWS4-HMAC-SHA256 x');
        // Anonymous: what it may is known when its fields have been read, and then it is refused.
        return { line: `POST ${target}`, headers, body, answer: /HTTP\/1\.1 403/ };
      },
    ],
  ];

  async function signed(
    method: string,
    key: string,
    options: NonNullable<Options>,
    body: string,
    refused: string | undefined,
  ): Promise<Upload> {
    const bucket = refused === 'bucket' ? 'no-such-bucket' : 'protocol';
    const target = http.presign(method, `/${bucket}/${key}`, options);
    const headers = Object.entries(options.headers ?? {}).map(([name, value]) => `${name}: ${value}`);
    const line = `${method} ${refused === 'signature' ? `${target}0` : target}`;
    return { line, headers, body, answer: /HTTP\/1\.1 200 OK/ };
  }

  const open = async ({ line, headers, body }: Upload, length = body.length) => {
    const connection = await http.connect();
    connection.write(head(line, ...headers, `Content-Length: ${length}`, 'Expect: 100-continue'));
    return connection;
  };

  test.each(uploads)('%s is asked for its body once it is found good', async (_name, make) => {
    const upload = await make(undefined);
    const connection = await open(upload);
    expect(await connection.until(/\r\n\r\n/)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    connection.write(upload.body);
    await connection.until(upload.answer);
    connection.destroy();
  });

  test.each(uploads)('%s is not asked for its body where it is refused', async (_name, make) => {
    for (const [reason, status] of [
      ['signature', /^HTTP\/1\.1 40[03] /],
      ['bucket', /^HTTP\/1\.1 404 /],
    ] as const) {
      const connection = await open(await make(reason));
      const answer = await connection.until(/<\/Error>/);
      expect(answer).toMatch(status);
      expect(answer).toMatch(/connection: close/i);
      connection.destroy();
    }
  });

  test('a body that is too large, a missing upload, a bad header: refused unasked', async () => {
    const lines: [string, string[], number, string][] = [
      [`PUT ${http.presign('PUT', '/protocol/huge')}`, [], 5 * 1024 ** 3 + 1, 'EntityTooLarge'],
      [
        `PUT ${http.presign('PUT', '/protocol/part', { query: { partNumber: '1', uploadId: 'none' } })}`,
        [],
        4,
        'NoSuchUpload',
      ],
      [
        `PUT ${http.presign('PUT', '/protocol/class', { headers: { 'x-amz-storage-class': 'X' } })}`,
        ['x-amz-storage-class: X'],
        4,
        'InvalidStorageClass',
      ],
      ['PUT /protocol/anonymous', [], 4, 'AccessDenied'],
      ['POST /protocol', ['Content-Type: text/plain'], 4, 'PreconditionFailed'],
    ];
    for (const [line, headers, length, code] of lines) {
      const connection = await open({ line, headers, body: '', answer: /./ }, length);
      const answer = await connection.until(/<\/Error>/);
      expect(answer).toContain(`<Code>${code}</Code>`);
      expect(answer).not.toContain('100 Continue');
      connection.destroy();
    }
  });
});

describe('aws-chunked', () => {
  test.each([
    ['aws-chunked', null],
    ['aws-chunked,gzip', 'gzip'],
    ['gzip, AWS-Chunked', 'gzip'],
    ['br,aws-chunked, gzip', 'br, gzip'],
    ['gzip, br', 'gzip, br'],
    ['gzip', 'gzip'],
  ])('is the transfer’s, not the content’s: %s comes back as %s', async (sent, expected) => {
    const headers = { 'content-encoding': sent };
    expect((await http.send('PUT', '/protocol/encoded', { headers, body: 'body' })).status).toBe(200);
    const raw = async (method: string): Promise<string | undefined> => {
      const connection = await http.connect();
      connection.write(head(`${method} ${http.presign(method, '/protocol/encoded')}`, 'Connection: close'));
      return /\r\ncontent-encoding: (.*)\r\n/i.exec(await connection.untilEnd())?.[1];
    };
    expect(await raw('GET')).toBe(expected ?? undefined);
    expect(await raw('HEAD')).toBe(expected ?? undefined);
  });
});

describe('every answer', () => {
  const requests: [string, string, string, Options?, Record<string, string>?][] = [
    ['a list', 'GET', '/'],
    ['an object', 'GET', '/protocol/there'],
    ['the head of an object', 'HEAD', '/protocol/there'],
    ['a deletion', 'DELETE', '/protocol/none'],
    ['what has not changed', 'GET', '/protocol/there', {}, { 'if-none-match': '*' }],
    ['a missing key', 'GET', '/protocol/none'],
    ['the head of a missing key', 'HEAD', '/protocol/none'],
    ['a missing bucket', 'GET', '/no-such-bucket'],
    ['a sub-resource that is not there', 'GET', '/protocol', { query: { torrent: '' } }],
    ['a method that is not there', 'PATCH', '/protocol'],
    ['a bad argument', 'GET', '/protocol', { query: { 'max-keys': 'x' } }],
    ['a POST that is no form', 'POST', '/protocol'],
    ['a page of its own', 'GET', '/-/health'],
  ];

  test.each(requests)(
    'has its ids, and an error names them: %s',
    async (_name, method, path, options = {}, more = {}) => {
      const target = path.startsWith('/-/') || method === 'POST' ? path : http.presign(method, path, options);
      const answer = await fetch(http.url + target, { method, headers: more });
      const id = answer.headers.get('x-amz-request-id');
      const host = answer.headers.get('x-amz-id-2');
      expect(id).toMatch(/^[0-9A-F]{16}$/);
      expect(host).toMatch(/^[A-Za-z0-9+/=]{20,}$/);
      const text = await answer.text();
      if (answer.status < 400 || method === 'HEAD') return;
      expect(text).toContain(`<RequestId>${id}</RequestId><HostId>${host}</HostId></Error>`);
    },
  );

  test('also to what can’t be read', async () => {
    const connection = await http.connect();
    connection.write('nonsense\r\n\r\n');
    const answer = await connection.untilEnd();
    const id = /x-amz-request-id: (.*)\r\n/.exec(answer)![1];
    const host = /x-amz-id-2: (.*)\r\n/.exec(answer)![1];
    expect(answer).toContain(`<RequestId>${id}</RequestId><HostId>${host}</HostId></Error>`);
  });

  test.each([
    ['404', '/protocol/none', {}],
    ['404', '/no-such-bucket', {}],
    ['403', '/protocol/there', { anonymous: 'yes' }],
    ['400', '/protocol/there', { query: { partNumber: '0' } }],
    ['412', '/protocol/there', { headers: { 'if-match': '"x"' } }],
    ['416', '/protocol/there', { headers: { range: 'bytes=100-200' } }],
    ['400', '/protocol', { query: { acl: '', torrent: '' } }],
    ['501', '/protocol', { query: { 'x-id': 'ListDirectoryBuckets' } }],
  ] as [string, string, NonNullable<Options> & { anonymous?: string }][])(
    'to HEAD has no body, also where it is %s for %s',
    async (status, path, { anonymous, ...options }) => {
      const connection = await http.connect();
      const headers = Object.entries(options.headers ?? {}).map(([name, value]) => `${name}: ${value}`);
      const target = anonymous ? path : http.presign('HEAD', path, options);
      connection.write(head(`HEAD ${target}`, ...headers, 'Connection: close'));
      const answer = await connection.untilEnd();
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer.endsWith('\r\n\r\n')).toBe(true);
      expect(answer.indexOf('\r\n\r\n')).toBe(answer.length - 4);
    },
  );
});

describe('errors carry their own elements, as AWS’s answers do', () => {
  const error = async (method: string, path: string, options: Options = {}): Promise<Record<string, string>> => {
    const text = await (await http.send(method, path, options)).text();
    const elements = [...text.matchAll(/<(\w+)>([^<]*)<\/\1>/g)].map(([, name, value]) => [name!, value!]);
    const { RequestId: _, HostId: __, ...own } = Object.fromEntries(elements);
    return own;
  };
  const NO_UPLOAD =
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.';
  const PRECONDITION = 'At least one of the pre-conditions you specified did not hold';

  test.each<[string, string, Options, Record<string, string>]>([
    ['GET', '/protocol/none', {}, { Code: 'NoSuchKey', Message: 'The specified key does not exist.', Key: 'none' }],
    [
      'GET',
      '/no-such-bucket',
      {},
      { Code: 'NoSuchBucket', Message: 'The specified bucket does not exist', BucketName: 'no-such-bucket' },
    ],
    [
      'PUT',
      '/Bad_Bucket',
      {},
      { Code: 'InvalidBucketName', Message: 'The specified bucket is not valid.', BucketName: 'Bad_Bucket' },
    ],
    [
      'DELETE',
      '/protocol',
      {},
      { Code: 'BucketNotEmpty', Message: 'The bucket you tried to delete is not empty', BucketName: 'protocol' },
    ],
    [
      'GET',
      '/protocol/there',
      { headers: { range: 'bytes=100-200' } },
      {
        Code: 'InvalidRange',
        Message: 'The requested range is not satisfiable',
        RangeRequested: 'bytes=100-200',
        ActualObjectSize: '4',
      },
    ],
    [
      'GET',
      '/protocol/there',
      { query: { partNumber: '2' } },
      {
        Code: 'InvalidPartNumber',
        Message: 'The requested partnumber is not satisfiable',
        PartNumberRequested: '2',
        ActualPartCount: '1',
      },
    ],
    [
      'GET',
      '/protocol/there',
      { headers: { 'if-match': '"x"' } },
      { Code: 'PreconditionFailed', Message: PRECONDITION, Condition: 'If-Match' },
    ],
    [
      'GET',
      '/protocol/there',
      { query: { uploadId: 'fakeid' } },
      { Code: 'NoSuchUpload', Message: NO_UPLOAD, UploadId: 'fakeid' },
    ],
    [
      'PUT',
      '/protocol/k',
      { headers: { 'x-amz-storage-class': 'OUTPOSTS' } },
      {
        Code: 'InvalidStorageClass',
        Message: 'The storage class you specified is not valid',
        StorageClassRequested: 'OUTPOSTS',
      },
    ],
    [
      'PUT',
      '/protocol/k',
      { headers: { 'content-md5': '__invalid__' } },
      { Code: 'InvalidDigest', Message: 'The Content-MD5 you specified was invalid.', 'Content-MD5': '__invalid__' },
    ],
  ])('%s %s %j', async (method, path, options, expected) => {
    const { 'Content-MD5': md5, ...others } = expected;
    const found = await error(method, path, options);
    expect(found).toEqual(others);
    if (md5 !== undefined) {
      const text = await (await http.send(method, path, options)).text();
      expect(text).toContain(`<Content-MD5>${md5}</Content-MD5>`);
    }
  });

  test('a version that is not there is named with its key', async () => {
    expect((await http.send('PUT', '/protocol-versions')).status).toBe(200);
    const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    const configured = await http.send('PUT', '/protocol-versions', { query: { versioning: '' }, body });
    expect(configured.status).toBe(200);
    const put = async (): Promise<string> =>
      (await http.send('PUT', '/protocol-versions/k', { body: 'x' })).headers.get('x-amz-version-id')!;
    const versionId = await put();
    const gone = await http.send('DELETE', '/protocol-versions/k', { query: { versionId } });
    expect(gone.status).toBe(204);
    expect(await error('GET', '/protocol-versions/k', { query: { versionId } })).toEqual({
      Code: 'NoSuchVersion',
      Message: 'The specified version does not exist.',
      Key: 'k',
      VersionId: versionId,
    });
    await put();
    const marker = (await http.send('DELETE', '/protocol-versions/k')).headers.get('x-amz-version-id')!;
    expect(await error('GET', '/protocol-versions/k', { query: { versionId: marker } })).toEqual({
      Code: 'MethodNotAllowed',
      Message: 'The specified method is not allowed against this resource.',
      Method: 'GET',
      ResourceType: 'DeleteMarker',
    });
  });
});

test('a client that lost the answer of CompleteMultipartUpload asks again and gets it', async () => {
  const uploadId = await newUpload('completed');
  const part = await http.send('PUT', '/protocol/completed', {
    query: { partNumber: '1', uploadId },
    body: randomBytes(1000),
  });
  const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part.headers.get('etag')}</ETag></Part></CompleteMultipartUpload>`;
  const complete = async () => {
    const answer = await http.send('POST', '/protocol/completed', { query: { uploadId }, body });
    const text = await answer.text();
    return {
      status: answer.status,
      etag: /<ETag>(.*)<\/ETag>/.exec(text)?.[1],
      key: /<Key>(.*)<\/Key>/.exec(text)?.[1],
    };
  };
  const first = await complete();
  expect([first.status, first.key]).toEqual([200, 'completed']);
  expect(await complete()).toEqual(first);
  expect(await complete()).toEqual(first);
});

test('DeleteObjects tells each key what became of it', async () => {
  const keys = ['deleted', 'never-there', 'k'.repeat(1025)];
  expect((await http.send('PUT', '/protocol/deleted', { body: 'x' })).status).toBe(200);
  const objects = keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('');
  const wrongEtag = '<Object><Key>there</Key><ETag>"x"</ETag></Object>';
  const body = `<Delete>${objects}${wrongEtag}</Delete>`;
  const answer = await http.send('POST', '/protocol', {
    query: { delete: '' },
    headers: { 'content-md5': createHash('md5').update(body).digest('base64') },
    body,
  });
  const text = await answer.text();
  const told = [...text.matchAll(/<(Deleted|Error)><Key>([^<]*)<\/Key>(?:<Code>([^<]*)<\/Code>)?/g)].map(
    ([, kind, key, code]) => [kind, key, code],
  );
  expect(told).toEqual([
    ['Deleted', 'deleted', undefined],
    ['Deleted', 'never-there', undefined],
    ['Error', keys[2], 'KeyTooLongError'],
    ['Error', 'there', 'PreconditionFailed'],
  ]);
});
