import { expect, test } from 'vitest';
import type { OperationContext } from '../../../src/s3/operation.js';
import { putBucketAcl } from '../../../src/s3/operations/PutBucketAcl.js';
import { Buckets } from '../../../src/store/buckets.js';
import { MemoryMetaStore } from '../../../src/store/memory/meta-store.js';
import type { BucketRecord } from '../../../src/store/records.js';
import { bucketRecord, plain } from '../../versions/engines.js';

/** A bucket whose record changes between the reading of its facts and PutBucketAcl's own write. */
async function putAfter(change: Partial<BucketRecord>) {
  const buckets = new Buckets(new MemoryMetaStore(), plain);
  await buckets.create(bucketRecord('b'));
  const bucket = (await buckets.get('b'))!;
  await buckets.update('b', (record) => ({ ...record, ...change }));
  const caller = { kind: 'root', accountId: bucket.record.ownerAccountId, arn: 'arn:aws:iam::111111111111:root' };
  const context = { facts: { bucket }, services: { buckets, accounts: {} }, caller } as unknown as OperationContext;
  const input = { bucket: 'b', acl: { request: { canned: 'public-read' } } };
  const put = (putBucketAcl.handle as unknown as (input: object, context: OperationContext) => Promise<void>)(
    input,
    context,
  );
  const code = await put.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );
  return { code, acl: (await buckets.get('b'))!.record.acl };
}

test('an ACL is stored where nothing speaks against it', async () => {
  const { code, acl } = await putAfter({});
  expect(code).toBe('done');
  expect(acl).toContainEqual({ permission: 'READ', group: expect.anything() });
});

test('ACLs that were disabled a moment before stay as they are', async () => {
  expect(await putAfter({ ownership: 'BucketOwnerEnforced' })).toEqual({ code: 'AccessControlListNotSupported' });
});

test('a public ACL is refused where those were blocked a moment before', async () => {
  const publicAccessBlock = {
    blockPublicAcls: true,
    ignorePublicAcls: false,
    blockPublicPolicy: false,
    restrictPublicBuckets: false,
  };
  expect(await putAfter({ publicAccessBlock })).toEqual({ code: 'AccessDenied' });
});
