import { expect, test } from 'vitest';
import { decodeHeaderValue, encodeHeaderValue } from '../../../src/s3/fields/rfc2047.js';

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

test('raw UTF-8 bytes, which node hands over as latin1, are understood', () => {
  expect(decodeHeaderValue(Buffer.from('é', 'utf8').toString('latin1'))).toBe('é');
});
