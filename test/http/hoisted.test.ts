import { createHash, createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringToSign } from '../../src/auth/v2/string-to-sign.js';
import { ALGORITHMS, createChecksum, EMPTY_DIGESTS } from '../../src/s3/checksum/algorithms.js';
import { signedRequest } from '../support/signed-request.js';
import { ACCESS_KEY_ID, type Http, SECRET, serve } from './harness.js';

/** Parameters of presigned URLs that become headers, now or when the object is read; and of other URLs, where they are refused. */
let http: Http;
let etag: string;
const OWNER = '000000000000';
beforeAll(async () => {
  http = await serve({ COFFER_SIGV2: 'allow' });
  await http.send('PUT', '/hoisted', { headers: { 'x-amz-acl': 'public-read-write' } });
  await http.send('PUT', '/locked', { headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  await put('there', {}, 'first');
  etag = (await http.send('HEAD', '/hoisted/there')).headers.get('etag')!;
});
afterAll(() => http?.close());

type Query = Record<string, string>;
const put = (key: string, query: Query, body = 'x', headers: Query = {}) =>
  http.send('PUT', `/hoisted/${key}`, { query, body: Buffer.from(body), headers });
const get = async (key: string) => (await http.send('GET', `/hoisted/${key}`)).text();
const code = async (answer: Response) => /<Code>(\w+)</.exec(await answer.text())?.[1];
const told = async (answer: Response) => [answer.status, await code(answer)];
const md5 = (text: string | Buffer) => createHash('md5').update(text).digest('base64');
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64');
const redirect = 'x-amz-website-redirect-location';
const YESTERDAY = new Date(Date.now() - 86_400_000).toUTCString();
const TOMORROW = new Date(Date.now() + 86_400_000).toUTCString();

describe('conditions in a presigned URL hold', () => {
  test.each<[string, Query, number]>([
    ['PUT', { 'If-None-Match': '*' }, 412],
    ['PUT', { 'if-none-match': '*' }, 412],
    ['PUT', { 'If-Match': '"0"' }, 412],
    ['DELETE', { 'If-Match': '"0"' }, 412],
    ['DELETE', { 'x-amz-if-match-size': '1' }, 501],
    ['GET', { 'If-Match': '"0"' }, 412],
    ['GET', { 'If-Modified-Since': TOMORROW.replace(/\d{4}/, '2020') }, 200],
    ['GET', { 'If-Unmodified-Since': YESTERDAY }, 412],
    ['HEAD', { 'If-Match': '"0"' }, 412],
    ['PUT', { 'x-amz-copy-source': '/hoisted/there', 'x-amz-copy-source-if-match': '"0"' }, 412],
    ['PUT', { 'x-amz-copy-source-if-match': '"0"' }, 400],
    ['PUT', { 'If-Unmodified-Since': YESTERDAY }, 501],
    ['DELETE', { 'If-None-Match': '"0"' }, 501],
    ['PUT', { 'x-amz-expected-bucket-owner': '999999999999' }, 403],
    ['PUT', { 'x-amz-write-offset-bytes': '5' }, 501],
    ['PUT', { 'x-amz-object-lock-event-hold': 'ON' }, 501],
  ])('%s %j', async (method, query, status) => {
    const options = method === 'PUT' && !('x-amz-copy-source' in query) ? { query, body: 'second' } : { query };
    expect((await http.send(method, '/hoisted/there', options)).status).toBe(status);
    expect(await get('there')).toBe('first');
  });

  test('a version that is named is not overwritten by a new one', async () => {
    for (const query of <Query[]>[{ versionId: 'null' }, { versionId: 'null', 'x-amz-copy-source': '/hoisted/new' }]) {
      const answer = await http.send('PUT', '/hoisted/there', { query });
      const text = await answer.text();
      expect([answer.status, text]).toEqual([400, expect.stringContaining('does not accept a version-id')]);
    }
    expect(await get('there')).toBe('first');
  });

  test('and let through where they are met', async () => {
    expect((await http.send('GET', '/hoisted/there', { query: { 'If-None-Match': etag } })).status).toBe(304);
    expect((await put('new', { 'If-None-Match': '*', 'x-amz-expected-bucket-owner': OWNER })).status).toBe(200);
    const range = await http.send('GET', '/hoisted/there', { query: { Range: 'bytes=0-1' } });
    expect([range.status, await range.text()]).toEqual([206, 'fi']);
  });
});

describe('what a presigned URL says of the body is verified', () => {
  const body = 'the body';
  test.each<[string, Query, Query]>([
    ['Content-MD5', { 'Content-MD5': md5(body) }, { 'Content-MD5': md5('') }],
    ['x-amz-checksum-sha256', { 'x-amz-checksum-sha256': sha256(body) }, { 'x-amz-checksum-sha256': sha256('') }],
    [
      'X-Amz-Checksum-Sha256 with its algorithm',
      { 'X-Amz-Checksum-Sha256': sha256(body), 'x-amz-sdk-checksum-algorithm': 'SHA256' },
      { 'X-Amz-Checksum-Sha256': sha256('else'), 'x-amz-sdk-checksum-algorithm': 'SHA256' },
    ],
  ])('%s', async (_, right, wrong) => {
    expect((await put('verified', right, body)).status).toBe(200);
    expect(await told(await put('verified', wrong, `${body}.`))).toEqual([400, 'BadDigest']);
    expect(await get('verified')).toBe(body);
  });

  test('but for the checksum of no body, which SDKs sign into every upload beside its algorithm', async () => {
    for (const algorithm of ALGORITHMS) {
      const sum = { [`x-amz-checksum-${algorithm.toLowerCase()}`]: EMPTY_DIGESTS[algorithm] };
      const sdk = { 'x-amz-sdk-checksum-algorithm': algorithm };
      expect((await put('by-sdk', { ...sum, ...sdk }, body)).status, algorithm).toBe(200);
      expect((await put('by-sdk', sdk, body)).status, algorithm).toBe(200);
      expect(await told(await put('by-sdk', sum, body)), algorithm).toEqual([400, 'BadDigest']);
      expect((await createChecksum(algorithm)).digest().toString('base64')).toBe(EMPTY_DIGESTS[algorithm]);
    }
  });

  test('its length and its transfer can only be what the headers say', async () => {
    expect((await put('length', { 'Content-Length': '8' }, body)).status).toBe(200);
    for (const query of <Query[]>[
      { 'Content-Length': '7' },
      { 'x-amz-decoded-content-length': '8' },
      { 'x-amz-trailer': 'x-amz-checksum-crc32' },
      { 'x-amz-content-sha256': createHash('sha256').update('').digest('hex') },
    ]) {
      expect(await told(await put('length', query, `${body}!`.slice(0, 8)))).toEqual([400, 'InvalidArgument']);
    }
    expect(await get('length')).toBe(body);
  });
});

describe('what protects counts in a presigned URL', () => {
  test('SSE-KMS, DSSE, the bucket key and a context', async () => {
    const kms = 'x-amz-server-side-encryption';
    for (const mode of ['aws:kms', 'aws:kms:dsse', 'AES256']) {
      expect((await put('sse', { [kms]: mode })).status).toBe(200);
      expect((await http.send('HEAD', '/hoisted/sse')).headers.get(kms)).toBe(mode);
    }
    await put('sse', { [kms]: 'aws:kms', [`${kms}-bucket-key-enabled`]: 'true' });
    expect((await http.send('HEAD', '/hoisted/sse')).headers.get(`${kms}-bucket-key-enabled`)).toBe('true');
    const context = Buffer.from('{"aws:s3:arn":"arn:aws:s3:::hoisted/other"}').toString('base64');
    expect(await told(await put('sse', { [kms]: 'aws:kms', [`${kms}-context`]: context }))).toEqual([
      400,
      'InvalidArgument',
    ]);
    expect(await told(await http.send('GET', '/hoisted/sse', { query: { [kms]: 'AES256' } }))).toEqual([
      400,
      'InvalidArgument',
    ]);
  });

  test('Object Lock', async () => {
    const query = { 'X-Amz-Object-Lock-Legal-Hold': 'ON', 'Content-MD5': md5('x') };
    expect((await http.send('PUT', '/locked/held', { query, body: 'x' })).status).toBe(200);
    expect((await http.send('HEAD', '/locked/held')).headers.get('x-amz-object-lock-legal-hold')).toBe('ON');
    const { 'Content-MD5': _, ...bare } = query;
    expect(await told(await http.send('PUT', '/locked/held', { query: bare, body: 'x' }))).toEqual([
      400,
      'InvalidRequest',
    ]);
  });

  test('Object Lock of a bucket, its ACL, and the digest of what is put in it by a body', async () => {
    const query = { 'x-amz-bucket-object-lock-enabled': 'true', 'x-amz-object-ownership': 'BucketOwnerEnforced' };
    expect((await http.send('PUT', '/by-url', { query })).status).toBe(200);
    const lock = await http.send('GET', '/by-url', { query: { 'object-lock': '' } });
    expect(await lock.text()).toContain('<ObjectLockEnabled>Enabled</ObjectLockEnabled>');
    expect(
      await told(await http.send('PUT', '/by-url/k', { query: { 'x-amz-acl': 'public-read' }, body: '' })),
    ).toEqual([400, 'AccessControlListNotSupported']);
    const body = '<Delete><Object><Key>doomed</Key></Object></Delete>';
    const remove = (digest: string) =>
      http.send('POST', '/hoisted', { query: { delete: '', 'Content-MD5': digest }, body });
    await put('doomed', {});
    expect(await told(await remove(md5('')))).toEqual([400, 'BadDigest']);
    expect((await http.send('HEAD', '/hoisted/doomed')).status).toBe(200);
    expect((await remove(md5(body))).status).toBe(200);
    expect((await http.send('HEAD', '/hoisted/doomed')).status).toBe(404);
  });

  test('ACL, tags, storage class and the headers that come back', async () => {
    const query = {
      'x-amz-acl': 'public-read',
      'x-amz-tagging': 'a=1&b=2',
      'x-amz-storage-class': 'STANDARD_IA',
      'Content-Type': 'text/x-a',
      'cache-control': 'no-store',
      'Content-Disposition': 'attachment',
      'Content-Language': 'de',
      'Content-Encoding': 'gzip',
      Expires: TOMORROW,
      'x-amz-meta-a': 'b',
    };
    expect((await put('all', query)).status).toBe(200);
    const { headers } = await http.send('HEAD', '/hoisted/all');
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-amz-tagging-count': '2',
      'x-amz-storage-class': 'STANDARD_IA',
      'content-type': 'text/x-a',
      'cache-control': 'no-store',
      'content-disposition': 'attachment',
      'content-language': 'de',
      'content-encoding': 'gzip',
      expires: TOMORROW,
      'x-amz-meta-a': 'b',
    });
    expect((await fetch(`${http.url}/hoisted/all`)).status).toBe(200);
  });

  const key = randomBytes(32);
  const SSE_C = 'x-amz-server-side-encryption-customer-';
  const secret = { [`${SSE_C}key`]: key.toString('base64'), [`${SSE_C}key-md5`]: md5(key) };

  test('the algorithm of SSE-C, whose key comes in the headers', async () => {
    const query = { [`${SSE_C}algorithm`]: 'AES256' };
    expect((await put('sse-c', query, 'x', secret)).status).toBe(200);
    expect((await http.send('GET', '/hoisted/sse-c')).status).toBe(400);
    expect((await http.send('GET', '/hoisted/sse-c', { query, headers: secret })).status).toBe(200);
    expect(await told(await put('sse-c', query))).toEqual([400, 'InvalidArgument']);
    const other = { [`${SSE_C}algorithm`]: 'AES128' };
    expect(await told(await put('sse-c', other, 'x', { ...secret, ...query }))).toEqual([400, 'InvalidArgument']);
  });

  test('but never its key, which no answer repeats', async () => {
    for (const prefix of [SSE_C, `x-amz-copy-source-server-side-encryption-customer-`, SSE_C.toUpperCase()]) {
      for (const part of ['key', 'key-md5', 'key-MD5']) {
        const query = { [`${prefix}algorithm`]: 'AES256', [`${prefix}${part}`]: key.toString('base64') };
        const answer = await put('sse-c-query', query);
        const text = await answer.text();
        expect([answer.status, text]).toEqual([400, expect.stringContaining('<Code>InvalidArgument</Code>')]);
        const unsigned = `${http.url}${http.presign('PUT', '/hoisted/sse-c-query', { query })}0`;
        const mismatch = await (await fetch(unsigned, { method: 'PUT', body: 'x' })).text();
        for (const said of [text, mismatch, http.log()]) {
          expect(said).not.toContain(key.toString('base64'));
          expect(said).not.toContain(encodeURIComponent(key.toString('base64')));
        }
      }
    }
    expect((await http.send('HEAD', '/hoisted/sse-c-query')).status).toBe(404);
  });
});

