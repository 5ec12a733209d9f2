import { expect, test } from 'vitest';
import { contentHeaders } from '../../src/jobs/replication/headers.js';
import type { ReplicationRule } from '../../src/s3/replication/rules.js';
import type { ObjectContent } from '../../src/store/records.js';

const MRK = 'arn:aws:kms:us-east-1:111111111111:key/mrk-1234abcd12ab34cd56ef1234567890ab';
const keyIn = (keyArn: string, region: string): string | undefined => {
  const destination = { bucketArn: 'arn:aws:s3:::to', useSourceMultiRegionKey: true };
  const content = { system: {}, metadata: {}, encryption: { mode: 'SSE-KMS', keyArn, context: {} } };
  const rule = { destination, sseKms: true } as unknown as ReplicationRule;
  return contentHeaders(content as unknown as ObjectContent, rule, region)[
    'x-amz-server-side-encryption-aws-kms-key-id'
  ];
};

test('UseSourceMultiRegionKey names the key that is related to the source’s in the destination’s region', () => {
  expect(keyIn(MRK, 'eu-west-1')).toBe(MRK.replace('us-east-1', 'eu-west-1'));
  expect(keyIn(MRK, 'us-east-1')).toBe(MRK);
  expect(() =>
    keyIn('arn:aws:kms:us-east-1:111111111111:key/134f2428-cec1-4b25-a1ae-9048164dba47', 'eu-west-1'),
  ).toThrow('is no multi-Region key');
});
