import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { encodeContext } from '../../src/encryption/context.js';
import { openBlob, readBlobHeader } from '../../src/kms/ciphertext-blob.js';
import { Xaes } from '../../src/seal/xaes.js';

const DOCUMENT = new URL('../../src/encryption/FORMAT.md', import.meta.url);

test('the worked example of a ciphertext blob opens, and is made of the parts it names', () => {
  const values = new Map<string, Buffer>();
  for (const [, name, hex] of readFileSync(DOCUMENT, 'utf8')
    .split('## Worked example of a ciphertext blob')[1]!
    .matchAll(/^ {4}([a-z ]+?) += ([0-9a-f]+)$/gm)) {
    values.set(name!, Buffer.from(hex!, 'hex'));
  }
  expect(values.size).toBe(6);
  const blob = values.get('blob')!;
  const key = new Xaes(new Secret(Buffer.from(values.get('backing key')!)));
  expect(readBlobHeader(blob)).toEqual({
    keyId: '134f2428-cec1-4b25-a1ae-9048164dba47',
    backingKeyId: values.get('backing key id')!.toString('hex'),
  });
  expect(encodeContext({ a: 'bc' })).toEqual(values.get('context'));
  expect(openBlob(key, { a: 'bc' }, blob)).toEqual(values.get('plaintext'));
  expect(openBlob(key, { ab: 'c' }, blob)).toBeUndefined();
  expect(blob.subarray(49, 73)).toEqual(values.get('nonce'));
  expect(blob.length).toBe(values.get('plaintext')!.length + 89);
});
