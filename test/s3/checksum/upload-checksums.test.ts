import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ALGORITHMS, createChecksum, headerName } from '../../../src/s3/checksum/algorithms.js';
import { checksumHeaders, checksumNodes } from '../../../src/s3/checksum/headers.js';
import { partChecksums } from '../../../src/s3/checksum/multipart.js';
import { copyChecksums, type UploadChecksums, uploadChecksums } from '../../../src/s3/checksum/upload-checksums.js';
import { refused } from './refused.js';

const BODY = Buffer.from('test-checksum');
const NONE = new Map<string, string>();

async function base64(algorithm: (typeof ALGORITHMS)[number], bytes = BODY): Promise<string> {
  const hash = await createChecksum(algorithm);
  hash.update(bytes);
  return hash.digest().toString('base64');
}

async function run(headers: Record<string, string>, trailers = NONE, md5 = false) {
  const checksums = await uploadChecksums(headers, { md5 });
  feed(checksums);
  return checksums.verify(trailers);
}

function feed(checksums: UploadChecksums): void {
  checksums.update(BODY.subarray(0, 4));
  checksums.update(BODY.subarray(4));
}

describe('an upload', () => {
  test('without a checksum gets CRC64NVME, and MD5 where it is asked for', async () => {
    // The value that AWS has for this body.
    const checksum = { algorithm: 'CRC64NVME', type: 'FULL_OBJECT', value: '1f2xscCCZCU=' };
    expect(await run({})).toEqual({ checksum, md5: undefined });
    expect(await run({}, NONE, true)).toEqual({ checksum, md5: createHash('md5').update(BODY).digest() });
  });

  test.each(ALGORITHMS)('is verified by its %s header, and keeps that', async (algorithm) => {
    const value = await base64(algorithm);
    expect((await run({ [headerName(algorithm)]: value })).checksum).toEqual({ algorithm, type: 'FULL_OBJECT', value });
    const wrong = await base64(algorithm, Buffer.from('another body'));
    expect(await refused(() => run({ [headerName(algorithm)]: wrong }))).toMatchObject({
      code: 'BadDigest',
      status: 400,
      message: `The ${algorithm} you specified did not match the calculated checksum.`,
    });
  });

  test.each(ALGORITHMS)('is verified by its %s trailer', async (algorithm) => {
    const name = headerName(algorithm);
    const headers = { 'x-amz-trailer': name };
    const value = await base64(algorithm);
    expect((await run(headers, new Map([[name, value]]))).checksum).toMatchObject({ algorithm, value });
    const wrong = await base64(algorithm, Buffer.from('another body'));
    expect(await refused(() => run(headers, new Map([[name, wrong]])))).toMatchObject({ code: 'BadDigest' });
    expect(await refused(() => run(headers, new Map([[name, 'AAA']])))).toMatchObject({
      code: 'InvalidRequest',
      message: `Value for ${name} trailing header is invalid.`,
    });
    expect(await refused(() => run(headers))).toMatchObject({ code: 'MalformedTrailerError' });
  });

  test('is verified by Content-MD5, told back as AWS does: in hex for an object, in base64 for a part', async () => {
    const right = createHash('md5').update(BODY).digest();
    const wrong = createHash('md5').update('another body').digest();
    expect((await run({ 'content-md5': right.toString('base64') })).md5).toEqual(right);
    const bad = {
      code: 'BadDigest',
      status: 400,
      message: 'The Content-MD5 you specified did not match what we received.',
    };
    const headers = { 'content-md5': wrong.toString('base64') };
    expect(await refused(() => run(headers))).toEqual({
      ...bad,
      extra: { ExpectedDigest: wrong.toString('hex'), CalculatedDigest: right.toString('base64') },
    });
    const part = await partChecksums(headers, { algorithm: 'CRC32', type: 'COMPOSITE' }, { md5: false });
    feed(part);
    expect(await refused(() => part.verify(NONE))).toEqual({
      ...bad,
      extra: { ExpectedDigest: wrong.toString('base64'), CalculatedDigest: right.toString('base64') },
    });
  });

  test('that is copied has the algorithm asked for, else its source’s, else CRC64NVME', async () => {
    const copy = async (asked: string | undefined, source?: 'SHA1') => {
      const checksums = await copyChecksums(asked, source && { algorithm: source, type: 'COMPOSITE', value: 'old-3' }, {
        md5: false,
      });
      feed(checksums);
      return checksums.verify(NONE).checksum;
    };
    expect(await copy('sha256', 'SHA1')).toEqual({
      algorithm: 'SHA256',
      type: 'FULL_OBJECT',
      value: '1YQo81vx2VFUl0q5ccWISq8AkSBQQ0WO80S82TmfdIQ=',
    });
    expect(await copy(undefined, 'SHA1')).toMatchObject({ algorithm: 'SHA1', type: 'FULL_OBJECT' });
    expect(await copy(undefined)).toMatchObject({ algorithm: 'CRC64NVME' });
    expect(await refused(() => copy('CRC33'))).toMatchObject({ code: 'InvalidRequest' });
  });
});

test('an answer names the checksum in headers and in XML', () => {
  const checksum = { algorithm: 'CRC32C', type: 'COMPOSITE', value: 'XF5+4A==-3' } as const;
  expect(checksumHeaders(checksum)).toEqual({
    'x-amz-checksum-crc32c': 'XF5+4A==-3',
    'x-amz-checksum-type': 'COMPOSITE',
  });
  expect(checksumHeaders(checksum, { withType: false })['x-amz-checksum-type']).toBeUndefined();
  expect(checksumNodes(checksum)).toEqual([
    ['ChecksumCRC32C', 'XF5+4A==-3'],
    ['ChecksumType', 'COMPOSITE'],
  ]);
});
