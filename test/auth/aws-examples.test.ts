import { describe, expect, test } from 'vitest';
import { type AuthOptions, authenticate } from '../../src/auth/authenticate.js';
import { AuthError } from '../../src/auth/error.js';
import { ANONYMOUS, type SignedRequest } from '../../src/auth/ports.js';
import { ManualClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';
import type { BodySource } from '../../src/base/stream.js';

// The examples of AWS's own documentation of Signature V4 for S3 (sig-v4-header-based-auth, sigv4-query-string-auth,
// sigv4-streaming, sigv4-streaming-trailers), with its example key.
const accessKeyId = 'AKIAIOSFODNN7EXAMPLE';
const secretAccessKey = new Secret(Buffer.from('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'));
const caller = { ...ANONYMOUS, kind: 'root' as const, accountId: '1', accessKeyId };
const DATE = '20130524T000000Z';
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const options = (change: Partial<AuthOptions> = {}): AuthOptions => ({
  credentials: { find: (id) => (id === accessKeyId ? { accessKeyId, secretAccessKey, caller } : undefined) },
  clock: new ManualClock(Date.parse('2013-05-24T00:00:00Z')),
  region: 'us-east-1',
  service: 's3',
  ...change,
});

function signed(
  method: string,
  rawPath: string,
  rawQuery: string,
  headers: Record<string, string>,
  names: string,
  signature: string,
): SignedRequest {
  const scope = `${accessKeyId}/20130524/us-east-1/s3/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=${names},Signature=${signature}`;
  return { method, rawPath, rawQuery, headers: { ...headers, 'x-amz-date': DATE, authorization } };
}

const code = (request: SignedRequest, change: Partial<AuthOptions> = {}): string => {
  try {
    authenticate(request, options(change));
    return 'accepted';
  } catch (error) {
    if (error instanceof AuthError) return error.code;
    throw error;
  }
};

const host = 'examplebucket.s3.amazonaws.com';
const get = signed(
  'GET',
  '/test.txt',
  '',
  { host, range: 'bytes=0-9', 'x-amz-content-sha256': EMPTY },
  'host;range;x-amz-content-sha256;x-amz-date',
  'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
);
const presigned: SignedRequest = {
  method: 'GET',
  rawPath: '/test.txt',
  rawQuery: `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${accessKeyId}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=${DATE}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`,
  headers: { host },
};

describe('AWS’s examples are accepted', () => {
  test.each<[string, SignedRequest]>([
    ['GET an object', get],
    [
      'PUT an object',
      signed(
        'PUT',
        '/test$file.text',
        '',
        {
          host,
          date: 'Fri, 24 May 2013 00:00:00 GMT',
          'x-amz-storage-class': 'REDUCED_REDUNDANCY',
          'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
        },
        'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
        '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      ),
    ],
    [
      'GET a bucket’s lifecycle',
      signed(
        'GET',
        '/',
        'lifecycle',
        { host, 'x-amz-content-sha256': EMPTY },
        'host;x-amz-content-sha256;x-amz-date',
        'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
      ),
    ],
    [
      'list a bucket',
      signed(
        'GET',
        '/',
        'max-keys=2&prefix=J',
        { host, 'x-amz-content-sha256': EMPTY },
        'host;x-amz-content-sha256;x-amz-date',
        '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
      ),
    ],
    ['a presigned URL', presigned],
  ])('%s', (_name, request) => expect(authenticate(request, options()).caller.accountId).toBe('1'));
});

describe('any change is refused', () => {
  test.each<[string, Partial<SignedRequest>]>([
    ['method', { method: 'PUT' }],
    ['path', { rawPath: '/test.tx' }],
    ['query', { rawQuery: 'versionId=1' }],
    ['a signed header', { headers: { ...get.headers, range: 'bytes=0-8' } }],
    ['the host', { headers: { ...get.headers, host: 'other.s3.amazonaws.com' } }],
  ])('of %s', (_name, change) => expect(code({ ...get, ...change })).toBe('SignatureDoesNotMatch'));

  test('of what is signed at all: an unsigned x-amz header', () => {
    expect(code({ ...get, headers: { ...get.headers, 'x-amz-acl': 'public-read' } })).toBe('AccessDenied');
  });

  test('of the time, the region, the service, the key and the mechanism', () => {
    const at = (iso: string) => ({ clock: new ManualClock(Date.parse(iso)) });
    expect(code(get, at('2013-05-24T00:15:00Z'))).toBe('accepted');
    expect(code(get, at('2013-05-24T00:15:01Z'))).toBe('RequestTimeTooSkewed');
    expect(code(get, at('2013-05-23T23:44:59Z'))).toBe('RequestTimeTooSkewed');
    expect(code(presigned, at('2013-05-25T00:00:00Z'))).toBe('accepted');
    expect(code(presigned, at('2013-05-25T00:00:01Z'))).toBe('AccessDenied');
    expect(code(get, { region: 'eu-west-1' })).toBe('AuthorizationHeaderMalformed');
    expect(code(presigned, { region: 'eu-west-1' })).toBe('AuthorizationQueryParametersError');
    expect(code(get, { credentials: { find: () => undefined } })).toBe('InvalidAccessKeyId');
    expect(code({ ...get, headers: { ...get.headers, authorization: 'AWS AKID:signature' } })).toBe('InvalidRequest');
    expect(code({ ...get, rawQuery: presigned.rawQuery })).toBe('InvalidArgument');
    expect(code({ ...get, headers: { ...get.headers, 'x-amz-security-token': 'x' } })).toBe('InvalidToken');
  });
});

const CRLF = '\r\n';
const chunk = (size: number, signature: string): string =>
  `${size.toString(16)};chunk-signature=${signature}${CRLF}${'a'.repeat(size)}${CRLF}`;
const streamHeaders = {
  host: 's3.amazonaws.com',
  'x-amz-storage-class': 'REDUCED_REDUNDANCY',
  'content-encoding': 'aws-chunked',
  'x-amz-decoded-content-length': '66560',
};
const streaming = {
  request: signed(
    'PUT',
    '/examplebucket/chunkObject.txt',
    '',
    { ...streamHeaders, 'content-length': '66824', 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' },
    'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class',
    '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
  ),
  body:
    chunk(65_536, 'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648') +
    chunk(1024, '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497') +
    chunk(0, 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'),
};
const trailing = {
  request: signed(
    'PUT',
    '/examplebucket/chunkObject.txt',
    '',
    {
      ...streamHeaders,
      'x-amz-trailer': 'x-amz-checksum-crc32c',
      'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    },
    'content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer',
    '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
  ),
  body:
    chunk(65_536, 'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2') +
    chunk(1024, '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7') +
    `0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992${CRLF}` +
    `x-amz-checksum-crc32c:sOO8/Q==${CRLF}x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435${CRLF}${CRLF}`,
};

/** Pumps a body that arrives in pieces of `step` bytes. */
async function receive(
  request: SignedRequest,
  body: string,
  step: number,
): Promise<{ bytes: number; trailers: ReadonlyMap<string, string> }> {
  const wire = Buffer.from(body, 'latin1');
  const raw: BodySource = {
    length: wire.length,
    async pump(sink) {
      for (let i = 0; i < wire.length; i += step) await sink(wire.subarray(i, i + step));
      return { trailers: new Map() };
    },
  };
  let bytes = 0;
  const end = await authenticate(request, options())
    .wrapBody(raw)
    .pump((piece) => {
      expect(/^a*$/.test(piece.toString('latin1'))).toBe(true);
      bytes += piece.length;
    });
  return { bytes, trailers: end.trailers };
}

describe('a streamed body', () => {
  test.each([1 << 20, 65_536, 1000, 17])(
    'of AWS’s example is verified chunk by chunk, arriving %i bytes at a time',
    async (step) => {
      expect((await receive(streaming.request, streaming.body, step)).bytes).toBe(66_560);
      const withTrailer = await receive(trailing.request, trailing.body, step);
      expect(withTrailer.bytes).toBe(66_560);
      expect(withTrailer.trailers.get('x-amz-checksum-crc32c')).toBe('sOO8/Q==');
    },
  );

  test.each<[string, (body: string) => string]>([
    ['with a byte of data changed', (body) => body.replace('aaaa', 'aaba')],
    ['with a chunk’s signature changed', (body) => body.replace('ad80c7', 'ad80c8').replace('b474d8', 'b474d9')],
    ['without its last chunk', (body) => body.slice(0, body.lastIndexOf('0;chunk'))],
    ['cut in the middle', (body) => body.slice(0, 30_000)],
    ['with bytes behind its end', (body) => `${body}more`],
    ['without signatures', (body) => body.replaceAll(/;chunk-signature=[0-9a-f]{64}/g, '')],
    ['with a negative size', (body) => body.replace(/^10000/, '-1')],
    ['with a size beyond all bounds', (body) => body.replace(/^10000/, 'fffffffffffffff')],
    ['with its trailer changed', (body) => body.replace('sOO8', 'sOO9').replace('b6c6ea', 'b6c6eb')],
    ['with its trailer’s signature changed', (body) => body.replace('d81f82', 'd81f83').replace('b6c6ea', 'b6c6eb')],
  ])('%s is refused', async (_name, change) => {
    for (const { request, body } of [streaming, trailing]) {
      const changed = change(body);
      expect(changed).not.toBe(body);
      await expect(
        receive(request, changed, 4096).catch((error) => Promise.reject(error.constructor.name)),
      ).rejects.toMatch(/AuthError|AssertionError|JestAssertionError/);
    }
  });
});
