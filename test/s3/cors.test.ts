import { describe, expect, test } from 'vitest';
import { type CorsRule, corsHeaders } from '../../src/s3/cors.js';

const ask = (rule: Partial<CorsRule>, origin: string, requestHeaders?: string, method = 'GET') =>
  corsHeaders([{ allowedMethods: ['GET'], allowedOrigins: ['*'], ...rule }], { origin, method, requestHeaders });

describe('a rule', () => {
  test('matches origins with one wildcard, by bytes and by case', () => {
    const cases: [pattern: string, origin: string, allowed: boolean][] = [
      ['*', 'https://a', true],
      ['https://a', 'https://a', true],
      ['https://a', 'https://A', false],
      ['https://a', 'https://a.b', false],
      ['https://*.b', 'https://a.b', true],
      ['https://*.b', 'https://.b', true],
      ['https://*.b', 'https://b', false],
      ['https://*', 'https://', true],
      ['*.b', 'https://a.b', true],
      // The two ends may not overlap.
      ['aba*ba', 'aba', false],
      ['aba*ba', 'ababa', true],
      ['', '', true],
      ['', 'https://a', false],
    ];
    for (const [pattern, origin, allowed] of cases) {
      expect([pattern, origin, ask({ allowedOrigins: [pattern] }, origin) !== undefined]).toEqual([
        pattern,
        origin,
        allowed,
      ]);
    }
    expect(cases).toHaveLength(13);
  });

  test('allows credentials to every origin it names, and none to all', () => {
    expect(ask({}, 'https://a')).not.toHaveProperty('access-control-allow-credentials');
    expect(ask({ allowedOrigins: ['https://*'] }, 'https://a')).toMatchObject({
      'access-control-allow-origin': 'https://a',
      'access-control-allow-credentials': 'true',
    });
  });

  test('allows requested headers by pattern, whatever their case, all or none', () => {
    const allowedHeaders = ['X-Amz-*', 'authorization'];
    expect(ask({ allowedHeaders }, 'o', 'x-amz-a,  AUTHORIZATION')).toMatchObject({
      'access-control-allow-headers': 'x-amz-a, authorization',
    });
    expect(ask({ allowedHeaders }, 'o', 'x-amz-a, x-other')).toBeUndefined();
    expect(ask({}, 'o', 'x-amz-a')).toBeUndefined();
    expect(ask({}, 'o', ' , ')).toBeDefined();
  });

  test('that doesn’t allow it leaves it to the next', () => {
    const rules: CorsRule[] = [
      { allowedMethods: ['PUT'], allowedOrigins: ['*'], maxAgeSeconds: 1 },
      { allowedMethods: ['GET'], allowedOrigins: ['*'], maxAgeSeconds: 2 },
      { allowedMethods: ['GET'], allowedOrigins: ['*'], maxAgeSeconds: 3 },
    ];
    const of = (method: string) => corsHeaders(rules, { origin: 'o', method, requestHeaders: undefined });
    expect(of('PUT')?.['access-control-max-age']).toBe('1');
    expect(of('GET')?.['access-control-max-age']).toBe('2');
    expect(of('HEAD')).toBeUndefined();
  });
});