describe('a parameter and a header that disagree are refused', () => {
  test.each<[string, Query, Query]>([
    ['an ACL', { 'x-amz-acl': 'private' }, { 'x-amz-acl': 'public-read' }],
    ['a condition', { 'If-None-Match': '*' }, { 'if-none-match': '"1"' }],
    ['encryption', { 'x-amz-server-side-encryption': 'aws:kms' }, { 'x-amz-server-side-encryption': 'AES256' }],
    ['a digest', { 'Content-MD5': md5('y') }, { 'content-md5': md5('x') }],
    ['two parameters', { 'x-amz-acl': 'private', 'X-Amz-Acl': 'public-read' }, {}],
  ])('%s', async (_, query, headers) => {
    expect(await told(await put('twice', query, 'x', headers))).toEqual([400, 'InvalidArgument']);
    expect((await http.send('HEAD', '/hoisted/twice')).status).toBe(404);
  });

  test('and those that agree are one', async () => {
    expect((await put('agreed', { 'X-Amz-Acl': 'private' }, 'x', { 'x-amz-acl': 'private' })).status).toBe(200);
  });

  test('one that comes twice with one spelling is refused, too', async () => {
    const answer = await anonymously('PUT', '/hoisted/twice', '', {});
    expect(answer.status).toBe(200);
    await http.send('DELETE', '/hoisted/twice');
    const url = presignV2('PUT', '/hoisted/twice', 'If-None-Match=*&If-None-Match=%220%22');
    expect(await told(await fetch(url, { method: 'PUT', body: Buffer.from('x') }))).toEqual([400, 'InvalidArgument']);
  });
});

