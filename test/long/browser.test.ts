import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketCorsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { type BrowserContext, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { customerKey } from '../support/customer-key.js';
import { signedFields } from '../support/form.js';
import { refusal } from '../support/s3-error.js';
import { credentials, startServer, type TestServer } from '../support/server.js';

// A real browser: where it is missing, these tests fail.
const CHROMIUM = '/usr/bin/chromium';
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const Bucket = 'browser';
let coffer: TestServer;
let browser: BrowserContext;
let profile: string;
let pages: Server;
/** What the page's own server answers, by path. */
const served = new Map<string, string>();
let origin: string;

beforeAll(async () => {
  coffer = await startServer();
  await coffer.s3().send(new CreateBucketCommand({ Bucket }));
  pages = createServer((request, response) => {
    const page = served.get(new URL(request.url!, 'http://page').pathname);
    response.writeHead(page === undefined ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(page);
  });
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  profile = await mkdtemp(join(tmpdir(), 'coffer-browser-'));
  browser = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, args: ARGUMENTS });
});
afterAll(async () => {
  await browser?.close();
  pages?.closeAllConnections();
  pages?.close();
  await coffer?.close();
  if (profile) await rm(profile, { recursive: true, force: true });
});

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');

/** A page of another origin whose form posts to the bucket. */
function formPage(fields: Record<string, string>): string {
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  );
  return `<!doctype html><meta charset="utf-8"><form method="post" enctype="multipart/form-data" action="${coffer.url}/${Bucket}">
${inputs.join('\n')}
<input type="file" name="file"><input type="submit" value="Send"></form>`;
}

/** Opens the form, chooses a file and sends it. @returns the URL that the browser ends at, and what it shows */
async function send(fields: Record<string, string>, file: { name: string; mimeType: string; buffer: Buffer }) {
  served.set('/form', formPage(fields));
  served.set('/done', '<!doctype html><title>done</title>');
  const page = await browser.newPage();
  try {
    await page.goto(`${origin}/form`);
    await page.setInputFiles('input[type=file]', file);
    await Promise.all([page.waitForURL((url) => url.pathname !== '/form'), page.click('input[type=submit]')]);
    return { url: new URL(page.url()), content: await page.content() };
  } finally {
    await page.close();
  }
}

test('a form in a page of another origin posts a file under a customer’s key', async () => {
  const s3 = coffer.s3();
  const key = customerKey();
  const name = 'x-amz-server-side-encryption-customer';
  // biome-ignore lint/suspicious/noTemplateCurlyInString: so it stands in forms
  const objectKey = 'uploads/${filename}';
  const signed = signedFields(
    credentials,
    Bucket,
    {
      key: objectKey,
      'Content-Type': 'application/x-secret',
      [`${name}-algorithm`]: 'AES256',
      success_action_redirect: `${origin}/done?from=form`,
    },
    [
      ['starts-with', '$key', 'uploads/'],
      ['starts-with', `$${name}-key`, ''],
      ['starts-with', `$${name}-key-MD5`, ''],
      ['content-length-range', 1, 10_000_000],
    ],
  );
  // The page's server signs without knowing the key: it is the customer's.
  const fields = { ...signed, [`${name}-key`]: key.SSECustomerKey, [`${name}-key-MD5`]: key.SSECustomerKeyMD5 };
  const buffer = randomBytes(5_000_001);
  const { url } = await send(fields, { name: 'naïve “file”.bin', mimeType: 'image/png', buffer });
  expect(url.origin + url.pathname).toBe(`${origin}/done`);
  const Key = 'uploads/naïve “file”.bin';
  expect(url.searchParams.get('from')).toBe('form');
  expect(url.searchParams.get('bucket')).toBe(Bucket);
  expect(url.searchParams.get('key')).toBe(Key);
  const found = await s3.send(new GetObjectCommand({ Bucket, Key, ...key }));
  expect(url.searchParams.get('etag')).toBe(found.ETag);
  expect(found.ContentType).toBe('application/x-secret');
  expect(found.SSECustomerAlgorithm).toBe('AES256');
  expect(Buffer.from(await found.Body!.transformToByteArray()).equals(buffer)).toBe(true);
  expect((await refusal(s3.send(new GetObjectCommand({ Bucket, Key })))).status).toBe(400);
  expect((await refusal(s3.send(new GetObjectCommand({ Bucket, Key, ...customerKey() })))).status).toBe(403);
  expect(coffer.output()).not.toContain(key.SSECustomerKey);
});

