import { expect, test } from 'vitest';
import { encryption } from '../../../src/s3/fields/encryption.js';
import type { RequestFields } from '../../../src/s3/operation.js';

const read = (json: string) => {
  const headers = {
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-context': Buffer.from(json).toString('base64'),
  };
  return encryption.read({ headers } as Partial<RequestFields> as RequestFields);
};

test('no pair of the encryption context gets lost, whatever its key is', () => {
  for (const json of ['{"__proto__":"x","constructor":"y"}', '{"":""}', '{"toString":"x","a":"b"}']) {
    const request = read(json);
    expect(JSON.stringify(request?.mode === 'SSE-KMS' && request.context)).toBe(json);
  }
});

test('what is no context is refused', () => {
  for (const json of ['', '[]', '"a"', 'null', '{"a":1}', '{"a":"\\ud800"}', '{"\\udc00":"a"}']) {
    expect(() => read(json), json).toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
  }
});
