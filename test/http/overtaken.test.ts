import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { Objects } from '../../src/store/objects.js';
import { type Http, serve } from './harness.js';

let http: Http;

beforeAll(async () => {
  http = await serve();
  await http.send('PUT', '/box');
  const statement = {
    Effect: 'Deny',
    Principal: '*',
    Action: ['s3:PutObjectTagging', 's3:DeleteObjectTagging'],
    Resource: 'arn:aws:s3:::box/*',
    Condition: { StringEquals: { 's3:ExistingObjectTag/class': 'secret' } },
  };
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  expect((await http.send('PUT', '/box', { query: { policy: '' }, body: policy })).status).toBe(204);
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => http.close());

const put = (tags: string) =>
  http.send('PUT', '/box/key', { headers: { 'x-amz-tagging': tags }, body: `an object with ${tags}` });
const tags = async () => (await http.send('GET', '/box/key', { query: { tagging: '' } })).text();

/** `happens` comes right after the next request has read the object over which it is decided. */
function meanwhile(happens: () => Promise<unknown>): void {
  const find = Objects.prototype.find;
  vi.spyOn(Objects.prototype, 'find').mockImplementationOnce(async function (this: Objects, ...args) {
    const found = await find.apply(this, args);
    await happens();
    return found;
  });
}

test.each([
  ['PUT', '<Tagging><TagSet><Tag><Key>class</Key><Value>open</Value></Tag></TagSet></Tagging>'],
  ['DELETE', undefined],
])(
  '%s ?tagging changes no version that it would be refused for, also where that came in between',
  async (method, body) => {
    const change = () => http.send(method, '/box/key', { query: { tagging: '' }, ...(body && { body }) });
    await put('class=open');
    expect((await change()).ok).toBe(true);
    meanwhile(() => put('class=secret'));
    const refused = await change();
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain('<Code>AccessDenied</Code>');
    expect(await tags()).toContain('<Value>secret</Value>');
  },
);

test('what came in between and is allowed as well is what gets the tags', async () => {
  await put('class=open');
  meanwhile(() => put('class=other'));
  const body = '<Tagging><TagSet><Tag><Key>new</Key><Value>tag</Value></Tag></TagSet></Tagging>';
  expect((await http.send('PUT', '/box/key', { query: { tagging: '' }, body })).status).toBe(200);
  expect(await tags()).toContain('<Key>new</Key>');
  expect(await (await http.send('GET', '/box/key')).text()).toBe('an object with class=other');
});