/** What nobody signed as a header, in the query of another request. */
const ELSEWHERE = [
  'If-None-Match=%2A',
  'If-Match=%220%22',
  `Content-MD5=${encodeURIComponent(md5('y'))}`,
  'X-Amz-Object-Lock-Legal-Hold=ON',
  'x-amz-server-side-encryption=aws%3Akms',
  'x-amz-server-side-encryption-customer-algorithm=AES256',
  'x-amz-server-side-encryption-customer-key=AAAA',
  'x-amz-acl=private',
  'x-amz-tagging=a%3D1',
  'x-amz-checksum-crc32=AAAAAA%3D%3D',
  'x-amz-expected-bucket-owner=999999999999',
  'x-amz-copy-source=%2Fhoisted%2Fthere',
  'X-Amz-Expires=1',
  'Content-Type=text%2Fplain',
];
const key = { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET };
const anonymously = (method: string, path: string, query: string, headers: Query) =>
  fetch(`${http.url}${path}${query && `?${query}`}`, { method, headers, ...(method === 'PUT' ? { body: 'x' } : {}) });

test.each(ELSEWHERE)(
  '%s is refused in the query of a request that is signed in its headers, or by nobody',
  async (query) => {
    const path = '/hoisted/elsewhere';
    const signed = await signedRequest(http.port, { method: 'PUT', path, query, body: 'x', key });
    expect([signed.status, signed.text]).toEqual([400, expect.stringContaining('<Code>InvalidArgument</Code>')]);
    expect(await told(await anonymously('PUT', path, query, {}))).toEqual([400, 'InvalidArgument']);
    const date = new Date().toUTCString();
    const text = `PUT\n\ntext/plain;charset=UTF-8\n${date}\n${path}`;
    const authorization = `AWS ${ACCESS_KEY_ID}:${createHmac('sha1', SECRET).update(text).digest('base64')}`;
    expect(await told(await anonymously('PUT', path, query, { date, authorization }))).toEqual([
      400,
      'InvalidArgument',
    ]);
    expect((await http.send('HEAD', path)).status).toBe(404);
  },
);

