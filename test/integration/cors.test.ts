import {
  type CORSRule,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketCorsCommand,
  GetBucketCorsCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusal } from '../support/s3-error.js';
import { credentials, startServer, type TestServer } from '../support/server.js';
import { signedRequest } from '../support/signed-request.js';

let server: TestServer;
let s3: S3Client;
const Bucket = 'across';
const ORIGIN = 'https://localhost:4200';

beforeAll(async () => {
  server = await startServer();
  s3 = server.s3();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'key', Body: 'test-cors' }));
});
afterAll(() => server?.close());

const putCors = (...CORSRules: CORSRule[]) =>
  s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));

/** Anonymous, as browsers send it; the answer's CORS headers and body. */
async function options(path: string, headers: Record<string, string>) {
  const answer = await fetch(`${server.url}${path}`, { method: 'OPTIONS', headers });
  return { status: answer.status, text: await answer.text(), cors: corsOf(answer.headers) };
}

function corsOf(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));
}

const signed = async (method: string, path: string, headers: Record<string, string>, query = '') => {
  const answer = await signedRequest(server.port, { method, path, query, headers, key: credentials });
  return { status: answer.status, cors: corsOf(answer.headers) };
};

const VARY = 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method';
const NOT_ALLOWED =
  'CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource&apos;s CORS spec.';
const element = (name: string, value: string) => `<${name}>${value}</${name}>`;

describe('a preflight', () => {
  test('without an origin, of no bucket, or of one without CORS is refused as recorded', async () => {
    await s3.send(new DeleteBucketCorsCommand({ Bucket }));
    for (const path of ['/across/key', '/no-such-bucket/key']) {
      const answer = await options(path, {});
      expect([answer.status, answer.text]).toEqual([
        400,
        expect.stringContaining(element('Message', 'Insufficient information. Origin request header needed.')),
      ]);
      expect(answer.text).toContain(element('Code', 'BadRequest'));
    }
    const refused = async (path: string, headers: Record<string, string>, message: string, method: string) => {
      const { status, text } = await options(path, { origin: ORIGIN, ...headers });
      expect(status).toBe(403);
      expect(text).toContain(element('Code', 'AccessForbidden'));
      expect(text).toContain(element('Message', `CORSResponse: ${message}`));
      expect(text).toContain(element('Method', method));
      expect(text).toContain(element('ResourceType', 'BUCKET'));
    };
    const put = { 'access-control-request-method': 'PUT' };
    await refused('/across/key', put, 'CORS is not enabled for this bucket.', 'PUT');
    await refused('/across/key', {}, 'CORS is not enabled for this bucket.', 'OPTIONS');
    await refused('/no-such-bucket/key', {}, 'Bucket not found', 'OPTIONS');
  });

  test('is answered by the first rule that allows it (test_cors_match_origins)', async () => {
    await putCors(
      { AllowedOrigins: [ORIGIN], AllowedMethods: ['GET', 'PUT'], MaxAgeSeconds: 3000, AllowedHeaders: ['*'] },
      { AllowedOrigins: ['http://*.origin.com'], AllowedMethods: ['GET'] },
    );
    const put = { 'access-control-request-method': 'PUT' };
    expect(await options('/across/key', { origin: ORIGIN, ...put })).toEqual({
      status: 200,
      text: '',
      cors: {
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET, PUT',
        'access-control-allow-origin': ORIGIN,
        'access-control-max-age': '3000',
        vary: VARY,
      },
    });
    const wrong = await options('/across/key', { origin: 'http://other', ...put });
    expect([wrong.status, wrong.cors]).toEqual([403, {}]);
    expect(wrong.text).toContain(element('ResourceType', 'OBJECT'));
    expect(wrong.text.replaceAll("'", '&apos;')).toContain(element('Message', NOT_ALLOWED));
    const get = { 'access-control-request-method': 'GET' };
    const part = await options('/across', { origin: 'http://test.origin.com', ...get });
    expect(part.cors['access-control-allow-origin']).toBe('http://test.origin.com');
    expect((await options('/across', { origin: 'http://origin.com', ...get })).text).toContain(
      element('ResourceType', 'BUCKET'),
    );
    expect((await options('/across/key', { origin: ORIGIN, 'access-control-request-method': 'MINE' })).status).toBe(
      400,
    );
  });

  test('is answered with the headers it asked for, in lower case, where all are allowed (test_cors_match_headers)', async () => {
    await putCors({
      AllowedOrigins: ['*'],
      AllowedMethods: ['GET'],
      AllowedHeaders: ['x-amz-expected-bucket-owner', 'x-AMZ-server-SIDE-encryption', 'x-own-*'],
      ExposeHeaders: ['x-amz-id-2', 'x-amz-request-id'],
    });
    const ask = (requested: string) =>
      options('/across/key', {
        origin: ORIGIN,
        'access-control-request-method': 'GET',
        'access-control-request-headers': requested,
      });
    const answer = await ask('x-amz-expected-bucket-owner,X-Amz-Server-Side-Encryption, x-own-thing');
    expect(answer.cors).toEqual({
      'access-control-allow-headers': 'x-amz-expected-bucket-owner, x-amz-server-side-encryption, x-own-thing',
      'access-control-allow-methods': 'GET',
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'x-amz-id-2, x-amz-request-id',
      vary: VARY,
    });
    expect((await ask('x-amz-expected-bucket-owner, x-amz-request-payer')).status).toBe(403);
  });
});

