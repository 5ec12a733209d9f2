import { describe, expect, test } from 'vitest';
import { ALGORITHMS, type Algorithm, createChecksum, headerName } from '../../../src/s3/checksum/algorithms.js';
import { combineComposite, combineFullObject } from '../../../src/s3/checksum/combine.js';
import { completeChecksums, multipartChecksum, partChecksums } from '../../../src/s3/checksum/multipart.js';
import { refused } from './refused.js';

const read = (headers: Record<string, string>) =>
  multipartChecksum.read({ method: 'POST', bucket: 'b', key: 'k', query: new Map(), headers });

async function base64(algorithm: Algorithm, text: string): Promise<string> {
  const hash = await createChecksum(algorithm);
  hash.update(Buffer.from(text));
  return hash.digest().toString('base64');
}

const TEXTS = ['first', 'second', 'third'];
const known = (algorithm: Algorithm) =>
  Promise.all(
    TEXTS.map(async (text, i) => ({ partNumber: i + 1, size: text.length, value: await base64(algorithm, text) })),
  );
const listed = (parts: { partNumber: number; value: string }[], algorithm: string) =>
  parts.map(({ partNumber, value }) => ({ partNumber, checksums: new Map([[algorithm, value]]) }));
const unlisted = TEXTS.map((_, i) => ({ partNumber: i + 1, checksums: new Map<string, string>() }));