test('a form without a redirect is answered as XML, and one that its policy refuses stores nothing', async () => {
  const file = { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('text') };
  const good = signedFields(credentials, Bucket, { key: 'xml', success_action_status: '201' });
  expect((await send(good, file)).content).toContain('<Key>xml</Key>');
  expect((await coffer.s3().send(new HeadObjectCommand({ Bucket, Key: 'xml' }))).ContentLength).toBe(4);
  const refused = await send({ ...good, key: 'other' }, file);
  expect(refused.content).toContain('Invalid according to Policy: Policy Condition failed');
  const { Contents } = await coffer.s3().send(new ListObjectsV2Command({ Bucket, Prefix: 'other' }));
  expect(Contents).toBeUndefined();
});

interface Fetched {
  /** What the page's `fetch` was rejected with. */
  error?: string;
  status?: number;
  text?: string;
  /** As far as the browser shows them to the page. */
  headers?: Record<string, string>;
}

/** A script in a page of `from` fetches. */
async function fetchFrom(from: string, url: string, init: RequestInit): Promise<Fetched> {
  served.set('/script', '<!doctype html><title>script</title>');
  const page = await browser.newPage();
  try {
    await page.goto(`${from}/script`);
    return await page.evaluate(
      async ([to, options]): Promise<Fetched> => {
        try {
          const answer = await fetch(to, options);
          const headers = Object.fromEntries([...(answer.headers as unknown as Iterable<[string, string]>)]);
          return { status: answer.status, text: await answer.text(), headers };
        } catch (error) {
          return { error: String(error) };
        }
      },
      [url, init] as const,
    );
  } finally {
    await page.close();
  }
}

test('a script in a page of another origin does what the bucket’s CORS rules allow, and another page’s gets nothing', async () => {
  const Name = 'across-origins';
  const colour = 'x-amz-meta-colour';
  const s3 = coffer.s3({ requestChecksumCalculation: 'WHEN_REQUIRED' });
  await s3.send(new CreateBucketCommand({ Bucket: Name }));
  const rule = {
    AllowedOrigins: [origin],
    AllowedMethods: ['PUT', 'GET'],
    AllowedHeaders: ['x-amz-meta-*', 'content-type'],
    ExposeHeaders: ['ETag', colour],
  };
  await s3.send(new PutBucketCorsCommand({ Bucket: Name, CORSConfiguration: { CORSRules: [rule] } }));
  const putUrl = (Key: string) =>
    getSignedUrl(s3, new PutObjectCommand({ Bucket: Name, Key, Metadata: { colour: 'blue' } }), {
      unhoistableHeaders: new Set([colour]),
    });
  const put = { method: 'PUT', body: 'from a script', headers: { [colour]: 'blue' } };
  const preflights = (): number => coffer.output().split('"Preflight"').length - 1;

  const before = preflights();
  const stored = await fetchFrom(origin, await putUrl('script'), put);
  expect(stored).toMatchObject({ status: 200, headers: { etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) } });
  expect(preflights()).toBe(before + 1);
  expect((await s3.send(new HeadObjectCommand({ Bucket: Name, Key: 'script' }))).Metadata).toEqual({ colour: 'blue' });

  const getUrl = await getSignedUrl(s3, new GetObjectCommand({ Bucket: Name, Key: 'script' }));
  const read = await fetchFrom(origin, getUrl, {});
  expect(read).toMatchObject({ status: 200, text: 'from a script', headers: { [colour]: 'blue' } });
  expect(read.headers!.etag).toBe(stored.headers!.etag);
  // Sent, and not for the page's eyes.
  expect((await fetch(getUrl)).headers.get('x-amz-server-side-encryption')).toBe('AES256');
  expect(Object.keys(read.headers!)).not.toContain('x-amz-server-side-encryption');

  const refused = { error: 'TypeError: Failed to fetch' };
  // The same server of pages under another name is another origin.
  const other = origin.replace('127.0.0.1', 'localhost');
  expect(await fetchFrom(other, await putUrl('other'), put)).toEqual(refused);
  expect(await fetchFrom(other, getUrl, {})).toEqual(refused);
  const tagged = { ...put, headers: { ...put.headers, 'x-amz-tagging': 'a=b' } };
  expect(await fetchFrom(origin, await putUrl('tagged'), tagged)).toEqual(refused);
  expect(await fetchFrom(origin, await putUrl('deleted'), { ...put, method: 'DELETE' })).toEqual(refused);
  expect(preflights()).toBe(before + 4);
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: Name }));
  expect(Contents!.map((one) => one.Key)).toEqual(['script']);
});