describe('an answer across origins', () => {
  test('carries the rule’s headers, an error’s as well, and none where no rule allows it', async () => {
    await putCors({ AllowedOrigins: [ORIGIN], AllowedMethods: ['GET'] });
    const right = { origin: ORIGIN };
    const cors = {
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET',
      'access-control-allow-origin': ORIGIN,
      vary: VARY,
    };
    expect(await signed('GET', '/across/key', right)).toEqual({ status: 200, cors });
    expect(await signed('GET', '/across/missing', right)).toEqual({ status: 404, cors });
    const anonymous = await fetch(`${server.url}/across/key`, { headers: right });
    expect([anonymous.status, corsOf(anonymous.headers)]).toEqual([403, cors]);
    expect(await signed('GET', '/across/key', {})).toEqual({ status: 200, cors: {} });
    expect(await signed('GET', '/across/key', { origin: 'https://other' })).toEqual({ status: 200, cors: {} });
    expect(await signed('PUT', '/across/put', right)).toEqual({ status: 200, cors: {} });
    const asPut = { ...right, 'access-control-request-method': 'PUT' };
    expect(await signed('GET', '/across/key', asPut)).toEqual({ status: 200, cors: {} });
    const withHeaders = { ...right, 'access-control-request-headers': 'x-amz-acl' };
    expect(await signed('GET', '/across/key', withHeaders)).toEqual({ status: 200, cors: {} });
  });

  test('follows the configuration at once', async () => {
    await putCors({ AllowedOrigins: ['https://one'], AllowedMethods: ['GET'] });
    expect((await signed('GET', '/across/key', { origin: 'https://one' })).cors).not.toEqual({});
    await putCors({ AllowedOrigins: ['https://two'], AllowedMethods: ['GET'] });
    expect((await signed('GET', '/across/key', { origin: 'https://one' })).cors).toEqual({});
    expect((await signed('GET', '/across/key', { origin: 'https://two' })).cors).not.toEqual({});
    await s3.send(new DeleteBucketCorsCommand({ Bucket }));
    expect((await signed('GET', '/across/key', { origin: 'https://two' })).cors).toEqual({});
  });
});

describe('the configuration', () => {
  const none = { status: 404, code: 'NoSuchCORSConfiguration', message: 'The CORS configuration does not exist' };

  test('comes back as it was put, and ends', async () => {
    await s3.send(new DeleteBucketCorsCommand({ Bucket }));
    expect(await refusal(s3.send(new GetBucketCorsCommand({ Bucket })))).toEqual(none);
    const rules: CORSRule[] = [
      {
        ID: 'one',
        AllowedHeaders: ['x-amz-*'],
        AllowedMethods: ['GET', 'PUT', 'HEAD'],
        AllowedOrigins: ['https://test.com', 'http://test.com:80'],
        ExposeHeaders: ['ETag'],
        MaxAgeSeconds: 0,
      },
      { AllowedMethods: ['GET'], AllowedOrigins: [''] },
    ];
    await putCors(...rules);
    expect((await s3.send(new GetBucketCorsCommand({ Bucket }))).CORSRules).toEqual(rules);
    const deleted = await s3.send(new DeleteBucketCorsCommand({ Bucket }));
    expect(deleted.$metadata.httpStatusCode).toBe(204);
    expect(await refusal(s3.send(new GetBucketCorsCommand({ Bucket })))).toEqual(none);
  });

  test('of 64 KB is taken, survives, and ends with its bucket', async () => {
    const big = { Bucket: 'big-cors' };
    await s3.send(new CreateBucketCommand(big));
    const CORSRules = Array.from({ length: 100 }, (_, i) => ({
      ID: `rule${i}`,
      AllowedMethods: ['GET'],
      AllowedOrigins: [`https://${'"&'.repeat(40)}${i}`],
    }));
    await s3.send(new PutBucketCorsCommand({ ...big, CORSConfiguration: { CORSRules } }));
    expect((await s3.send(new GetBucketCorsCommand(big))).CORSRules).toEqual(CORSRules);
    await s3.send(new DeleteBucketCommand(big));
    await s3.send(new CreateBucketCommand(big));
    expect(await refusal(s3.send(new GetBucketCorsCommand(big)))).toEqual(none);
    const tooLarge = { AllowedMethods: ['GET'], AllowedOrigins: ['x'.repeat(66_000)] };
    expect(await refusal(putCors(tooLarge))).toMatchObject({ status: 400, code: 'MaxMessageLengthExceeded' });
  });

  test('is validated as AWS does', async () => {
    const rule = { AllowedMethods: ['GET'], AllowedOrigins: ['*'] };
    const cases: [CORSRule[], string, string][] = [
      [
        [{ ...rule, AllowedMethods: ['MYMETHOD'] }],
        'InvalidRequest',
        'Found unsupported HTTP method in CORS config. Unsupported method is MYMETHOD',
      ],
      [
        [{ ...rule, AllowedOrigins: ['*example*.com'] }],
        'InvalidRequest',
        'AllowedOrigin "*example*.com" can not have more than one wildcard.',
      ],
      [
        [{ ...rule, AllowedHeaders: ['*a*'] }],
        'InvalidRequest',
        'AllowedHeader "*a*" can not have more than one wildcard.',
      ],
      [
        [{ ...rule, ExposeHeaders: ['x-*'] }],
        'InvalidRequest',
        'ExposeHeader "x-*" contains wildcard. We currently do not support wildcard for ExposeHeader.',
      ],
      [
        Array.from({ length: 101 }, () => rule),
        'InvalidRequest',
        'The number of CORS rules should not exceed allowed limit of 100 rules.',
      ],
      [[], 'MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema'],
      [
        [{ ...rule, AllowedMethods: [] }],
        'MalformedXML',
        'The XML you provided was not well-formed or did not validate against our published schema',
      ],
    ];
    for (const [rules, code, message] of cases) {
      expect(await refusal(putCors(...rules))).toEqual({ status: 400, code, message });
    }
    expect(cases).toHaveLength(7);
  });
});