describe('CreateMultipartUpload', () => {
  test.each(ALGORITHMS)('with %s takes the types that fit, and has AWS’s default', async (algorithm) => {
    const create = (type?: string) =>
      read({ 'x-amz-checksum-algorithm': algorithm, ...(type ? { 'x-amz-checksum-type': type } : {}) });
    const fits = {
      FULL_OBJECT: algorithm.startsWith('CRC'),
      COMPOSITE: algorithm !== 'CRC64NVME',
    };
    expect(create()).toEqual({ algorithm, type: algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE' });
    for (const type of ['FULL_OBJECT', 'COMPOSITE'] as const) {
      if (fits[type]) expect(create(type)).toEqual({ algorithm, type });
      else {
        expect(await refused(() => create(type))).toMatchObject({
          code: 'InvalidRequest',
          message: `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
        });
      }
    }
    expect(await refused(() => create('PARTIAL'))).toMatchObject({
      code: 'InvalidRequest',
      message: 'Value for x-amz-checksum-type header is invalid.',
    });
  });

  test('without an algorithm gets CRC64NVME over the whole object', () => {
    expect(read({})).toEqual({ algorithm: 'CRC64NVME', type: 'FULL_OBJECT', default: true });
  });
});

describe('UploadPart', () => {
  test('keeps the upload’s algorithm where the upload named none, and verifies the client’s', async () => {
    const value = await base64('CRC32C', 'first');
    const checksums = await partChecksums(
      { 'x-amz-checksum-crc32c': value },
      { algorithm: 'CRC64NVME', type: 'FULL_OBJECT', default: true },
      { md5: false },
    );
    checksums.update(Buffer.from('first'));
    expect(checksums.verify(new Map()).checksum).toMatchObject({
      algorithm: 'CRC64NVME',
      value: await base64('CRC64NVME', 'first'),
    });
    expect(checksums.answered).toMatchObject({ algorithm: 'CRC32C', value });
  });

  test('computes the upload’s algorithm where the client sends none', async () => {
    const checksums = await partChecksums({}, { algorithm: 'SHA512', type: 'COMPOSITE' }, { md5: false });
    checksums.update(Buffer.from('first'));
    expect(checksums.verify(new Map()).checksum.value).toBe(await base64('SHA512', 'first'));
  });
});

describe('CompleteMultipartUpload', () => {
  const full = (algorithm: Algorithm) => ({ algorithm, type: 'FULL_OBJECT' }) as const;
  const composite = (algorithm: Algorithm) => ({ algorithm, type: 'COMPOSITE' }) as const;

  test('combines what the parts have', async () => {
    for (const algorithm of ['CRC32', 'CRC32C', 'CRC64NVME'] as const) {
      const parts = await known(algorithm);
      const checksums = completeChecksums({}, full(algorithm), unlisted);
      expect(checksums.firstMismatch(parts)).toBeUndefined();
      expect((await checksums.combine(parts)).value).toBe(await base64(algorithm, TEXTS.join('')));
    }
    for (const algorithm of ALGORITHMS.filter((one) => one !== 'CRC64NVME')) {
      const parts = await known(algorithm);
      const checksums = completeChecksums({}, composite(algorithm), listed(parts, algorithm));
      expect(checksums.firstMismatch(parts)).toBeUndefined();
      expect((await checksums.combine(parts)).value).toBe(await combineComposite(algorithm, parts));
    }
  });

  test('finds the part whose listed checksum is another', async () => {
    const parts = await known('SHA256');
    const wrong = listed(parts, 'SHA256');
    wrong[1]!.checksums.set('SHA256', parts[0]!.value);
    expect(completeChecksums({}, composite('SHA256'), wrong).firstMismatch(parts)).toBe(2);
    const byDefault = { algorithm: 'CRC64NVME', type: 'FULL_OBJECT', default: true } as const;
    const crcs = await known('CRC64NVME');
    expect(completeChecksums({}, byDefault, listed(parts, 'SHA256')).firstMismatch(crcs)).toBe(1);
  });

  test('compares the whole object’s checksum with the request’s', async () => {
    const parts = await known('CRC32');
    const right = combineFullObject('CRC32', parts);
    const headers = (value: string, name = headerName('CRC32')) => ({ [name]: value });
    const combine = (sent: Record<string, string>, upload: { algorithm: string; type: 'FULL_OBJECT' | 'COMPOSITE' }) =>
      completeChecksums(sent, upload, listed(parts, 'CRC32')).combine(parts);
    const bad = { code: 'BadDigest', message: 'The crc32 you specified did not match the calculated checksum.' };
    const type = { 'x-amz-checksum-type': 'FULL_OBJECT' };
    expect((await combine({ ...headers(right), ...type }, full('CRC32'))).value).toBe(right);
    // Without a type it is taken for a composite one, as AWS does; CRC64NVME knows none.
    expect(await refused(() => combine(headers(right), full('CRC32')))).toMatchObject(bad);
    const crc64 = await known('CRC64NVME');
    const whole64 = combineFullObject('CRC64NVME', crc64);
    const sent64 = headers(whole64, headerName('CRC64NVME'));
    for (const byDefault of [{}, { default: true as const }]) {
      const upload = { ...full('CRC64NVME'), ...byDefault };
      expect((await completeChecksums(sent64, upload, unlisted).combine(crc64)).value).toBe(whole64);
      const composite = headers('AAAAAA==-3');
      const complete = () => completeChecksums(composite, upload, unlisted).combine(crc64);
      // An upload that named no algorithm passes a composite one over.
      if (byDefault.default) expect((await complete()).value).toBe(whole64);
      else expect(await refused(complete)).toMatchObject({ code: 'BadDigest' });
      // Whole, of another algorithm: refused, and the message names the upload's, as AWS's does.
      const other = { ...headers(right), ...(byDefault.default ? {} : type) };
      expect(await refused(() => completeChecksums(other, upload, unlisted).combine(crc64))).toMatchObject({
        code: 'BadDigest',
        message: 'The crc64nvme you specified did not match the calculated checksum.',
      });
    }
    for (const sent of [
      headers('AAAAAA=='),
      headers('nonsense'),
      headers(''),
      headers(`${right}-3`),
      headers(right, headerName('CRC32C')),
    ]) {
      expect(await refused(() => combine({ ...sent, ...type }, full('CRC32')))).toMatchObject(bad);
    }
    const whole = await combineComposite('CRC32', parts);
    const withoutNumber = whole.replace('-3', '');
    for (const sent of [whole, withoutNumber]) {
      expect((await combine(headers(sent), composite('CRC32'))).value).toBe(whole);
    }
    for (const sent of [`${withoutNumber}-2`, `${withoutNumber}-`, right]) {
      expect(await refused(() => combine(headers(sent), composite('CRC32')))).toMatchObject(bad);
    }
  });
});
