import { createHash, randomBytes } from 'node:crypto';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Http, serve } from './harness.js';

const KiB = 1024;
let http: Http;

beforeAll(async () => {
  http = await serve({ COFFER_DOMAIN: 's3.test' });
  expect((await http.send('PUT', '/wire')).status).toBe(200);
  expect((await http.send('PUT', '/wire/small', { body: 'a small body' })).status).toBe(200);
});
afterAll(() => http.close());

/** The head of a raw request. */
const head = (line: string, ...headers: string[]): string => headTo(http.host, line, ...headers);
const headTo = (host: string, line: string, ...headers: string[]): string =>
  `${[`${line} HTTP/1.1`, `Host: ${host}`, ...headers].join('\r\n')}\r\n\r\n`;

/** Sends bytes and reads until the server ends the connection. */
async function exchange(...parts: (string | Buffer)[]): Promise<string> {
  const connection = await http.connect();
  for (const part of parts) connection.write(part);
  return connection.untilEnd();
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
const codeOf = (answer: string): string | undefined => /<Code>(\w+)<\/Code>/.exec(answer)?.[1];

const keysOf = async (prefix: string): Promise<string[]> => {
  const answer = await http.send('GET', '/wire', { query: { 'list-type': '2', prefix } });
  return [...(await answer.text()).matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key!);
};

describe('answers', () => {
  test('carry request ids, and errors are XML that repeats them', async () => {
    const answer = await request(http.url)
      .get('/no-such-bucket/k')
      .expect(404)
      .expect('content-type', 'application/xml');
    const id = answer.headers['x-amz-request-id'];
    expect(id).toMatch(/^[0-9A-F]{16}$/);
    expect(answer.headers.server).toBe('Coffer');
    expect(answer.headers['x-powered-by']).toBeUndefined();
    expect(answer.text).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message><BucketName>no-such-bucket</BucketName><RequestId>${id}</RequestId><HostId>${answer.headers['x-amz-id-2']}</HostId></Error>`,
    );
  });

  test('to HEAD have no body, errors included', async () => {
    const missing = await http.send('HEAD', '/wire/none');
    expect([missing.status, await missing.text()]).toEqual([404, '']);
    const there = await http.send('HEAD', '/wire/small');
    expect([there.status, there.headers.get('content-length'), await there.text()]).toEqual([200, '12', '']);
  });

  test('304 have neither body nor length', async () => {
    const etag = (await http.send('HEAD', '/wire/small')).headers.get('etag')!;
    const target = http.presign('GET', '/wire/small');
    const text = await exchange(head(`GET ${target}`, `If-None-Match: ${etag}`, 'Connection: close'));
    expect(text).toMatch(/^HTTP\/1\.1 304 /);
    expect(text).not.toMatch(/content-length/i);
    expect(text.endsWith('\r\n\r\n')).toBe(true);
  });

  test.each([
    ['an unknown method', 'PATCH', '/wire/small', 405, 'MethodNotAllowed'],
    ['a sub-resource that is not there yet', 'GET', '/wire?metadataTable', 501, 'NotImplemented'],
    ['a sub-resource on the wrong level', 'GET', '/wire/small?versioning', 400, 'InvalidRequest'],
    ['an impossible bucket name', 'GET', '/No_Bucket/k', 400, 'InvalidBucketName'],
    ['a path without a bucket', 'GET', '//small', 400, 'InvalidBucketName'],
    ['a broken escape', 'GET', '/wire/%zz', 400, 'InvalidURI'],
    ['a POST that is no form', 'POST', '/wire', 412, 'PreconditionFailed'],
    ['a form to an object', 'POST', '/wire/small', 405, 'MethodNotAllowed'],
  ])('to %s', async (_name, method, target, status, code) => {
    const answer = await fetch(http.url + target, { method });
    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain(`<Code>${code}</Code>`);
  });

  test('an error before the first byte of a body is an error, not an empty 200', async () => {
    const answer = await http.send('GET', '/wire/small', { query: { 'response-content-type': 'a\r\nx: y' } });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.headers.get('x')).toBeNull();
  });
});

describe('addressing', () => {
  const KEYS = [
    'a b+c',
    'x//y/',
    'up/..',
    'nul\0',
    '100%',
    '🔒',
    'smörgås',
    "!*'()",
    'a?b#c&d=e',
    '.',
    '/-/health',
    '-/health',
  ];

  test.each(KEYS)('key %j is the same object by path and by virtual host', async (key) => {
    const put = http.presign('PUT', `/wire/${key}`);
    const body = Buffer.from(key);
    const stored = await exchange(head(`PUT ${put}`, `Content-Length: ${body.length}`, 'Connection: close'), body);
    expect(statusOf(stored)).toBe(200);
    const host = `wire.s3.test:${http.port}`;
    const get = http.presign('GET', `/${key}`, { host });
    const answer = await exchange(headTo(host, `GET ${get}`, 'Connection: close'));
    expect(statusOf(answer)).toBe(200);
    expect(Buffer.from(answer.split('\r\n\r\n')[1]!, 'latin1').toString('utf8')).toBe(key);
  });
});

describe('presigned parameters', () => {
  test('that are headers in disguise count as headers; checksums among them do not', async () => {
    const query = {
      'x-amz-meta-colour': 'green',
      'x-amz-checksum-crc32': 'AAAAAA==',
      'x-amz-sdk-checksum-algorithm': 'CRC32',
    };
    expect((await http.send('PUT', '/wire/hoisted', { body: 'not empty', query })).status).toBe(200);
    expect((await http.send('HEAD', '/wire/hoisted')).headers.get('x-amz-meta-colour')).toBe('green');
  });

  test('never carry a customer key', async () => {
    const key = randomBytes(32);
    const query = {
      'x-amz-server-side-encryption-customer-algorithm': 'AES256',
      'x-amz-server-side-encryption-customer-key': key.toString('base64'),
      'x-amz-server-side-encryption-customer-key-MD5': createHash('md5').update(key).digest('base64'),
    };
    expect((await http.send('PUT', '/wire/no-customer-key', { body: 'x', query })).status).toBe(400);
    const { headers } = await http.send('HEAD', '/wire/no-customer-key');
    expect(headers.get('x-amz-server-side-encryption-customer-algorithm')).toBeNull();
  });
});

describe('100 Continue', () => {
  test('is sent once the request is found good', async () => {
    const connection = await http.connect();
    connection.write(
      head(`PUT ${http.presign('PUT', '/wire/continued')}`, 'Content-Length: 4', 'Expect: 100-continue'),
    );
    expect(await connection.until(/\r\n\r\n/)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    connection.write('body');
    await connection.until(/HTTP\/1\.1 200 OK/);
    connection.destroy();
  });

  test('is not sent to a refused one, which ends the connection', async () => {
    const target = `${http.presign('PUT', '/wire/refused')}0`;
    const connection = await http.connect();
    connection.write(head(`PUT ${target}`, 'Content-Length: 4', 'Expect: 100-continue'));
    const answer = await connection.until(/<\/Error>/);
    expect(statusOf(answer)).toBe(403);
    expect(answer).toMatch(/connection: close/i);
    connection.destroy();
  });
});

describe('bodies', () => {
  test('a refused upload gets its answer while it is still being sent', async () => {
    const target = `${http.presign('PUT', '/wire/large')}0`;
    const connection = await http.connect();
    const size = 8 * 1024 * KiB;
    connection.write(head(`PUT ${target}`, `Content-Length: ${size}`));
    for (let sent = 0; sent < size; sent += 64 * KiB) connection.write(Buffer.alloc(64 * KiB));
    const answer = await connection.untilEnd();
    expect(codeOf(answer)).toBe('SignatureDoesNotMatch');
    expect(answer).toMatch(/<\/Error>$/);
  });

  test('that are wrong in their middle get their answer too', async () => {
    // MaxMessageLengthExceeded comes only when 2 MiB have arrived, the body in chunks of unknown sum.
    const connection = await http.connect();
    const target = http.presign('PUT', '/wire', { query: { versioning: '' } });
    connection.write(head(`PUT ${target}`, 'Transfer-Encoding: chunked'));
    for (let i = 0; i < 64; i++) connection.write(`10000\r\n${'x'.repeat(64 * KiB)}\r\n`);
    connection.write('0\r\n\r\n');
    expect(codeOf(await connection.untilEnd())).toBe('MaxMessageLengthExceeded');
  });

  test('of no declared length are MissingContentLength', async () => {
    const connection = await http.connect();
    connection.write(head(`PUT ${http.presign('PUT', '/wire/chunked')}`, 'Transfer-Encoding: chunked'));
    const answer = await connection.until(/<\/Error>/);
    expect([statusOf(answer), codeOf(answer)]).toEqual([411, 'MissingContentLength']);
    connection.destroy();
  });

  test('that end early leave nothing, and the server goes on', async () => {
    const connection = await http.connect();
    connection.write(
      head(`PUT ${http.presign('PUT', '/wire/early')}`, 'Content-Length: 100000', 'Expect: 100-continue'),
    );
    await connection.until(/100 Continue/);
    connection.write('x'.repeat(5000));
    connection.destroy();
    await expect.poll(() => http.log()).toMatch(/"operation":"PutObject"[^\n]*"error":"IncompleteBody"/);
    expect(await keysOf('early')).toEqual([]);
  });

  test('whose chunks are malformed get a 400 and leave nothing', async () => {
    const target = http.presign('PUT', '/wire', { query: { versioning: '' } });
    const answer = await exchange(head(`PUT ${target}`, 'Transfer-Encoding: chunked'), 'ZZ\r\nnonsense\r\n');
    expect(statusOf(answer)).toBe(400);
  });

  test('a client that leaves while it is answered ends only its own request', async () => {
    const size = 32 * 1024 * KiB;
    expect((await http.send('PUT', '/wire/huge', { body: Buffer.alloc(size) })).status).toBe(200);
    const connection = await http.connect();
    connection.write(head(`GET ${http.presign('GET', '/wire/huge')}`));
    await connection.until(/200 OK/);
    connection.destroy();
    await expect.poll(() => http.log()).toMatch(/"operation":"GetObject","status":0/);
    const whole = await http.send('GET', '/wire/huge');
    expect((await whole.arrayBuffer()).byteLength).toBe(size);
  });
});

describe('what no client should send', () => {
  test('a header section of 1 MiB is RequestHeaderSectionTooLarge', async () => {
    const answer = await exchange(head('GET /wire/small', `x-large: ${'x'.repeat(1024 * KiB)}`));
    expect([statusOf(answer), codeOf(answer)]).toEqual([400, 'RequestHeaderSectionTooLarge']);
  });

  test.each([
    ['nonsense', 'nonsense\r\n\r\n'],
    ['two lengths', 'PUT /wire/k HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['a negative length', 'PUT /wire/k HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n'],
    ['an overflowing length', 'PUT /wire/k HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n'],
    ['length and chunks', 'PUT /wire/k HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a target that is not escaped', 'GET /wire/\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['no host', 'GET /wire/small HTTP/1.1\r\n\r\n'],
    ['two hosts', 'GET /wire/small HTTP/1.1\r\nHost: a\r\nhOST: b\r\nConnection: close\r\n\r\n'],
    [
      'two authorizations',
      'GET /wire/small HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nauthorization: b\r\nConnection: close\r\n\r\n',
    ],
  ])('%s is a 400', async (_name, bytes) => expect(statusOf(await exchange(bytes))).toBe(400));

  test('nonsense behind a request on the same connection never ends up in its answer', async () => {
    const size = 32 * 1024 * KiB;
    await http.send('PUT', '/wire/huge', { body: Buffer.alloc(size, 'z') });
    const connection = await http.connect();
    connection.write(head(`GET ${http.presign('GET', '/wire/huge')}`));
    await connection.until(/200 OK/);
    connection.socket.pause();
    connection.write('nonsense\r\n\r\n');
    connection.socket.resume();
    const answers = await connection.untilEnd();
    const at = answers.indexOf('\r\n\r\n') + 4;
    expect(answers.slice(0, at)).toMatch(/Content-Length: 33554432/);
    expect(answers.slice(at, at + size).replaceAll('z', '')).toBe('');
    expect(answers.slice(at + size)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('nonsense behind a request that is not answered yet is answered behind it', async () => {
    const answer = await exchange(`${head(`GET ${http.presign('GET', '/wire/small')}`)}nonsense\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/a small bodyHTTP\/1\.1 400 Bad Request\r\n/);
    expect(codeOf(answer)).toBe('BadRequest');
  });
});

