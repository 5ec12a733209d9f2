import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Http, serve } from './harness.js';

const FOLDER = 'fixtures/wire';
const requests = readdirSync(FOLDER).filter((name) => name.endsWith('.http'));
const LONG = 'What minio-go sends. '.repeat(3200);

let http: Http;

/** Sends the bytes at the moment at which they were signed. */
async function replay(name: string, change: (bytes: Buffer) => Buffer = (bytes) => bytes): Promise<string> {
  const bytes = readFileSync(`${FOLDER}/${name}`);
  const [, year, month, day, hour, minute, second] = /X-Amz-Date: (\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(
    bytes.toString('latin1'),
  )!;
  vi.setSystemTime(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const connection = await http.connect();
  connection.write(change(bytes));
  connection.socket.end();
  return connection.untilEnd();
}

/** Head and body of what is stored, a character for a byte. */
async function stored(): Promise<string> {
  const connection = await http.connect();
  connection.write(
    `GET ${http.presign('GET', '/wire/sent')} HTTP/1.1\r\nHost: ${http.host}\r\nConnection: close\r\n\r\n`,
  );
  return connection.untilEnd();
}

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-27T21:50:00Z') });
  http = await serve();
  expect((await http.send('PUT', '/wire')).status).toBe(200);
  expect((await http.send('PUT', '/wire/sent', { body: 'before' })).status).toBe(200);
});
afterAll(async () => {
  await http.close();
  vi.useRealTimers();
});

test('every recording is sent below', () => {
  expect(requests.length).toBe(9);
});

test.each(requests)('%s is answered 200', async (name) => {
  expect(await replay(name)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

test.each([
  ['minio-go-put-chunked.http', LONG],
  ['minio-go-put-signed-trailer.http', 'small'],
  ['minio-go-put-unsigned-trailer.http', 'small'],
  ['minio-go-put-empty-trailer.http', ''],
  ['aws-sdk-go-v2-put.http', 'small'],
  ['aws-sdk-go-v2-put-unsigned-trailer.http', 'small'],
])('%s stores its body and nothing of its coding', async (name, body) => {
  await replay(name);
  const answer = await stored();
  expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe(body);
  expect(answer).not.toContain('aws-chunked');
});

test.each(['minio-go-put-chunked.http', 'aws-sdk-go-v2-put.http'])(
  'metadata and a file name beyond ASCII come back as the bytes that %s sent',
  async (name) => {
    await replay(name);
    const answer = await stored();
    expect(answer).toContain(`\r\nx-amz-meta-name: ${latin1('Ωmega à')}\r\n`);
    expect(answer).toContain(`\r\nContent-Disposition: attachment; filename="${latin1('naïve à.txt')}"\r\n`);
  },
);

test('attributes that come on a line each are all answered', async () => {
  await replay('aws-sdk-go-v2-put-unsigned-trailer.http');
  const answer = await replay('aws-sdk-go-v2-get-object-attributes.http');
  expect(answer).toMatch(/<ETag>\w+<\/ETag><Checksum><ChecksumCRC32>dUXqEw==<\/ChecksumCRC32>/);
  expect(answer).toContain('<ObjectSize>5</ObjectSize>');
});

test.each<[string, string, (text: string) => string, string]>([
  [
    'a byte of metadata',
    'aws-sdk-go-v2-put.http',
    (t) => t.replace(latin1('à\r'), latin1('á\r')),
    'SignatureDoesNotMatch',
  ],
  [
    'an attribute line left out',
    'aws-sdk-go-v2-get-object-attributes.http',
    (t) => t.replace('X-Amz-Object-Attributes: Checksum\r\n', ''),
    'SignatureDoesNotMatch',
  ],
  [
    'two attribute lines in another order',
    'aws-sdk-go-v2-get-object-attributes.http',
    (t) => t.replace(/(X-Amz-Object-Attributes: ETag\r\n)(X-Amz-Object-Attributes: Checksum\r\n)/, '$2$1'),
    'SignatureDoesNotMatch',
  ],
  [
    'a signed trailer’s value',
    'minio-go-put-signed-trailer.http',
    (t) => t.replace('x-amz-checksum-sha256:gd', 'x-amz-checksum-sha256:gD'),
    'SignatureDoesNotMatch',
  ],
  [
    'a trailer’s signature',
    'minio-go-put-signed-trailer.http',
    (t) => t.replace(/x-amz-trailer-signature:./, 'x-amz-trailer-signature:g'),
    'SignatureDoesNotMatch',
  ],
  [
    'an unsigned trailer’s value',
    'minio-go-put-unsigned-trailer.http',
    (t) => t.replace('x-amz-checksum-crc32c:f', 'x-amz-checksum-crc32c:g'),
    'BadDigest',
  ],
])('%s changed is refused', async (_what, name, change, code) => {
  const answer = await replay(name, (bytes) => {
    const changed = Buffer.from(change(bytes.toString('latin1')), 'latin1');
    expect(changed.equals(bytes)).toBe(false);
    return changed;
  });
  expect(answer).toContain(`<Code>${code}</Code>`);
});
