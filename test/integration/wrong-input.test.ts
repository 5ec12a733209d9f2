import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formBody, postForm, signedFields } from '../support/form.js';
import { refusal } from '../support/s3-error.js';
import { credentials, startServer, type TestServer } from '../support/server.js';
import { signedRequest } from '../support/signed-request.js';

let server: TestServer;
let s3: S3Client;
const Bucket = 'wrong-input';

beforeAll(async () => {
  server = await startServer({ env: { COFFER_DOMAIN: 's3.test' } });
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'there', Body: 'still here' }));
});
afterAll(() => server?.close());

/** Raw bytes in, everything that comes back out. `cut`: the client leaves when it has sent all, or when that has come. */
function raw(bytes: string | Buffer, cut?: 'sent' | RegExp): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(server.port, '127.0.0.1');
    let text = '';
    const done = (): void => {
      socket.destroy();
      resolve(text);
    };
    socket.on('data', (chunk) => {
      text += chunk;
      if (cut instanceof RegExp && cut.test(text)) done();
      if (/\r\n\r\n/.test(text) && /Connection: close|<\/Error>/i.test(text)) done();
    });
    socket.on('close', done);
    socket.on('error', done);
    socket.write(bytes, () => {
      if (cut === 'sent') done();
    });
  });
}

const presigned = async (Key: string): Promise<URL> =>
  new URL(await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key }), { expiresIn: 600 }));
const put = (url: URL, headers: string): string =>
  `PUT ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n${headers}\r\n\r\n`;
const absent = async (Key: string): Promise<void> => {
  expect(await refusal(s3.send(new HeadObjectCommand({ Bucket, Key })))).toMatchObject({ status: 404 });
};

describe('a lock that Coffer doesn’t have', () => {
  const hold = { 'x-amz-object-lock-event-hold': 'ON' };
  test('is refused by its name in a header, a presigned URL and a form, and nothing is stored', async () => {
    const refused = async (answer: { status: number; text: string }): Promise<void> => {
      expect(answer.status).toBe(501);
      expect(answer.text).toContain('<Header>x-amz-object-lock-event-hold</Header>');
      await absent('held');
    };
    const path = `/${Bucket}/held`;
    await refused(
      await signedRequest(server.port, { method: 'PUT', path, headers: hold, body: 'x', key: credentials }),
    );
    await refused(
      await signedRequest(server.port, {
        method: 'POST',
        path,
        query: 'uploads',
        headers: hold,
        key: credentials,
      }),
    );
    const command = new PutObjectCommand({ Bucket, Key: 'held' });
    command.middlewareStack.add(
      (next) => (args) => {
        Object.assign((args.request as { headers: object }).headers, hold);
        return next(args);
      },
      { step: 'build' },
    );
    const url = await getSignedUrl(s3, command, { expiresIn: 60 });
    expect(url).toContain('x-amz-object-lock-event-hold=ON');
    const answer = await fetch(url, { method: 'PUT', body: 'x' });
    await refused({ status: answer.status, text: await answer.text() });
    const fields = signedFields(credentials, Bucket, { key: 'held', ...hold });
    await refused(await postForm(`${server.url}/${Bucket}`, formBody(fields, { content: 'x' })));
  });
});

describe('a request that is no HTTP', () => {
  test.each([
    ['garbage', 'NOT HTTP AT ALL\r\n\r\n', /^HTTP\/1\.1 400/],
    [
      '1 MiB of headers',
      `GET / HTTP/1.1\r\nHost: x\r\n${'X-Filler: '.padEnd(1024, 'y').concat('\r\n').repeat(1024)}\r\n`,
      /RequestHeaderSectionTooLarge/,
    ],
    [
      'two lengths',
      'PUT /wrong-input/k HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      /^HTTP\/1\.1 400/,
    ],
    ['a negative length', 'PUT /wrong-input/k HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', /^HTTP\/1\.1 400/],
    [
      'an overflowing length',
      'PUT /wrong-input/k HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n',
      /^HTTP\/1\.1 400/,
    ],
    [
      'a length and chunks',
      'PUT /wrong-input/k HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      /^HTTP\/1\.1 400/,
    ],
    ['broken percent-encoding', 'GET /wrong-input/%zz HTTP/1.1\r\nHost: x\r\n\r\n', /InvalidURI/],
    ['invalid UTF-8 in the key', 'GET /wrong-input/%ff HTTP/1.1\r\nHost: x\r\n\r\n', /InvalidURI/],
  ])('%s is answered 400', async (_name, bytes, answer) => {
    expect(await raw(bytes)).toMatch(answer);
  });
});

