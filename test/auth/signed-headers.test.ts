import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { authenticate } from '../../src/auth/authenticate.js';
import { AuthError } from '../../src/auth/error.js';
import { ANONYMOUS, type Service, type SignedRequest } from '../../src/auth/ports.js';
import { ManualClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';

const KEY = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'a-secret-of-the-tests' };
const DATE = '20261127T000000Z';
const CREDENTIAL = { ...KEY, secretAccessKey: new Secret(Buffer.from(KEY.secretAccessKey)), caller: ANONYMOUS };
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Parts {
  service: Service;
  /** Sent; `host` and `x-amz-date` (by header) are there besides. */
  headers: Record<string, string>;
  signed: readonly string[];
  body?: string;
  /** What is signed as the body. */
  signedBody?: string;
  payload?: string;
  presigned?: boolean;
}

function request(parts: Parts): { signed: SignedRequest; body: Buffer } {
  const { service, signed: names, body = 'a body', signedBody = body, presigned = false } = parts;
  const scope = `20261127/us-east-1/${service}/aws4_request`;
  const credential = `${KEY.accessKeyId}/${scope}`;
  const headers: Record<string, string> = {
    host: 'coffer',
    ...parts.headers,
    ...(!presigned && { 'x-amz-date': DATE }),
  };
  const sorted = [...names].sort();
  const query = presigned
    ? {
        'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
        'X-Amz-Credential': credential,
        'X-Amz-Date': DATE,
        'X-Amz-Expires': '60',
        'X-Amz-SignedHeaders': sorted.join(';'),
      }
    : {};
  const canonicalQuery = Object.entries(query)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
  const lines = sorted.map((name) => `${name}:${headers[name] ?? ''}`);
  const payload = parts.payload ?? sha256(signedBody);
  const canonical = ['POST', '/', canonicalQuery, ...lines, '', sorted.join(';'), payload].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>(
      (from, part) => createHmac('sha256', from).update(part).digest(),
      `AWS4${KEY.secretAccessKey}`,
    );
  const toSign = `AWS4-HMAC-SHA256\n${DATE}\n${scope}\n${sha256(canonical)}`;
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${sorted.join(';')}, Signature=${signature}`;
  if (!presigned) headers.authorization = authorization;
  const rawQuery = presigned ? `${canonicalQuery}&X-Amz-Signature=${signature}` : '';
  return { signed: { method: 'POST', rawPath: '/', rawQuery, headers }, body: Buffer.from(body) };
}

function answer(parts: Parts): string | [code: string, status: number, message: string] {
  const { signed, body } = request(parts);
  const clock = new ManualClock(Date.UTC(2026, 10, 27));
  const credentials = { find: () => CREDENTIAL };
  try {
    authenticate(signed, { credentials, clock, region: 'us-east-1', service: parts.service, body });
    return 'accepted';
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    return [error.code, error.status, error.message];
  }
}

const CODES = { kms: ['InvalidSignatureException', 400], sts: ['SignatureDoesNotMatch', 403] } as const;

describe.each(['kms', 'sts'] as const)('a request to %s', (service) => {
  const headers = { 'x-amz-target': 'TrentService.Decrypt', 'content-type': 'application/x-amz-json-1.1' };
  const SIGNED = ['host', 'x-amz-date', 'x-amz-target'];

  test.each([false, true])('signs its host and every x-amz- header that it has (presigned: %s)', (presigned) => {
    const all = presigned ? ['host', 'x-amz-target'] : SIGNED;
    const parts = { service, headers, presigned };
    expect(answer({ ...parts, signed: all })).toBe('accepted');
    expect(answer({ ...parts, signed: [...all, 'content-type'] })).toBe('accepted');
    for (const [missing, shown] of [
      ['host', "'Host' or ':authority'"],
      ['x-amz-target', "'X-Amz-Target'"],
      ...(presigned ? [] : [['x-amz-date', "'X-Amz-Date'"]]),
    ] as [string, string][]) {
      const message = `${shown} must be a 'SignedHeader' in the AWS Authorization.`;
      const signed = all.filter((name) => name !== missing);
      expect(answer({ ...parts, signed })).toEqual([...CODES[service], message]);
    }
    const more = { ...headers, 'x-amz-user-agent': 'somebody' };
    expect(answer({ ...parts, headers: more, signed: all })[0]).toBe(CODES[service][0]);
    expect(answer({ ...parts, headers: more, signed: [...all, 'x-amz-user-agent'] })).toBe('accepted');
  });

  test.each([false, true])('signs its body, whatever x-amz-content-sha256 says (presigned: %s)', (presigned) => {
    const all = presigned ? ['host', 'x-amz-target'] : SIGNED;
    const parts = { service, headers, presigned, signed: all };
    expect(answer({ ...parts, signedBody: 'another' })[0]).toBe(CODES[service][0]);
    expect(answer({ ...parts, payload: 'UNSIGNED-PAYLOAD' })[0]).toBe(CODES[service][0]);
    const claimed = { ...headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
    for (const signed of [all, [...all, 'x-amz-content-sha256']]) {
      expect(answer({ ...parts, headers: claimed, signed, payload: 'UNSIGNED-PAYLOAD' })[0]).toBe(CODES[service][0]);
    }
    // As some clients send it to every service: it says nothing that the signature doesn't.
    const right = { ...headers, 'x-amz-content-sha256': sha256('a body') };
    expect(answer({ ...parts, headers: right })).toBe('accepted');
  });
});
