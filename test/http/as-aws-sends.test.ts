import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Http, serve } from './harness.js';

const ACCESS_KEY_ID = 'AKIAHTTPTESTS0000001';
const SECRET = 'http-tests-secret-access-key-0123456789A';

let http: Http;

beforeAll(async () => {
  http = await serve({ COFFER_SIGV2: 'allow' });
  expect((await http.send('PUT', '/sent')).status).toBe(200);
  expect((await http.send('PUT', '/sent/there', { body: 'the body' })).status).toBe(200);
});
afterAll(() => http.close());

const exchange = async (line: string, ...headers: string[]): Promise<string> => {
  const connection = await http.connect();
  connection.write(`${[`${line} HTTP/1.1`, `Host: ${http.host}`, ...headers].join('\r\n')}\r\n\r\n`);
  connection.socket.end();
  return connection.untilEnd();
};
const get = (path: string, ...headers: string[]): Promise<string> =>
  exchange(`GET ${http.presign('GET', path)}`, ...headers);
const statusOf = (answer: string): number => Number(answer.slice(9, 12));
const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);
const namesOf = (answer: string): string[] =>
  answer
    .slice(0, answer.indexOf('\r\n\r\n'))
    .split('\r\n')
    .slice(1)
    .map((line) => line.slice(0, line.indexOf(':')));
const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

describe('names of headers leave as AWS writes them', () => {
  const plain = (name: string): boolean =>
    /^(x-amz-[a-z0-9-]+|[A-Z][a-z]*(-[A-Z][a-z]*)*|ETag|x-amzn-RequestId)$/.test(name);

  test.each<[string, () => Promise<string>, string[]]>([
    [
      'an object',
      () => get('/sent/there'),
      [
        'Content-Length',
        'Content-Type',
        'ETag',
        'Last-Modified',
        'Accept-Ranges',
        'Date',
        'Server',
        'x-amz-request-id',
        'x-amz-id-2',
        'x-amz-server-side-encryption',
      ],
    ],
    ['a range', () => get('/sent/there', 'Range: bytes=0-1'), ['Content-Range']],
    ['a list', () => get('/sent'), ['Content-Type', 'Content-Length']],
    ['an error', () => get('/sent/none'), ['Content-Type', 'Content-Length']],
    ['a method that is not there', () => exchange('PATCH /sent'), ['Allow']],
    ['a new bucket', () => exchange(`PUT ${http.presign('PUT', '/sent-too')}`), ['Location', 'Content-Length']],
    ['KMS', () => exchange('POST /', 'X-Amz-Target: TrentService.ListKeys'), ['x-amzn-RequestId', 'Content-Length']],
    ['STS', () => exchange('POST /', 'Content-Type: application/x-www-form-urlencoded'), ['x-amzn-RequestId']],
    ['what can’t be read', () => exchange('PUT /', 'Content-Length: x'), ['Content-Length', 'x-amz-request-id']],
  ])('%s', async (_what, ask, expected) => {
    const names = namesOf(await ask());
    for (const name of expected) expect(names).toContain(name);
    expect(names.filter((name) => !plain(name))).toEqual([]);
  });
});

describe('Connection and Keep-Alive', () => {
  const first = async (version: string, ...headers: string[]): Promise<string> => {
    const connection = await http.connect();
    const line = `GET ${http.presign('GET', '/sent/there')} HTTP/${version}`;
    connection.write(`${[line, `Host: ${http.host}`, ...headers].join('\r\n')}\r\n\r\n`);
    const answer = await connection.until(/the body/);
    connection.destroy();
    return answer;
  };

  test('go out only where they say something', async () => {
    expect(await first('1.1')).not.toMatch(/\r\n(connection|keep-alive):/i);
    expect(await first('1.1', 'Connection: keep-alive')).not.toMatch(/\r\n(connection|keep-alive):/i);
    expect(await first('1.1', 'Connection: close')).toContain('\r\nConnection: close\r\n');
    expect(await first('1.0')).toContain('\r\nConnection: close\r\n');
    expect(await first('1.0', 'Connection: keep-alive')).toContain('\r\nConnection: keep-alive\r\n');
  });
});

