import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Algorithm, createChecksum, headerName } from '../../../src/s3/checksum/algorithms.js';
import { completeChecksums, multipartChecksum, partChecksums } from '../../../src/s3/checksum/multipart.js';
import { uploadChecksums } from '../../../src/s3/checksum/upload-checksums.js';
import { referenceFile } from '../../support/reference.js';
import { refused } from './refused.js';

const FILE = referenceFile('aws-recorded/test_s3.snapshot.json');
const present = FILE !== undefined;

interface Recorded {
  Error: { Code: string; Message: string } & Record<string, string>;
  [member: string]: unknown;
}

const NONE = new Map<string, string>();
const recorded = new Map<string, Record<string, Recorded>>();
let compared = 0;

function entry(testName: string, name: string): Recorded {
  const found = recorded.get(testName)?.[name];
  if (!found) throw new Error(`nothing recorded as ${testName} ${name}`);
  compared++;
  return found;
}

/** The refusal in the shape of the recording. */
async function expectRefused(testName: string, name: string, call: () => unknown): Promise<void> {
  const { code, message, extra } = await refused(call);
  expect({ Code: code, Message: message, ...extra }).toEqual(entry(testName, name).Error);
}

const create = (algorithm?: string, type?: string) =>
  multipartChecksum.read({
    method: 'POST',
    bucket: 'b',
    key: 'k',
    query: new Map(),
    headers: {
      ...(algorithm ? { 'x-amz-checksum-algorithm': algorithm } : {}),
      ...(type ? { 'x-amz-checksum-type': type } : {}),
    },
  });

const LETTERS = 'a'.repeat(5 * 2 ** 20 + 1);
const PARTS = [LETTERS, LETTERS, 'a'.repeat(10)].map((text) => Buffer.from(text));

async function knownParts(algorithm: Algorithm, bodies: Buffer[]) {
  const known = [];
  for (const [i, body] of bodies.entries()) {
    const hash = await createChecksum(algorithm);
    hash.update(body);
    known.push({ partNumber: i + 1, size: body.length, value: hash.digest().toString('base64') });
  }
  return known;
}

const listed = (known: { partNumber: number; value: string }[], algorithm: string) =>
  known.map(({ partNumber, value }) => ({ partNumber, checksums: new Map([[algorithm, value]]) }));

