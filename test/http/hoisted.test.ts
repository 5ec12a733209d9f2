import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Http, serve } from './harness.js';

/** Parameters of presigned URLs that become headers, now or when the object is read. */
let http: Http;
beforeAll(async () => {
  http = await serve();
  await http.send('PUT', '/hoisted');
});
afterAll(() => http?.close());

const put = (key: string, query: Record<string, string>) => http.send('PUT', `/hoisted/${key}`, { query, body: 'x' });
const redirect = 'x-amz-website-redirect-location';

test.each([
  ['a line', { [redirect]: 'http://a/\nb: c' }, redirect],
  ['a NUL', { 'X-Amz-Meta-A': 'a\0b' }, 'X-Amz-Meta-A'],
  ['a name that is none', { 'x-amz-meta-a b\nc': 'v' }, 'x-amz-meta-a b\nc'],
  ['a name beyond ASCII', { 'x-amz-meta-é': 'v' }, 'x-amz-meta-é'],
])('%s is refused where it would make an object that nobody can read', async (_, query, argument) => {
  const answer = await put('refused', query);
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
