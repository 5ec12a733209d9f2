import { expect, test } from 'vitest';
import { ANONYMOUS } from '../../../src/auth/ports.js';
import { createCipher } from '../../../src/s3/encryption/create-cipher.js';
import { keyTarget } from '../../../src/s3/encryption/key-target.js';
import { openCipher } from '../../../src/s3/encryption/open-cipher.js';
import type { OperationContext } from '../../../src/s3/operation.js';
import type { BucketRecord } from '../../../src/store/records.js';

const bucket = { name: 'b', bucketId: '00'.repeat(16) } as BucketRecord;
const objectId = Buffer.alloc(16, 1);
const alice = { ...ANONYMOUS, kind: 'user', arn: 'arn:aws:iam::111111111111:user/alice' } as const;

/** Remembers whether the keys were asked for. */
function contextOf(caller: OperationContext['caller'], version: OperationContext['signature']['version']) {
  const asked: string[] = [];
  const dataKeys = { create: async () => asked.push('create'), open: async () => asked.push('open') };
  const context = {
    operationName: 'GetObject',
    caller,
    signature: { version },
    requestId: 'r',
    requestContext: new Map(),
    facts: { bucket: { record: bucket } },
    services: { region: 'eu-west-1', dataKeys },
  } as unknown as OperationContext;
  return { context, asked };
}

test('the key service hears who asks, via S3 of the region, for which object and operation', () => {
  const { context } = contextOf(alice, 'AWS4-HMAC-SHA256');
  expect(keyTarget(context, bucket, 'a/b', objectId)).toMatchObject({
    who: {
      caller: alice,
      viaService: 's3.eu-west-1.amazonaws.com',
      requestId: 'r',
      source: { operation: 'GetObject', bucket: 'b', key: 'a/b' },
    },
    arns: { bucketArn: 'arn:aws:s3:::b', objectArn: 'arn:aws:s3:::b/a/b' },
  });
});

const kmsModes = ['SSE-KMS', 'DSSE-KMS'] as const;
const refused = expect.objectContaining({
  code: 'InvalidArgument',
  status: 400,
  message: 'Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.',
});

test.each(kmsModes)(
  'nobody who is anonymous, or signed with Signature V2, gets as far as the key service with %s',
  async (mode) => {
    for (const [caller, version] of [
      [ANONYMOUS, ''],
      [alice, 'AWS'],
    ] as const) {
      const { context, asked } = contextOf(caller, version);
      const choice = { mode, keyId: 'k', context: {}, bucketKeyEnabled: true };
      await expect(createCipher(context, choice, bucket, 'k', objectId)).rejects.toThrow(refused);
      await expect(openCipher(context, { mode }, 'k', objectId.toString('hex'), undefined)).rejects.toThrow(refused);
      expect(asked).toEqual([]);
    }
  },
);

test('other modes, and whoever is signed with Signature V4, do', async () => {
  const anonymous = contextOf(ANONYMOUS, '');
  await createCipher(anonymous.context, { mode: 'SSE-S3' }, bucket, 'k', objectId);
  await openCipher(anonymous.context, { mode: 'SSE-C' }, 'k', objectId.toString('hex'), undefined);
  expect(anonymous.asked).toEqual(['create', 'open']);
  const signed = contextOf(alice, 'AWS4-HMAC-SHA256');
  await openCipher(signed.context, { mode: 'SSE-KMS' }, 'k', objectId.toString('hex'), undefined);
  expect(signed.asked).toEqual(['open']);
});
