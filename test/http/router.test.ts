import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type AnyOperation, Router } from '../../src/http/router.js';
import type { S3Error } from '../../src/s3/error.js';
import { operation, type Route } from '../../src/s3/operation.js';
import { OPERATIONS } from '../../src/s3/registry.js';
import { OLDER_NAMES } from '../../tools/s3-operations.js';
import { referenceFile } from '../support/reference.js';

const declared = (name: string, route: Route): AnyOperation =>
  operation({
    name,
    route,
    input: {},
    facts: [],
    needs: () => [],
    errors: [],
    handle: async () => undefined,
    reply: () => ({}),
  });

interface Asked {
  method: string;
  bucket?: string;
  key?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
}

function find(router: Router, { method, bucket = 'b', key = '', query = {}, headers = {} }: Asked): string {
  try {
    return router.find(method, { bucket, key, query: new Map(Object.entries(query)), headers }).name;
  } catch (error) {
    return (error as S3Error).code;
  }
}

describe('the router', () => {
  const router = new Router([
    declared('Get', { method: 'GET', on: 'object' }),
    declared('GetParts', { method: 'GET', on: 'object', query: ['uploadId'] }),
    declared('GetV2', { method: 'GET', on: 'bucket', query: ['list-type=2'] }),
    declared('GetV1', { method: 'GET', on: 'bucket' }),
    declared('Put', { method: 'PUT', on: 'object' }),
    declared('Copy', { method: 'PUT', on: 'object', header: 'x-amz-copy-source' }),
    declared('Part', { method: 'PUT', on: 'object', query: ['partNumber', 'uploadId'] }),
    declared('PartCopy', {
      method: 'PUT',
      on: 'object',
      query: ['partNumber', 'uploadId'],
      header: 'x-amz-copy-source',
    }),
  ]);
  const copy = { 'x-amz-copy-source': 'a/b' };

  test.each<[string, Asked]>([
    ['Get', { method: 'GET', key: 'k' }],
    ['Get', { method: 'GET', key: 'k', query: { unknown: '1', 'x-id': 'GetObject' } }],
    ['GetParts', { method: 'GET', key: 'k', query: { uploadId: 'u' } }],
    ['GetV2', { method: 'GET', query: { 'list-type': '2' } }],
    ['GetV1', { method: 'GET', query: { 'list-type': '1' } }],
    ['Put', { method: 'PUT', key: 'k' }],
    ['Copy', { method: 'PUT', key: 'k', headers: copy }],
    ['Part', { method: 'PUT', key: 'k', query: { partNumber: '1', uploadId: 'u' } }],
    ['PartCopy', { method: 'PUT', key: 'k', query: { partNumber: '1', uploadId: 'u' }, headers: copy }],
    ['MethodNotAllowed', { method: 'DELETE', key: 'k', query: { uploadId: 'u' } }],
    ['InvalidArgument', { method: 'PUT', key: 'k', query: { partNumber: '1' } }],
    ['InvalidArgument', { method: 'GET', key: 'k', headers: copy }],
    ['InvalidArgument', { method: 'GET', key: 'k', query: { uploadId: 'u', tagging: '' } }],
    ['NotImplemented', { method: 'GET', key: 'k', query: { tagging: '' } }],
    ['NotImplemented', { method: 'GET', bucket: '', query: { 'x-id': 'ListDirectoryBuckets' } }],
    ['NotImplemented', { method: 'POST', bucket: 'WriteGetObjectResponse', headers: { 'x-amz-request-route': 'r' } }],
    ['MethodNotAllowed', { method: 'DELETE', key: 'k' }],
    ['MethodNotAllowed', { method: 'PROPFIND', key: 'k' }],
  ])('finds %s', (name, asked) => expect(find(router, asked)).toBe(name));

  test('says which methods a refused one could have been', () => {
    expect(() => router.find('DELETE', { bucket: 'b', key: 'k', query: new Map(), headers: {} })).toThrow(
      expect.objectContaining({
        code: 'MethodNotAllowed',
        extra: { Method: 'DELETE', ResourceType: 'OBJECT' },
        headers: { allow: 'GET, PUT' },
      }),
    );
  });

  test('refuses two routes that tie, whatever order their parameters are in', () => {
    const one = declared('One', { method: 'PUT', on: 'object', query: ['a', 'b'] });
    const other = declared('Other', { method: 'PUT', on: 'object', query: ['b', 'a'] });
    expect(() => new Router([one, other])).toThrow(/two operations have the route PUT object/);
    expect(() => new Router(OPERATIONS)).not.toThrow();
  });
});

const MODEL = referenceFile('api-models/s3.json');

test.skipIf(!MODEL)('each of the 116 operations of the API model finds itself or 501, never another', () => {
  interface Member {
    location?: string;
    locationName?: string;
  }
  const model = JSON.parse(readFileSync(MODEL!, 'utf8')) as {
    operations: Record<string, { http: { method: string; requestUri: string }; input?: { shape: string } }>;
    shapes: Record<string, { required?: string[]; members?: Record<string, Member> }>;
  };
  const router = new Router(OPERATIONS);
  const ours = new Set(OPERATIONS.map(({ name }) => name));
  const wrong: string[] = [];
  let tried = 0;
  for (const [name, { http, input }] of Object.entries(model.operations)) {
    const [path, queryText = ''] = http.requestUri.split('?') as [string, string?];
    const query: Record<string, string> = { 'x-id': name };
    for (const part of queryText.split('&').filter(Boolean)) query[part.split('=')[0]!] = part.split('=')[1] ?? '';
    const headers: Record<string, string> = {};
    const shape = model.shapes[input?.shape ?? ''];
    for (const required of shape?.required ?? []) {
      const { location, locationName = required } = shape!.members![required]!;
      if (location === 'querystring') query[locationName] = '1';
      if (location === 'header') headers[locationName.toLowerCase()] = '1';
    }
    const bucket = path === '/' ? '' : path.startsWith('/{Bucket}') ? 'b' : path.slice(1);
    const found = find(router, {
      method: http.method,
      bucket,
      key: path.includes('{Key+}') ? 'k' : '',
      query,
      headers,
    });
    tried++;
    const expected = OLDER_NAMES[name] ?? name;
    if (found !== (ours.has(expected) ? expected : 'NotImplemented')) wrong.push(`${name}: ${found}`);
  }
  expect(wrong).toEqual([]);
  expect(tried).toBe(116);
});