describe('a body', () => {
  test('without a length is 411', async () => {
    expect(
      await raw(
        put(await presigned('no-length'), 'Transfer-Encoding: chunked\r\nConnection: close').concat('0\r\n\r\n'),
      ),
    ).toMatch(/^HTTP\/1\.1 411[\s\S]*MissingContentLength/);
    await absent('no-length');
  });

  test('above 5 GiB is EntityTooLarge before a byte of it', async () => {
    expect(await raw(put(await presigned('huge'), `Content-Length: ${5 * 1024 ** 3 + 1}`))).toMatch(
      /^HTTP\/1\.1 400[\s\S]*EntityTooLarge/,
    );
  });

  test('of a refused upload is never asked for', async () => {
    const url = await presigned('refused');
    url.searchParams.set('X-Amz-Signature', '0'.repeat(64));
    const answer = await raw(put(url, 'Content-Length: 1000\r\nExpect: 100-continue'));
    expect(answer).toMatch(/^HTTP\/1\.1 403/);
    expect(answer).not.toContain('100 Continue');
    const accepted = await raw(
      put(await presigned('accepted'), 'Content-Length: 1000\r\nExpect: 100-continue'),
      /100 Continue/,
    );
    expect(accepted).toMatch(/^HTTP\/1\.1 100 Continue/);
  });

  test.each([100, 3_000_000, 9_000_000])('that stops after half of %i bytes leaves nothing behind', async (size) => {
    const key = `cut-${size}`;
    await raw(
      Buffer.concat([Buffer.from(put(await presigned(key), `Content-Length: ${size}`)), randomBytes(size / 2)]),
      'sent',
    );
    await absent(key);
    const listed = await s3.send(new ListObjectsV2Command({ Bucket }));
    expect(listed.Contents?.map((one) => one.Key)).toEqual(['there']);
    expect((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads).toBeUndefined();
  });

  test('that does not match its checksum or MD5 is refused and not stored', async () => {
    const wrong = (extra: object) =>
      refusal(s3.send(new PutObjectCommand({ Bucket, Key: 'digest', Body: 'body', ...extra })));
    expect(await wrong({ ContentMD5: createHash('md5').update('other').digest('base64') })).toMatchObject({
      status: 400,
      code: 'BadDigest',
    });
    expect(await wrong({ ContentMD5: 'not-base64!' })).toMatchObject({ status: 400, code: 'InvalidDigest' });
    expect(await wrong({ ChecksumSHA256: createHash('sha256').update('other').digest('base64') })).toEqual({
      status: 400,
      code: 'BadDigest',
      message: 'The SHA256 you specified did not match the calculated checksum.',
    });
    expect(await wrong({ ChecksumCRC32: 'x' })).toMatchObject({ status: 400, code: 'InvalidRequest' });
    await absent('digest');
  });
});

describe('XML', () => {
  const xml = (body: string) =>
    signedRequest(server.port, { method: 'PUT', path: `/${Bucket}`, query: 'versioning', body, key: credentials });

  test.each([
    ['nothing', ''],
    ['no XML', 'hello'],
    ['not closed', '<VersioningConfiguration>'],
    ['another root', '<Other/>'],
    ['a DTD', '<!DOCTYPE a [<!ENTITY b "c">]><VersioningConfiguration><Status>&b;</Status></VersioningConfiguration>'],
    [
      'a bomb',
      `<!DOCTYPE a [<!ENTITY a "${'x'.repeat(100)}">${Array.from({ length: 9 }, (_, i) => `<!ENTITY a${i} "&a;&a;&a;&a;">`).join('')}]><VersioningConfiguration>&a8;</VersioningConfiguration>`,
    ],
    ['too deep', '<VersioningConfiguration>'.repeat(1000)],
    ['an unknown status', '<VersioningConfiguration><Status>enabled</Status></VersioningConfiguration>'],
  ])('that is %s is refused', async (_name, body) => {
    const answer = await xml(body);
    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(/MalformedXML|MissingRequestBodyError/);
  });
});

test('virtual-host addressing finds bucket and key', async () => {
  const answer = await raw(`GET /there HTTP/1.1\r\nHost: ${Bucket}.s3.test\r\nConnection: close\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 403[\s\S]*AccessDenied/);
  const missing = await raw('GET /there HTTP/1.1\r\nHost: no-such-bucket-here.s3.test\r\nConnection: close\r\n\r\n');
  expect(missing).toMatch(/NoSuchBucket/);
});

test('after all that the server serves as before', async () => {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key: 'there' }));
  expect(await answer.Body!.transformToString()).toBe('still here');
  expect(server.output()).not.toContain('unhandled');
});