test('parameters that only look like headers are nobody’s business', async () => {
  await put('page', { 'x-amz-acl': 'public-read' }, 'page');
  for (const query of ['range=7d', 'expires=soon', 'content-type=x', 'v=1']) {
    expect(await (await fetch(`${http.url}/hoisted/page?${query}`)).text()).toBe('page');
  }
});

/** Signature V2 in the query, which signs parameters called `x-amz-`, Content-Type and Content-MD5 as headers. */
function presignV2(method: string, path: string, more = ''): string {
  const until = Math.floor(Date.now() / 1000) + 600;
  const query = new Map(new URLSearchParams(more));
  const request = { method, rawPath: path, rawQuery: more, headers: {} };
  const text = stringToSign(request, { date: String(until), query });
  const signature = encodeURIComponent(createHmac('sha1', SECRET).update(text).digest('base64'));
  return `${http.url}${path}?${more && `${more}&`}AWSAccessKeyId=${ACCESS_KEY_ID}&Expires=${until}&Signature=${signature}`;
}

describe('a URL presigned by Signature V2', () => {
  const send = (method: string, path: string, more: string) =>
    fetch(presignV2(method, path, more), { method, ...(method === 'PUT' ? { body: Buffer.from('x') } : {}) });

  test('carries conditions, digests, encryption and metadata as V4 does', async () => {
    expect((await send('PUT', '/hoisted/there', 'If-None-Match=%2A')).status).toBe(412);
    expect((await send('GET', '/hoisted/there', 'If-Match=%220%22')).status).toBe(412);
    for (const name of ['Content-MD5', 'content-md5']) {
      const wrong = await send('PUT', '/hoisted/v2', `${name}=${encodeURIComponent(md5('y'))}`);
      expect(await told(wrong), name).toEqual([400, 'BadDigest']);
    }
    expect((await send('PUT', '/hoisted/v2', 'x-amz-meta-a=b&Content-Type=text%2Fx-a&x-amz-acl=private')).status).toBe(
      200,
    );
    const { headers } = await http.send('HEAD', '/hoisted/v2');
    expect([headers.get('x-amz-meta-a'), headers.get('content-type'), headers.get('expires')]).toEqual([
      'b',
      'text/x-a',
      null,
    ]);
  });

  test.each(['X-Amz-Expires=1', 'x-amz-content-sha256=UNSIGNED-PAYLOAD', 'X-Amz-SignedHeaders=host'])(
    'has no use for %s of V4',
    async (more) => {
      expect(await told(await send('PUT', '/hoisted/v2-refused', more))).toEqual([400, 'InvalidArgument']);
    },
  );
});