describe('pages of Coffer’s own', () => {
  test('tell health, readiness and figures', async () => {
    await request(http.url).get('/-/health').expect(200, 'ok\n');
    await request(http.url).get('/-/ready').expect(200, 'ready\n');
    const { text } = await request(http.url)
      .get('/-/metrics')
      .expect(200)
      .expect('content-type', /^text\/plain/);
    expect(text).toMatch(/^coffer_requests_total\{operation="PutObject",status="2xx"\} [1-9]/m);
    expect(text).toMatch(/^coffer_requests_in_flight 1$/m);
    for (const line of text.trim().split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? [\d.e+-]+)$/);
    await request(http.url).get('/-/other').expect(404);
    await request(http.url).post('/-/health').expect(405);
  });

  test('are keys like others on the host of a bucket', async () => {
    const answer = await exchange(headTo('wire.s3.test', 'GET /-/health', 'Connection: close'));
    expect(codeOf(answer)).toBe('AccessDenied');
  });
});

test('the log has a line for each request, without query, signature, header or customer key', async () => {
  const key = randomBytes(32);
  const md5 = createHash('md5').update(key).digest('base64');
  const headers = {
    'x-amz-server-side-encryption-customer-algorithm': 'AES256',
    'x-amz-server-side-encryption-customer-key': key.toString('base64'),
    'x-amz-server-side-encryption-customer-key-md5': md5,
    'x-amz-meta-private': 'metadata-in-the-log',
  };
  expect((await http.send('PUT', '/wire/sealed', { body: 'x', headers })).status).toBe(200);
  const target = http.presign('GET', '/wire/sealed', { headers });
  expect((await fetch(http.url + target, { headers })).status).toBe(200);
  // Refused by its signature: the answer repeats what was signed.
  const refused = await fetch(`${http.url}${target}0`, { headers });
  expect(refused.status).toBe(403);
  const answer = await refused.text();
  for (const secret of [key.toString('base64'), md5]) expect(answer).not.toContain(secret);
  const line = http
    .log()
    .split('\n')
    .filter((one) => one.includes('"operation":"GetObject","status":200'))
    .at(-1)!;
  expect(JSON.parse(line)).toMatchObject({
    method: 'GET',
    bucket: 'wire',
    caller: 'arn:aws:iam::000000000000:root',
    sentBytes: 1,
    id: expect.stringMatching(/^[0-9A-F]{16}$/),
  });
  const signature = /X-Amz-Signature=(\w+)/.exec(target)![1]!;
  for (const secret of [key.toString('base64'), md5, key.toString('hex'), signature, 'X-Amz', 'metadata-in-the-log']) {
    expect(http.log()).not.toContain(secret);
  }
});

test('closing lets a request in flight finish, and takes no new ones', async () => {
  const own = await serve();
  await own.send('PUT', '/closing');
  const connection = await own.connect();
  const hostLine = `Host: ${own.host}`;
  connection.write(
    `PUT ${own.presign('PUT', '/closing/k')} HTTP/1.1\r\n${hostLine}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`,
  );
  await connection.until(/100 Continue/);
  const idle = await own.connect();
  idle.write(`GET /-/health HTTP/1.1\r\n${hostLine}\r\n\r\n`);
  await idle.until(/ok\n/);
  const closed = own.close();
  await idle.untilEnd();
  await expect(own.connect()).rejects.toThrow(/ECONNREFUSED/);
  connection.write('body');
  expect(await connection.untilEnd()).toMatch(/HTTP\/1\.1 200 OK/);
  await closed;
});