describe.skipIf(!present)('as AWS recorded it', () => {
  beforeAll(() => {
    const file = JSON.parse(readFileSync(FILE!, 'utf8'));
    for (const [name, value] of Object.entries<{ 'recorded-content': Record<string, Recorded> }>(file)) {
      recorded.set(name.split('::').at(-1)!, value['recorded-content']);
    }
  });
  // A runner that compares nothing must not pass.
  afterAll(() => expect(compared).toBe(100));

  const ALL = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;

  test.each(ALL)('%s of an object has AWS’s value', async (algorithm) => {
    const { [`Checksum${algorithm}`]: value } = entry(`test_s3_get_object_checksum[${algorithm}]`, 'put-object');
    const checksums = await uploadChecksums({ [headerName(algorithm)]: String(value) }, { md5: false });
    checksums.update(Buffer.from('test-checksum'));
    expect(checksums.verify(NONE).checksum).toEqual({ algorithm, type: 'FULL_OBJECT', value });
  });

  test.each(ALL)('%s types and defaults of multipart uploads are AWS’s', async (algorithm) => {
    for (const type of ['COMPOSITE', 'FULL_OBJECT']) {
      const name = `test_multipart_checksum_type_compatibility[${type}-${algorithm}]`;
      if (recorded.get(name)!['create-mpu-checksum-exc']) {
        await expectRefused(name, 'create-mpu-checksum-exc', () => create(algorithm, type));
      } else {
        const { ChecksumAlgorithm, ChecksumType } = entry(name, 'create-mpu-checksum');
        expect(create(algorithm, type)).toEqual({ algorithm: ChecksumAlgorithm, type: ChecksumType });
      }
    }
    const byDefault = entry(
      `test_multipart_checksum_type_default_for_checksum[${algorithm}]`,
      'create-mpu-default-checksum-type',
    );
    expect(create(algorithm).type).toBe(byDefault.ChecksumType);
  });

  test.each([
    ['COMPOSITE', ['CRC32', 'CRC32C', 'SHA1', 'SHA256']],
    ['FULL_OBJECT', ['CRC32', 'CRC32C', 'CRC64NVME']],
  ] as const)('%s checksums of three parts are AWS’s', async (type, algorithms) => {
    for (const algorithm of algorithms) {
      const name = `test_complete_multipart_parts_checksum_${type.toLowerCase()}[${algorithm}]`;
      const member = `Checksum${algorithm}`;
      const known = await knownParts(algorithm, PARTS);
      for (const [i, part] of known.entries()) expect(part.value).toBe(entry(name, `upload-part-${i}`)[member]);
      const upload = { algorithm, type };
      const whole = entry(name, 'complete-multipart-checksum');
      const answer = await completeChecksums({}, upload, listed(known, algorithm)).combine(known);
      expect(answer).toEqual({ algorithm, type: whole.ChecksumType, value: whole[member] });
      if (type === 'COMPOSITE') {
        await expectRefused(name, 'complete-multipart-no-checksum', () =>
          completeChecksums(
            {},
            upload,
            known.map(({ partNumber }) => ({ partNumber, checksums: NONE })),
          ),
        );
      }
    }
  });

  test.each(ALL)('%s headers and values that are wrong are refused in AWS’s words', async (algorithm) => {
    const name = `test_put_object_checksum[${algorithm}]`;
    const header = headerName(algorithm);
    await expectRefused(name, 'put-wrong-checksum-no-b64', () => uploadChecksums({ [header]: 'no' }, { md5: false }));
    const wrong = (await createChecksum(algorithm)).digest().toString('base64');
    await expectRefused(name, 'put-wrong-checksum-value', async () => {
      const checksums = await uploadChecksums({ [header]: wrong }, { md5: false });
      checksums.update(Buffer.from('body'));
      checksums.verify(NONE);
    });
    const part = `test_multipart_upload_part_checksum_exception[${algorithm}]`;
    const upload = create(algorithm);
    await expectRefused(part, 'put-wrong-checksum-no-b64', () =>
      partChecksums({ [header]: 'no' }, upload, { md5: false }),
    );
    await expectRefused(part, 'put-wrong-checksum-value', async () => {
      const checksums = await partChecksums({ [header]: wrong }, upload, { md5: false });
      checksums.update(Buffer.from('body'));
      checksums.verify(NONE);
    });
  });

  test('two checksums are refused in AWS’s words', async () => {
    await expectRefused('test_s3_checksum_no_algorithm', 'put-2-checksums', () =>
      uploadChecksums({ 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-sha256': 'AAAA' }, { md5: false }),
    );
  });

  test('a composite upload’s refusals are in AWS’s words', async () => {
    const name = 'test_multipart_parts_checksum_exceptions_composite';
    await expectRefused(name, 'create-mpu-wrong-checksum-algo', () => create('TEST'));
    await expectRefused(name, 'create-mpu-no-checksum-algo-with-type', () => create(undefined, 'COMPOSITE'));
    const upload = create('CRC32', 'COMPOSITE');
    const known = await knownParts('CRC32', [Buffer.from('abc')]);
    expect(known[0]!.value).toBe(entry(name, 'upload-part-no-checksum-ok').ChecksumCRC32);
    const sha256 = await knownParts('SHA256', [Buffer.from('abc')]);
    await expectRefused(name, 'complete-part-with-checksum', () =>
      completeChecksums({}, upload, listed(sha256, 'SHA256')),
    );
    await expectRefused(name, 'complete-part-with-bad-checksum-type', () =>
      completeChecksums({ 'x-amz-checksum-type': 'FULL_OBJECT' }, upload, listed(known, 'CRC32')),
    );
    await expectRefused(name, 'upload-part-different-checksum-exc', () =>
      partChecksums({ 'x-amz-checksum-crc32': 'AAAAAA==' }, create('SHA256'), { md5: false }),
    );
  });

  test('a full-object upload’s refusals are in AWS’s words', async () => {
    const name = 'test_multipart_parts_checksum_exceptions_full_object';
    await expectRefused(name, 'create-mpu-no-checksum-algo-with-type', () => create(undefined, 'FULL_OBJECT'));
    const upload = create('CRC32C', 'FULL_OBJECT');
    const known = await knownParts('CRC32C', [Buffer.from('abc')]);
    const complete = (headers: Record<string, string>) =>
      completeChecksums(headers, upload, listed(known, 'CRC32C')).combine(known);
    await expectRefused(name, 'complete-part-bad-checksum-type', () =>
      complete({ 'x-amz-checksum-type': 'COMPOSITE' }),
    );
    const type = { 'x-amz-checksum-type': 'FULL_OBJECT' };
    await expectRefused(name, 'complete-part-bad-checksum', () =>
      complete({ 'x-amz-checksum-crc32c': 'AAAAAA==', ...type }),
    );
    await expectRefused(name, 'complete-part-bad-checksum-algo', () =>
      complete({ 'x-amz-checksum-crc32': 'AAAAAA==', ...type }),
    );
    const right = { 'x-amz-checksum-crc32c': known[0]!.value };
    await expectRefused(name, 'complete-part-good-checksum-no-type', () => complete(right));
    expect((await complete({ ...right, ...type })).value).toBe(entry(name, 'complete-success').ChecksumCRC32C);
    await expectRefused(name, 'upload-part-different-checksum-exc', () =>
      partChecksums({ 'x-amz-checksum-crc32': 'AAAAAA==' }, upload, { md5: false }),
    );
  });

  test('an upload without an algorithm is completed without a type', async () => {
    const name = 'test_complete_multipart_parts_checksum_default';
    const complete = (type: string) => completeChecksums({ 'x-amz-checksum-type': type }, create(), []);
    await expectRefused(name, 'complete-multipart-full-object-type', () => complete('FULL_OBJECT'));
    await expectRefused(name, 'complete-multipart-composite-type', () => complete('COMPOSITE'));
  });

  test('Content-MD5 is refused in AWS’s words', async () => {
    const name = 'test_s3_invalid_content_md5';
    const values = ['__invalid__', '000', 'not base64 encoded checksum', 'MTIz', 'dGVzdC1zdHJpbmc='];
    for (const [i, value] of values.entries()) {
      const headers = { 'content-md5': value };
      await expectRefused(name, `md5-error-${i}`, () => uploadChecksums(headers, { md5: true }));
      await expectRefused(name, `upload-part-md5-error-${i}`, () => partChecksums(headers, create(), { md5: true }));
    }
    const { ExpectedDigest } = entry(name, 'upload-part-md5-bad-digest').Error;
    const headers = { 'content-md5': ExpectedDigest! };
    const digests = async (checksums: Awaited<ReturnType<typeof uploadChecksums>>) => {
      checksums.update(Buffer.from('test'));
      const { extra } = await refused(() => checksums.verify(NONE));
      return extra.ExpectedDigest;
    };
    expect(await digests(await partChecksums(headers, create(), { md5: true }))).toBe(ExpectedDigest);
    expect(await digests(await uploadChecksums(headers, { md5: true }))).toBe(
      entry(name, 'md5-error-bad-digest').Error.ExpectedDigest,
    );
  });
});