test('a form says what it wants in its fields: beside it, it is refused', async () => {
  const send = (query: string, headers: Query) => {
    const form = new FormData();
    form.set('key', 'by-form');
    form.set('file', 'x');
    return fetch(`${http.url}/hoisted${query}`, { method: 'POST', body: form, headers });
  };
  expect((await send('', {})).status).toBe(204);
  await http.send('DELETE', '/hoisted/by-form');
  const SSE_C = 'x-amz-server-side-encryption-customer-';
  const keyBytes = randomBytes(32);
  for (const [query, headers] of [
    ['?x-amz-acl=private', {}],
    ['?If-None-Match=*', {}],
    ['', { 'x-amz-acl': 'private' }],
    ['', { 'if-none-match': '*' }],
    ['', { 'x-amz-object-lock-mode': 'GOVERNANCE' }],
    ['', { 'x-amz-server-side-encryption': 'aws:kms' }],
    [
      '',
      {
        [`${SSE_C}algorithm`]: 'AES256',
        [`${SSE_C}key`]: keyBytes.toString('base64'),
        [`${SSE_C}key-md5`]: md5(keyBytes),
      },
    ],
  ] as [string, Query][]) {
    expect(await told(await send(query, headers)), JSON.stringify([query, headers])).toEqual([400, 'InvalidArgument']);
  }
  expect((await http.send('HEAD', '/hoisted/by-form')).status).toBe(404);
});

