import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Http, serve } from './harness.js';

let http: Http;
beforeAll(async () => {
  http = await serve();
});
afterAll(() => http.close());

const metrics = async () => (await fetch(`${http.url}/-/metrics`)).text();

test('the metrics count failed authentications by service and code, and nothing that the stranger said', async () => {
  const before = await metrics();
  expect(before).toContain('# TYPE coffer_authentication_failures_total counter\n');
  expect(before).not.toContain('coffer_authentication_failures_total{');
  const signed = http.presign('GET', '/some-bucket');
  expect((await fetch(http.url + signed.replace(/Signature=.*/, `Signature=${'0'.repeat(64)}`))).status).toBe(403);
  const headers = {
    'x-amz-target': 'TrentService.ListKeys',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIASTRANGER/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=00',
  };
  for (let i = 0; i < 2; i++) await fetch(http.url, { method: 'POST', headers, body: '{}' });
  const after = await metrics();
  const counted = after.split('\n').filter((line) => line.startsWith('coffer_authentication_failures_total{'));
  expect(counted).toHaveLength(2);
  expect(counted[0]).toBe('coffer_authentication_failures_total{service="s3",code="SignatureDoesNotMatch"} 1');
  expect(counted[1]).toMatch(/^coffer_authentication_failures_total\{service="kms",code="\w+"\} 2$/);
  expect(after).not.toContain('STRANGER');
});