describe('what stands beside a request takes nothing away', () => {
  test.each(['x', 'nonsense\r\n\r\n', '\0\x01\x02', 'GET / HTTP/9.9\r\n\r\n', '\r\n\r\n', 'x'.repeat(200_000)])(
    'bytes behind it: %j',
    async (behind) => {
      for (const [line, body] of [
        [`GET ${http.presign('GET', '/sent/there')}`, ''],
        [`PUT ${http.presign('PUT', '/sent/put')}`, 'body'],
      ]) {
        const connection = await http.connect();
        const length = body === '' ? '' : `Content-Length: ${body!.length}\r\n`;
        connection.write(`${line} HTTP/1.1\r\nHost: ${http.host}\r\n${length}\r\n${body}${behind}`);
        const answer = await connection.until(body === '' ? /the body/ : /\r\n\r\n/);
        expect(statusOf(answer)).toBe(200);
        connection.destroy();
      }
    },
  );

  test.each(['something', '200-ok', ''])('an Expect of another kind: %j', async (value) => {
    const answer = await get('/sent/there', `Expect: ${value}`);
    expect([statusOf(answer), bodyOf(answer)]).toEqual([200, 'the body']);
  });

  test('headers in any number', async () => {
    // S3 takes 8 KiB of them, KMS more.
    const many = Array.from({ length: 3000 }, (_, i) => `a${i}: b`);
    const answer = await exchange('POST /', ...many, 'X-Amz-Target: TrentService.ListKeys');
    expect(answer).toContain('"__type":"MissingAuthenticationTokenException"');
  });
});

describe('If-Range', () => {
  const etag = async (): Promise<string> => /ETag: (.*)\r\n/.exec(await get('/sent/there'))![1]!;
  const modified = async (): Promise<string> => /Last-Modified: (.*)\r\n/.exec(await get('/sent/there'))![1]!;
  const shifted = (date: string, ms: number): string => new Date(Date.parse(date) + ms).toUTCString();

  test.each<[string, () => Promise<string> | string, number]>([
    ['the ETag', etag, 206],
    ['the ETag without quotes', async () => (await etag()).slice(1, -1), 206],
    ['the date', modified, 206],
    ['another ETag', () => '"d41d8cd98f00b204e9800998ecf8427e"', 200],
    ['the ETag as a weak one', async () => `W/${await etag()}`, 200],
    ['a date before', async () => shifted(await modified(), -1000), 200],
    ['a date behind', async () => shifted(await modified(), 1000), 200],
    ['what is neither', () => 'nonsense', 200],
    ['nothing', () => '', 200],
  ])('%s decides whether a range counts, for GET and HEAD', async (_what, value, status) => {
    const header = `If-Range: ${await value()}`;
    const answer = await get('/sent/there', header, 'Range: bytes=0-2');
    expect([statusOf(answer), bodyOf(answer)]).toEqual(status === 206 ? [206, 'the'] : [200, 'the body']);
    const head = await exchange(`HEAD ${http.presign('HEAD', '/sent/there')}`, header, 'Range: bytes=0-2');
    expect([statusOf(head), /Content-Length: (\d+)/.exec(head)![1]]).toEqual([status, status === 206 ? '3' : '8']);
    // Without a range it says nothing, and a range that lies outside is none where it doesn't count.
    expect(statusOf(await get('/sent/there', header))).toBe(200);
    expect(statusOf(await get('/sent/there', header, 'Range: bytes=100-'))).toBe(status === 206 ? 416 : 200);
  });

  test('comes after the conditions', async () => {
    const answer = await get('/sent/there', `If-Range: ${await etag()}`, 'If-Match: "x"', 'Range: bytes=0-2');
    expect(statusOf(answer)).toBe(412);
  });
});

/** Signature V2 in the header, over exactly these texts. */
function byV2(resource: string, amzHeaders = '', method = 'GET'): string[] {
  const date = new Date().toUTCString();
  const toSign = `${method}\n\n\n${date}\n${amzHeaders}${resource}`;
  const signature = createHmac('sha1', SECRET).update(Buffer.from(toSign, 'latin1')).digest('base64');
  return [`Date: ${date}`, `Authorization: AWS ${ACCESS_KEY_ID}:${signature}`];
}

describe('Signature V2', () => {
  test.each([
    ['/sent?acl', '/sent?acl'],
    ['/sent?acl=', '/sent?acl'],
    ['/sent?acl', '/sent?acl='],
    ['/sent?acl=', '/sent?acl='],
    ['/sent?versioning=', '/sent/?versioning'],
    ['/sent?max-keys=2&versions=&prefix=', '/sent?versions'],
    ['/sent/there?acl=&versionId=null', '/sent/there?acl&versionId=null'],
    ['/sent/there?response-content-type=&acl', '/sent/there?acl=&response-content-type='],
  ])('%s may be signed as %s', async (target, resource) => {
    expect(statusOf(await exchange(`GET ${target}`, ...byV2(resource)))).toBe(200);
  });

  test.each([
    ['/sent?acl=', '/sent?versioning'],
    ['/sent?acl=', '/sent'],
    ['/sent/there?versionId=null', '/sent/there?versionId'],
    ['/sent/there?versionId=', '/sent/there?versionId=null'],
  ])('%s may not be signed as %s', async (target, resource) => {
    const answer = await exchange(`GET ${target}`, ...byV2(resource));
    expect(answer).toContain('<Code>SignatureDoesNotMatch</Code>');
  });

  test('presigned: a sub-resource with and without its equals sign', async () => {
    const expires = Math.floor(Date.now() / 1000) + 60;
    for (const target of ['/sent?acl', '/sent?acl=']) {
      for (const resource of ['/sent?acl', '/sent?acl=']) {
        const signature = createHmac('sha1', SECRET).update(`GET\n\n\n${expires}\n${resource}`).digest('base64');
        const query = `AWSAccessKeyId=${ACCESS_KEY_ID}&Expires=${expires}&Signature=${encodeURIComponent(signature)}`;
        expect(statusOf(await exchange(`GET ${target}&${query}`))).toBe(200);
      }
    }
  });
});

