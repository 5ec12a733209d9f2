import { expect, test } from 'vitest';
import { S3Error } from '../../src/s3/error.js';
import type { OperationContext, Permission } from '../../src/s3/operation.js';
import { type ReadInput, readObject } from '../../src/s3/read.js';
import type { BodyPart, ObjectRecord } from '../../src/store/records.js';

const PART = '1'.repeat(32);
const versionOf = (objectId: string, ownerAccountId: string) => ({
  isCurrent: true,
  key: Buffer.from('k'),
  revision: Buffer.from(objectId, 'hex'),
  record: {
    objectId,
    ownerAccountId,
    versionId: 'null',
    lastModifiedMs: 0,
    content: {
      size: 1,
      etag: 'e',
      storageClass: 'STANDARD',
      system: {},
      metadata: {},
      encryption: { mode: 'SSE-S3' },
      body: { partId: PART, size: 1, inline: true, chunkBytes: 16_384 },
    },
  } as unknown as ObjectRecord,
});
const [old, fresh] = [versionOf('a'.repeat(32), 'friend'), versionOf('b'.repeat(32), 'stranger')];

/** A GET that was let in to `old`, whose body an overwrite by `now` has taken since. */
function overtaken(now: typeof fresh | undefined, mayRead: (owner: string) => boolean, was = old) {
  const asked: string[] = [];
  const steps: string[] = [];
  let open = 0;
  const context = {
    caller: { kind: 'user' },
    fields: { method: 'GET' },
    facts: { bucket: { record: { bucketId: 'c'.repeat(32), name: 'b' } }, object: was },
    signature: {},
    requestContext: new Map(),
    require({ action }: Permission, _: unknown, object: ObjectRecord | 'absent' | undefined) {
      asked.push(action);
      if (object !== undefined && object !== 'absent' && mayRead(object.ownerAccountId)) return;
      throw new S3Error('AccessDenied');
    },
    allowed: () => false,
    services: {
      region: 'us-east-1',
      clock: { now: () => 0 },
      configs: { read: async () => undefined },
      objects: {
        async find() {
          steps.push('record');
          return now;
        },
      },
      dataKeys: { open: async () => ({ open: () => ({}), dispose() {} }) },
      meta: {
        get: async (key: Uint8Array) =>
          Buffer.from(key).includes(Buffer.from(fresh.record.objectId, 'hex'))
            ? { value: Buffer.from('x') }
            : undefined,
      },
      blobs: {
        snapshot() {
          open++;
          steps.push('snapshot');
          return { close: async () => void open-- };
        },
      },
    },
  } as unknown as OperationContext;
  const input = { key: 'k', conditions: {}, overrides: {} } as unknown as ReadInput;
  return { read: () => readObject(input, context, true), asked, steps, snapshots: () => open };
}

test('a version that came while another was being read is read by whom it lets in alone', async () => {
  const refused = overtaken(fresh, (owner) => owner === 'friend');
  await expect(refused.read()).rejects.toMatchObject({ code: 'AccessDenied' });
  expect([refused.asked, refused.snapshots()]).toEqual([['s3:GetObject'], 0]);

  const welcome = overtaken(fresh, () => true);
  const reply = await welcome.read();
  expect(reply.stream!.length).toBe(1);
  await reply.stream!.close();
  expect([welcome.asked, welcome.snapshots()]).toEqual([['s3:GetObject'], 0]);
});

test('that it is gone learns who may list', async () => {
  const gone = overtaken(undefined, () => true);
  await expect(gone.read()).rejects.toMatchObject({ code: 'AccessDenied' });
  expect([gone.asked, gone.snapshots()]).toEqual([['s3:GetObject'], 0]);
});

test('what lies in one row is read without a snapshot', async () => {
  const inline = overtaken(fresh, () => true, fresh);
  const reply = await inline.read();
  await reply.stream!.close();
  expect([inline.asked, inline.steps]).toEqual([[], []]);
});

test('what lies in blobs is read by a record that was read after the snapshot', async () => {
  const inBlobs = (version: typeof old): typeof old => {
    const { inline: _, ...body } = version.record.content!.body as BodyPart;
    const content = { ...version.record.content!, body: { ...body, runs: [], valueBytes: 1 } };
    return { ...version, record: { ...version.record, content } };
  };
  const same = overtaken(inBlobs(old), () => true, inBlobs(old));
  const reply = await same.read();
  expect([same.asked, same.steps, same.snapshots()]).toEqual([[], ['snapshot', 'record'], 1]);
  await reply.stream!.close();
  expect(same.snapshots()).toBe(0);

  const replaced = overtaken(inBlobs(fresh), (owner) => owner === 'friend', inBlobs(old));
  await expect(replaced.read()).rejects.toMatchObject({ code: 'AccessDenied' });
  expect([replaced.asked, replaced.snapshots()]).toEqual([['s3:GetObject'], 0]);
});
