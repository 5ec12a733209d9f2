import { describe, expect, test } from 'vitest';
import { ALGORITHMS, createChecksum, headerName } from '../../../src/s3/checksum/algorithms.js';
import { parseChecksumRequest, parseContentMd5 } from '../../../src/s3/checksum/request.js';
import { refused } from './refused.js';

const invalid = (message: string) => ({ code: 'InvalidRequest', status: 400, message });
const SDK = 'x-amz-sdk-checksum-algorithm';

describe('the checksum of a request', () => {
  test('comes from the one header', async () => {
    for (const algorithm of ALGORITHMS) {
      const value = (await createChecksum(algorithm)).digest().toString('base64');
      const headers = { host: 'localhost', [headerName(algorithm)]: value };
      expect(parseChecksumRequest(headers)).toEqual({ algorithm, value });
      expect(parseChecksumRequest({ ...headers, [SDK]: algorithm.toLowerCase() })).toEqual({ algorithm, value });
    }
  });

  test('comes from the announced trailer', () => {
    const headers = { 'x-amz-trailer': 'x-amz-checksum-crc32', [SDK]: 'CRC32' };
    expect(parseChecksumRequest(headers)).toEqual({ algorithm: 'CRC32', trailer: true });
    expect(parseChecksumRequest({ 'x-amz-trailer': ' X-Amz-Checksum-SHA256 ' })).toEqual({
      algorithm: 'SHA256',
      trailer: true,
    });
  });

  test('may be missing; headers that name no value are none', () => {
    expect(parseChecksumRequest({})).toBeUndefined();
    expect(
      parseChecksumRequest({
        'x-amz-checksum-algorithm': 'SHA256',
        'x-amz-checksum-type': 'FULL_OBJECT',
        'x-amz-checksum-mode': 'ENABLED',
      }),
    ).toBeUndefined();
  });

  test('is refused where there are two', async () => {
    const two = invalid('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.');
    const both = { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-crc32c': 'AAAAAA==' };
    expect(await refused(() => parseChecksumRequest(both))).toMatchObject(two);
    expect(
      await refused(() =>
        parseChecksumRequest({ 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-trailer': 'x-amz-checksum-sha1' }),
      ),
    ).toMatchObject(two);
    expect(
      await refused(() => parseChecksumRequest({ 'x-amz-trailer': 'x-amz-checksum-sha1, x-amz-checksum-crc32' })),
    ).toMatchObject(two);
  });

  test.each(['', 'AAAA', 'AAAAAAA=', 'AAAAAA', 'AAAAAB==', 'AAAA!A==', 'AAAAAA==, AAAAAA==', 'nonsense'])(
    'is refused where it is no base64 of a digest: %j',
    async (value) => {
      expect(await refused(() => parseChecksumRequest({ 'x-amz-checksum-crc32': value }))).toMatchObject(
        invalid('Value for x-amz-checksum-crc32 header is invalid.'),
      );
    },
  );

  test('is refused, not passed over, where the algorithm is unknown', async () => {
    expect(await refused(() => parseChecksumRequest({ 'x-amz-checksum-sha3': 'AAAA' }))).toMatchObject(
      invalid('The algorithm type you specified in x-amz-checksum- header is invalid.'),
    );
    for (const named of ['x-amz-checksum-sha3', 'x-amz-meta-a', 'x-amz-checksum-crc32,', 'x-amz-checksum-type']) {
      expect(await refused(() => parseChecksumRequest({ 'x-amz-trailer': named }))).toMatchObject(
        invalid('The value specified in the x-amz-trailer header is not supported'),
      );
    }
  });

  test('has to be of the algorithm that the SDK declares', async () => {
    const wrong = invalid('Value for x-amz-sdk-checksum-algorithm header is invalid.');
    for (const headers of [
      { 'x-amz-checksum-crc32': 'AAAAAA==', [SDK]: 'SHA256' },
      { 'x-amz-trailer': 'x-amz-checksum-crc64nvme', [SDK]: 'sha1' },
      { 'x-amz-checksum-crc32': 'AAAAAA==', [SDK]: 'CRC33' },
      { [SDK]: '' },
    ]) {
      expect(await refused(() => parseChecksumRequest(headers))).toMatchObject(wrong);
    }
    expect(await refused(() => parseChecksumRequest({ [SDK]: 'CRC32' }))).toMatchObject(
      invalid(
        'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
      ),
    );
  });
});

describe('Content-MD5', () => {
  test('is sixteen bytes as base64', () => {
    expect(parseContentMd5({})).toBeUndefined();
    expect(parseContentMd5({ 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' })?.toString('hex')).toBe(
      'd41d8cd98f00b204e9800998ecf8427e',
    );
  });

  test.each([
    '__invalid__',
    '000',
    'not base64 encoded checksum',
    'MTIz',
    'dGVzdC1zdHJpbmc=',
    '',
    '1B2M2Y8AsgTpgAmY7PhCfg',
  ])('is refused as AWS does: %j', async (value) => {
    expect(await refused(() => parseContentMd5({ 'content-md5': value }))).toEqual({
      code: 'InvalidDigest',
      status: 400,
      message: 'The Content-MD5 you specified was invalid.',
      extra: { 'Content-MD5': value },
    });
  });
});
