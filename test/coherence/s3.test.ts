/** Two gateways over one store: what one changes decides the next request at the other, and what both do at once has one outcome. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TAG, under } from '../../src/store/keys.js';
import type { Commit, MetaStore } from '../../src/store/ports.js';
import { type Gateway, openGateways } from './gateways.js';

let world: Awaited<ReturnType<typeof openGateways>>;
let one: Gateway;
let other: Gateway;
const MIN = 5 * 1024 * 1024;

beforeAll(async () => {
  world = await openGateways();
  [one, other] = world.gateways;
});
afterAll(() => world?.close());

let count = 0;
async function makeBucket(): Promise<string> {
  const name = `bucket-${++count}`;
  expect((await one.ask(name, { method: 'PUT' })).code).toBe('');
  return name;
}
const put = (gateway: Gateway, bucket: string, key: string, body: string | Buffer = 'body', headers = {}) =>
  gateway.ask(bucket, { method: 'PUT', key, body, headers });
const get = async (gateway: Gateway, bucket: string, key: string, query = {}) => {
  const { code, body } = await gateway.ask(bucket, { key, query });
  return code || body.toString();
};
const configure = (gateway: Gateway, bucket: string, name: string, body: string) =>
  gateway.ask(bucket, { method: 'PUT', query: { [name]: '' }, body });
const versioning = (gateway: Gateway, bucket: string, status = 'Enabled') =>
  configure(
    gateway,
    bucket,
    'versioning',
    `<VersioningConfiguration><Status>${status}</Status></VersioningConfiguration>`,
  );

/** What a gateway sees that has something happen before its commits of a kind. */
function meddling(before: (commit: Commit) => Promise<void> | undefined): MetaStore {
  return new Proxy(world.meta, {
    get(target, name) {
      if (name === 'commit') {
        return async (commit: Commit) => {
          await before(commit);
          return target.commit(commit);
        };
      }
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('what one gateway changes', () => {
  test('a bucket policy decides at the other', async () => {
    const bucket = await makeBucket();
    await put(one, bucket, 'k');
    expect(await get(other, bucket, 'k')).toBe('body');
    const deny = { Effect: 'Deny', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${bucket}/*` };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [deny] });
    for (let i = 0; i < 2; i++) {
      expect((await configure(one, bucket, 'policy', Policy)).code).toBe('');
      expect(await get(other, bucket, 'k')).toBe('AccessDenied');
      expect((await other.ask(bucket, { method: 'DELETE', query: { policy: '' } })).code).toBe('');
      expect(await get(one, bucket, 'k')).toBe('body');
    }
  });

  test('tags, versioning and settings of a bucket, and an object, are so at the other', async () => {
    const bucket = await makeBucket();
    expect((await put(other, bucket, 'k', 'first')).headers['x-amz-version-id']).toBeUndefined();
    await versioning(one, bucket);
    const second = (await put(other, bucket, 'k', 'second')).headers['x-amz-version-id']!;
    expect(second).toMatch(/./);
    expect([await get(one, bucket, 'k'), await get(one, bucket, 'k', { versionId: 'null' })]).toEqual([
      'second',
      'first',
    ]);
    await one.ask(bucket, { method: 'DELETE', key: 'k' });
    expect(await get(other, bucket, 'k')).toBe('NoSuchKey');
    expect(await get(other, bucket, 'k', { versionId: second })).toBe('second');
    const tagging = (value: string) =>
      `<Tagging><TagSet><Tag><Key>a</Key><Value>${value}</Value></Tag></TagSet></Tagging>`;
    for (const value of ['1', '2']) {
      await configure(one, bucket, 'tagging', tagging(value));
      expect((await other.ask(bucket, { query: { tagging: '' } })).element('Value')).toBe(value);
    }
  });

  test('a lock that one gateway puts keeps the version at the other', async () => {
    const name = `locked-${++count}`;
    await one.ask(name, { method: 'PUT', headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
    const versionId = (await put(other, name, 'k')).headers['x-amz-version-id']!;
    const hold = (status: string) =>
      one.ask(name, {
        method: 'PUT',
        key: 'k',
        query: { 'legal-hold': '', versionId },
        body: `<LegalHold><Status>${status}</Status></LegalHold>`,
      });
    expect((await hold('ON')).code).toBe('');
    const remove = async () => (await other.ask(name, { method: 'DELETE', key: 'k', query: { versionId } })).code;
    expect(await remove()).toBe('AccessDenied');
    expect((await hold('OFF')).code).toBe('');
    expect(await remove()).toBe('');
  });

  test('a key that is disabled closes objects at the other, also those under a bucket key that it has in memory', async () => {
    const bucket = await makeBucket();
    const { KeyId } = (await one.kms('CreateKey')).KeyMetadata;
    const kms = { 'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': KeyId };
    const underBucketKey = { ...kms, 'x-amz-server-side-encryption-bucket-key-enabled': 'true' };
    expect((await put(other, bucket, 'own', 'own', kms)).code).toBe('');
    expect((await put(other, bucket, 'shared', 'shared', underBucketKey)).code).toBe('');
    expect(await get(other, bucket, 'shared')).toBe('shared');
    await one.kms('DisableKey', { KeyId });
    for (const key of ['own', 'shared']) expect(await get(other, bucket, key)).toBe('KMS.DisabledException');
    expect((await put(other, bucket, 'more', '', underBucketKey)).code).toBe('KMS.DisabledException');
    await one.kms('EnableKey', { KeyId });
    expect(await get(other, bucket, 'shared')).toBe('shared');
  });

  test('a bucket that one deletes is gone at the other, and its name can be taken again there', async () => {
    const bucket = await makeBucket();
    expect((await put(other, bucket, 'k')).code).toBe('');
    expect((await one.ask(bucket, { method: 'DELETE' })).code).toBe('BucketNotEmpty');
    await other.ask(bucket, { method: 'DELETE', key: 'k' });
    expect((await one.ask(bucket, { method: 'DELETE' })).code).toBe('');
    expect((await put(other, bucket, 'k')).code).toBe('NoSuchBucket');
    expect((await other.ask(bucket, { method: 'PUT' })).code).toBe('');
    expect(await get(one, bucket, 'k')).toBe('NoSuchKey');
  });
});

describe('at once', () => {
  test('of conditional writes at both gateways one succeeds', async () => {
    const bucket = await makeBucket();
    const tries = Array.from({ length: 10 }, (_, i) =>
      put(i % 2 ? one : other, bucket, 'k', `writer ${i}`, { 'if-none-match': '*' }),
    );
    const codes = (await Promise.all(tries)).map(({ code }) => code);
    expect(codes.filter((code) => code === '')).toHaveLength(1);
    expect(await get(one, bucket, 'k')).toBe(`writer ${codes.indexOf('')}`);
    const ETag = (await other.ask(bucket, { method: 'HEAD', key: 'k' })).headers.etag!;
    const updates = await Promise.all(
      [one, other].map((gateway, i) => put(gateway, bucket, 'k', `${i}`, { 'if-match': ETag })),
    );
    expect(updates.filter(({ code }) => code === '')).toHaveLength(1);
  });

  test('versions that both make have ids and places of their own, and none is lost', async () => {
    const bucket = await makeBucket();
    await versioning(one, bucket);
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) => put(i % 2 ? one : other, bucket, 'k', `version ${i}`)),
    );
    const ids = made.map(({ headers }) => headers['x-amz-version-id']!);
    expect(new Set(ids).size).toBe(20);
    for (const [i, versionId] of ids.entries()) expect(await get(one, bucket, 'k', { versionId })).toBe(`version ${i}`);
  });

  test('a bucket that is deleted while the other gateway writes into it keeps what was acknowledged', async () => {
    for (let i = 0; i < 10; i++) {
      const bucket = await makeBucket();
      const [deleted, written] = await Promise.all([
        one.ask(bucket, { method: 'DELETE' }),
        put(other, bucket, 'k', 'kept'),
      ]);
      expect([deleted.code, written.code].sort().join(), `${i}`).toMatch(/^,(BucketNotEmpty|NoSuchBucket)$/);
      expect(await get(one, bucket, 'k')).toBe(written.code === '' ? 'kept' : 'NoSuchBucket');
    }
  });

  test('one RenameObject with a token that is sent to both is done once, and both say so', async () => {
    const bucket = await makeBucket();
    await put(one, bucket, 'from', 'moved');
    const rename = (gateway: Gateway) =>
      gateway.ask(bucket, {
        method: 'PUT',
        key: 'to',
        query: { renameObject: '' },
        headers: { 'x-amz-rename-source': '/from', 'x-amz-client-token': 'token-1' },
      });
    const answers = await Promise.all([rename(one), rename(other)]);
    expect(answers.map(({ code }) => code).filter((code) => code === '').length).toBeGreaterThan(0);
    // As a client does that was told of a conflict.
    expect([(await rename(other)).code, (await rename(one)).code]).toEqual(['', '']);
    expect([await get(other, bucket, 'from'), await get(other, bucket, 'to')]).toEqual(['NoSuchKey', 'moved']);
  });
});

describe('a multipart upload over two gateways', () => {
  const begin = async (bucket: string, key: string): Promise<string> =>
    (await one.ask(bucket, { method: 'POST', key, query: { uploads: '' } })).element('UploadId')!;
  const part = async (gateway: Gateway, bucket: string, key: string, uploadId: string, n: number, body: Buffer) => {
    const { code, headers } = await gateway.ask(bucket, {
      ...{ method: 'PUT', key, body },
      query: { uploadId, partNumber: String(n) },
    });
    return code || headers.etag!;
  };
  const complete = (gateway: Gateway, bucket: string, key: string, uploadId: string, etags: [number, string][]) =>
    gateway.ask(bucket, {
      ...{ method: 'POST', key },
      query: { uploadId },
      body: `<CompleteMultipartUpload>${etags
        .map(([n, etag]) => `<Part><PartNumber>${n}</PartNumber><ETag>${etag.replaceAll('"', '')}</ETag></Part>`)
        .join('')}</CompleteMultipartUpload>`,
    });
  const rowsOf = async (tag: Buffer) => (await world.meta.range({ ...under(tag), limit: 1000, keysOnly: true })).length;
  const blobs = async () => {
    let runs = 0;
    for await (const _ of world.blobs.list()) runs++;
    return runs;
  };
  const sweep = async () => {
    for (const { coffer } of world.gateways) await coffer.sweeping.run();
  };
  const readBack = async (gateway: Gateway, bucket: string, key: string) => (await gateway.ask(bucket, { key })).body;

  test('is made of parts that came to either', async () => {
    const bucket = await makeBucket();
    const uploadId = await begin(bucket, 'k');
    const bodies = [randomBytes(MIN), randomBytes(12_345)];
    const etags = [
      await part(one, bucket, 'k', uploadId, 1, bodies[0]!),
      await part(other, bucket, 'k', uploadId, 2, bodies[1]!),
    ];
    const listed: [number, string][] = etags.map((etag, i) => [i + 1, etag]);
    const done = await complete(other, bucket, 'k', uploadId, listed);
    expect(done.code).toBe('');
    expect((await readBack(one, bucket, 'k')).equals(Buffer.concat(bodies))).toBe(true);
    // Asked again, at the other one.
    expect((await complete(one, bucket, 'k', uploadId, listed)).element('ETag')).toBe(done.element('ETag'));
  });

  test('a part that is put again while the other gateway completes is in the object as it was listed, or refuses it', async () => {
    const bucket = await makeBucket();
    const uploadId = await begin(bucket, 'k');
    const old = randomBytes(20_000);
    const etag = await part(one, bucket, 'k', uploadId, 1, old);
    let meddled = false;
    // Between the reading of the parts and the commit: the pages of the object are written there.
    const slow = await world.open(
      meddling(async ({ puts = [] }) => {
        if (meddled || !puts.some(({ key }) => Buffer.from(key).subarray(0, 2).equals(TAG.manifestPage))) return;
        meddled = true;
        expect(await part(one, bucket, 'k', uploadId, 1, randomBytes(30_000))).toMatch(/^"/);
        await sweep();
      }),
    );
    // The part that it lists is there no more.
    expect((await complete(slow, bucket, 'k', uploadId, [[1, etag]])).code).toBe('InvalidPart');
    expect(meddled).toBe(true);
    const again = await part(other, bucket, 'k', uploadId, 1, old);
    expect((await complete(slow, bucket, 'k', uploadId, [[1, again]])).code).toBe('');
    await sweep();
    expect((await readBack(one, bucket, 'k')).equals(old)).toBe(true);
  });

  test('a part with another number that comes meanwhile is not lost from the sweeper’s sight', async () => {
    const bucket = await makeBucket();
    await sweep();
    const before = await blobs();
    const uploadId = await begin(bucket, 'k');
    const body = randomBytes(20_000);
    const etag = await part(one, bucket, 'k', uploadId, 1, body);
    let meddled = false;
    const slow = await world.open(
      meddling(async ({ puts = [] }) => {
        if (meddled || !puts.some(({ key }) => Buffer.from(key).subarray(0, 2).equals(TAG.manifestPage))) return;
        meddled = true;
        await part(one, bucket, 'k', uploadId, 2, randomBytes(30_000));
      }),
    );
    expect((await complete(slow, bucket, 'k', uploadId, [[1, etag]])).code).toBe('');
    await sweep();
    expect((await readBack(one, bucket, 'k')).equals(body)).toBe(true);
    await one.ask(bucket, { method: 'DELETE', key: 'k' });
    await sweep();
    expect([await rowsOf(TAG.dead), await rowsOf(TAG.partsGeneration), await blobs()]).toEqual([0, 0, before]);
  });

  test('two completions at once of different parts make one object, whole, and leave nothing', async () => {
    for (let i = 0; i < 5; i++) {
      const bucket = await makeBucket();
      const uploadId = await begin(bucket, 'k');
      const bodies = [randomBytes(MIN), randomBytes(20_000)];
      const etags = [
        await part(one, bucket, 'k', uploadId, 1, bodies[0]!),
        await part(other, bucket, 'k', uploadId, 2, bodies[1]!),
      ] as [string, string];
      const before = await rowsOf(TAG.manifestPage);
      const [whole, half] = await Promise.all([
        complete(one, bucket, 'k', uploadId, [
          [1, etags[0]],
          [2, etags[1]],
        ]),
        complete(other, bucket, 'k', uploadId, [[1, etags[0]]]),
      ]);
      await sweep();
      expect([whole.code, half.code]).toEqual(['', '']);
      // Who came second was told of the object that there is.
      expect(whole.element('ETag')).toBe(half.element('ETag'));
      const expected = whole.element('ETag')!.includes('-2') ? Buffer.concat(bodies) : bodies[0]!;
      expect((await readBack(one, bucket, 'k')).equals(expected)).toBe(true);
      expect(await rowsOf(TAG.manifestPage)).toBe(before + 1);
      await other.ask(bucket, { method: 'DELETE', key: 'k' });
      await sweep();
      expect(await rowsOf(TAG.manifestPage)).toBe(before);
    }
  });
});