test.each([
  ['a line', { [redirect]: 'http://a/\nb: c' }, redirect],
  ['a NUL', { 'X-Amz-Meta-A': 'a\0b' }, 'X-Amz-Meta-A'],
  ['a name that is none', { 'x-amz-meta-a b\nc': 'v' }, 'x-amz-meta-a b\nc'],
  ['a name beyond ASCII', { 'x-amz-meta-é': 'v' }, 'x-amz-meta-é'],
])('%s is refused where it would make an object that nobody can read', async (_, query, argument) => {
  const answer = await put('refused', query as Query);
  const text = await answer.text();
  expect([answer.status, text]).toEqual([400, expect.stringContaining('<Code>InvalidArgument</Code>')]);
  expect(text).toContain(`<ArgumentName>${argument}</ArgumentName>`);
  expect((await http.send('GET', '/hoisted/refused')).status).toBe(404);
});
test('text beyond ASCII is what it is in a header', async () => {
  expect((await put('text', { 'x-amz-meta-a': '€', [redirect]: '/é' })).status).toBe(200);
  const { headers, status } = await http.send('GET', '/hoisted/text');
  expect(status).toBe(200);
  expect(headers.get('x-amz-meta-a')).toBe('=?UTF-8?Q?=E2=82=AC?=');
  expect(Buffer.from(headers.get(redirect)!, 'latin1').toString('utf8')).toBe('/é');
});

test.each(['€', 'a\r\nb: c', '\0'])('an override that no header can carry is refused: %j', async (value) => {
  await put('override', {});
  for (const method of ['GET', 'HEAD']) {
    const query = { 'response-content-disposition': value };
    const answer = await http.send(method, '/hoisted/override', { query });
    expect(answer.status).toBe(400);
    if (method === 'HEAD') continue;
    const text = await answer.text();
    expect(text).toContain('<Message>Header value cannot be represented using ISO-8859-1.</Message>');
    expect(text).toContain('<ArgumentName>response-content-disposition</ArgumentName>');
  }
});

test('an override of latin1 is answered', async () => {
  await put('override', {});
  const answer = await http.send('GET', '/hoisted/override', { query: { 'response-content-disposition': 'é' } });
  expect([answer.status, answer.headers.get('content-disposition')]).toEqual([200, 'é']);
});

test('metadata may be called as JavaScript calls a prototype', async () => {
  const headers = { 'x-amz-meta-__proto__': 'v', 'x-amz-meta-constructor': 'w' };
  expect((await http.send('PUT', '/hoisted/proto', { headers, body: 'x' })).status).toBe(200);
  const copy = { 'x-amz-copy-source': '/hoisted/proto' };
  expect((await http.send('PUT', '/hoisted/proto-copy', { headers: copy })).status).toBe(200);
  for (const key of ['proto', 'proto-copy']) {
    const answer = await http.send('GET', `/hoisted/${key}`);
    expect(Object.keys(headers).map((name) => answer.headers.get(name))).toEqual(['v', 'w']);
  }
});
