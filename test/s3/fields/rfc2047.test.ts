import { expect, test } from 'vitest';
import { decodeHeaderValue, encodeHeaderValue, storedBytes } from '../../../src/s3/fields/rfc2047.js';

// Values that AWS answered (recorded by the LocalStack project, test_user_metadata_rfc2047_encoded).
test.each([
  ['=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?=', 'test_—_file%E2%80%94_é_2?.pdf'],
  ['=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=', 'ÄMÄZÕÑ S3'],
  ['=?UTF-8?B?AAECAw==?=', '\0\u0001\u0002\u0003'],
  ['!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'],
])('%s is what AWS answers for its text', (encoded, text) => {
  expect(encodeHeaderValue(text)).toBe(encoded);
  expect(decodeHeaderValue(encoded)).toBe(text);
});

test('encoded words that are plain ASCII come back plain', () => {
  expect(encodeHeaderValue(decodeHeaderValue('=?UTF-8?B?YWJj?='))).toBe('abc');
});

const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

test.each([
  ['UTF-8', bytes('é')],
  ['UTF-8 that ends like a no-break space', bytes('naïve à')],
  ['UTF-8 of four bytes', bytes('💚')],
  ['ISO 8859-1', 'na\xefve'],
  ['UTF-8 that is cut', bytes('€').slice(0, 2)],
  ['all bytes', Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join('')],
  ['a tab', 'a\tb'],
])('raw bytes come back as they came, also from JSON: %s', (_what, raw) => {
  const stored = JSON.parse(Buffer.from(JSON.stringify(decodeHeaderValue(raw))).toString()) as string;
  expect(encodeHeaderValue(stored)).toBe(raw);
  expect(storedBytes(stored).toString('latin1')).toBe(raw);
});

test('raw bytes beside an encoded word become one word of all of them', () => {
  const stored = decodeHeaderValue(`${bytes('ä')} =?UTF-8?Q?=F0=9F=92=9A?= ${bytes('ö')}`);
  expect(storedBytes(stored).toString('utf8')).toBe('ä 💚 ö');
  expect(encodeHeaderValue(stored)).toBe('=?UTF-8?Q?=C3=A4_=F0=9F=92=9A_=C3=B6?=');
});

test('no text that was stored earlier is taken for raw bytes', () => {
  for (const text of ['é', '💚💚', '\ud83d\udc9a\udbff\udfff']) {
    expect(decodeHeaderValue(encodeHeaderValue(text))).toBe(text);
    expect(storedBytes(text).toString('utf8')).toBe(text);
  }
});
