import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { equalSha256 } from '../../src/base/mac.js';

const digest = createHash('sha256').update('text').digest('hex');

test('equal digests are equal', () => {
  expect(equalSha256(digest, digest)).toBe(true);
});

test('one bit more or less, at either end, is another digest', () => {
  const flipped = (at: number): string => {
    const bytes = Buffer.from(digest, 'hex');
    bytes[at]! ^= 1;
    return bytes.toString('hex');
  };
  for (const at of [0, 31]) expect(equalSha256(digest, flipped(at))).toBe(false);
});

test.each([
  ['nothing', ''],
  ['shorter', digest.slice(2)],
  ['longer', `${digest}00`],
  ['upper case', digest.toUpperCase()],
  ['no hex', `${digest.slice(0, -1)}g`],
  ['characters that end in the same byte', String.fromCharCode(digest.charCodeAt(0) + 256) + digest.slice(1)],
  ['a line behind it', `${digest}\n`],
])('%s is refused, whatever was compared before', (_name, claimed) => {
  expect(equalSha256(digest, digest)).toBe(true);
  expect(equalSha256(digest, claimed)).toBe(false);
});