describe('headers are signed, stored and sent back as they came', () => {
  const metaOf = async (): Promise<string> => /\r\nx-amz-meta-a: (.*)\r\n/.exec(await get('/sent/meta'))![1]!;
  /** What is sent, line by line; what is signed of it. */
  const cases: [string, string[], string][] = [
    ['two lines', ['one', 'two'], 'one,two'],
    ['three lines, one empty', ['one', '', 'three'], 'one,,three'],
    ['a comma and a space in one line', ['one, two'], 'one, two'],
    ['UTF-8', [bytes('naïve €')], bytes('naïve €')],
    ['UTF-8 that ends like a no-break space', [bytes('à')], bytes('à')],
    ['a no-break space of ISO 8859-1', ['\xa0x\xa0'], '\xa0x\xa0'],
    ['ISO 8859-1', ['na\xefve'], 'na\xefve'],
    ['two lines of UTF-8', [bytes('ä'), bytes('ö')], bytes('ä,ö')],
    ['blanks around', [' \tx \t'], 'x'],
  ];

  test.each(cases)('V4 presigned: %s', async (_what, lines, signed) => {
    const target = http.presign('PUT', '/sent/meta', { headers: { 'x-amz-meta-a': signed } });
    const answer = await exchange(
      `PUT ${target}`,
      ...lines.map((line) => `X-Amz-Meta-A: ${line}`),
      'Content-Length: 0',
    );
    expect(statusOf(answer)).toBe(200);
    expect(await metaOf()).toBe(signed);
  });

  test.each(cases)('V2: %s', async (_what, lines, signed) => {
    const answer = await exchange(
      'PUT /sent/meta',
      ...lines.map((line) => `X-Amz-Meta-A: ${line}`),
      ...byV2('/sent/meta', `x-amz-meta-a:${signed}\n`, 'PUT'),
      'Content-Length: 0',
    );
    expect(statusOf(answer)).toBe(200);
    expect(await metaOf()).toBe(signed);
  });

  test.each([
    ['joined with a space besides', ['one', 'two'], 'one, two'],
    ['UTF-8 encoded once more', [bytes('é')], bytes(bytes('é'))],
    ['a no-break space trimmed', [bytes('à')], bytes('à').slice(0, 1)],
  ])('another reading is not taken: %s', async (_what, lines, signed) => {
    const sent = lines.map((line) => `X-Amz-Meta-A: ${line}`);
    const target = http.presign('PUT', '/sent/meta', { headers: { 'x-amz-meta-a': signed } });
    expect(statusOf(await exchange(`PUT ${target}`, ...sent, 'Content-Length: 0'))).toBe(403);
    const v2 = byV2('/sent/meta', `x-amz-meta-a:${signed}\n`, 'PUT');
    expect(statusOf(await exchange('PUT /sent/meta', ...sent, ...v2, 'Content-Length: 0'))).toBe(403);
  });

  test('what is kept besides metadata: two lines and UTF-8 of Cache-Control, Content-Disposition, Content-Language', async () => {
    const target = http.presign('PUT', '/sent/system');
    const sent = [
      'Cache-Control: no-cache',
      'Cache-Control: private',
      `Content-Disposition: ${bytes('a="à"')}`,
      'Content-Language: de',
      'Content-Language: en',
    ];
    expect(statusOf(await exchange(`PUT ${target}`, ...sent, 'Content-Length: 0'))).toBe(200);
    const answer = await get('/sent/system');
    expect(answer).toContain('\r\nCache-Control: no-cache,private\r\n');
    expect(answer).toContain(`\r\nContent-Disposition: ${bytes('a="à"')}\r\n`);
    expect(answer).toContain('\r\nContent-Language: de,en\r\n');
  });

  test('the source of a copy and tags may be raw UTF-8', async () => {
    expect((await http.send('PUT', '/sent/quelle-ä', { body: 'x' })).status).toBe(200);
    const headers = {
      'x-amz-copy-source': bytes('/sent/quelle-ä'),
      'x-amz-tagging': bytes('art=ö'),
      'x-amz-tagging-directive': 'REPLACE',
    };
    const target = http.presign('PUT', '/sent/copied', { headers });
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    expect(statusOf(await exchange(`PUT ${target}`, ...lines))).toBe(200);
    const tags = await (await http.send('GET', '/sent/copied', { query: { tagging: '' } })).text();
    expect(tags).toContain('<Value>ö</Value>');
  });
});
