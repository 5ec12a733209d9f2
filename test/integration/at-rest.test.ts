import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateKeyCommand, EncryptCommand } from '@aws-sdk/client-kms';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  RenameObjectCommand,
  UpdateObjectEncryptionCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { copySourceKey, customerKey } from '../support/customer-key.js';
import { SECRET_ACCESS_KEY, startServer } from '../support/server.js';

const MARK = 'PLAINTEXT-THAT-MUST-NOT-BE-FOUND';
const MIN = 5 * 1024 * 1024;

async function allFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const nested = await Promise.all(
    entries.map((entry) => (entry.isDirectory() ? allFiles(join(dir, entry.name)) : [join(dir, entry.name)])),
  );
  return nested.flat();
}

test('no plaintext, metadata, tag, key or digest reaches disk or log, in any mode and on any path', async () => {
  const server = await startServer({ env: { COFFER_LOG_LEVEL: 'trace' } });
  try {
    const s3 = server.s3();
    const kms = server.kms();
    const Bucket = 'at-rest';
    await s3.send(new CreateBucketCommand({ Bucket }));
    const secretTags = { TagSet: [{ Key: `${MARK}-key`, Value: `${MARK}-value` }] };
    await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: secretTags }));
    const CORSRules = [{ AllowedMethods: ['GET'], AllowedOrigins: [`https://${MARK}`] }];
    await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
    const Rules = [{ ID: MARK, Status: 'Enabled' as const, Filter: { Prefix: `${MARK}/` }, Expiration: { Days: 9 } }];
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: `${MARK}-description` }));
    const Policy = JSON.stringify({
      Id: `${MARK}-policy`,
      Statement: [{ Effect: 'Deny', Principal: '*', Action: 's3:GetObjectAcl', Resource: `arn:aws:s3:::${Bucket}/*` }],
    });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    await kms.send(new EncryptCommand({ KeyId: KeyMetadata!.KeyId!, Plaintext: Buffer.from(MARK) }));
    const rawKey = randomBytes(32);
    const customer = customerKey(rawKey);
    const modes: [string, object, object][] = [
      ['s3', {}, {}],
      ['kms', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyMetadata!.KeyId! }, {}],
      ['bucket-key', { ServerSideEncryption: 'aws:kms', BucketKeyEnabled: true }, {}],
      ['dsse', { ServerSideEncryption: 'aws:kms:dsse' }, {}],
      ['c', customer, customer],
    ];
    const small = Buffer.from(`${MARK}-small`);
    const large = Buffer.alloc(MIN + 1000, `${MARK}-large `);
    const digests = [small, large].flatMap((body) =>
      ['md5', 'sha1', 'sha256'].map((name) => createHash(name).update(body).digest()),
    );
    for (const [name, write, read] of modes) {
      const source = Object.keys(read).length ? copySourceKey(customer) : {};
      const put = (Key: string, Body: Buffer) =>
        s3.send(
          new PutObjectCommand({
            Bucket,
            Key,
            Body,
            Metadata: { secret: `${MARK}-metadata` },
            Tagging: `tag=${MARK}-tag`,
            ContentDisposition: `${MARK}-disposition`,
            ChecksumAlgorithm: 'SHA256',
            ...write,
          }),
        );
      await put(`${name}-small`, small);
      await put(`${name}-large`, large);
      await put(`${name}-old`, small);
      await s3.send(new PutObjectTaggingCommand({ Bucket, Key: `${name}-old`, Tagging: secretTags }));
      await s3.send(new RenameObjectCommand({ Bucket, Key: `${name}-new`, RenameSource: `${name}-old` }));
      if (name === 's3' || name === 'kms') {
        const ObjectEncryption = { SSEKMS: { KMSKeyArn: KeyMetadata!.Arn! } };
        await s3.send(new UpdateObjectEncryptionCommand({ Bucket, Key: `${name}-new`, ObjectEncryption }));
      }
      await s3.send(
        new CopyObjectCommand({
          Bucket,
          Key: `${name}-copy`,
          CopySource: `${Bucket}/${name}-large`,
          ...source,
          ...write,
        }),
      );
      const { UploadId } = await s3.send(
        new CreateMultipartUploadCommand({
          Bucket,
          Key: `${name}-multi`,
          Metadata: { secret: `${MARK}-upload` },
          ...write,
        }),
      );
      const at = { Bucket, Key: `${name}-multi`, UploadId: UploadId! };
      const one = await s3.send(
        new UploadPartCopyCommand({ ...at, PartNumber: 1, CopySource: `${Bucket}/${name}-large`, ...source, ...read }),
      );
      const two = await s3.send(new UploadPartCommand({ ...at, PartNumber: 2, Body: small, ...read }));
      const Parts = [
        { PartNumber: 1, ETag: one.CopyPartResult!.ETag },
        { PartNumber: 2, ETag: two.ETag },
      ];
      await s3.send(new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts }, ...read }));
    }
    expect(await server.end('SIGTERM')).toBe(0);
    const needles: [string, Buffer][] = [
      ['marked plaintext', Buffer.from(MARK)],
      ['customer key', rawKey],
      ['customer key in base64', Buffer.from(rawKey.toString('base64'))],
      ['MD5 of the customer key', Buffer.from(customer.SSECustomerKeyMD5, 'base64')],
      ['MD5 of the customer key in base64', Buffer.from(customer.SSECustomerKeyMD5)],
      ['secret access key', Buffer.from(SECRET_ACCESS_KEY)],
      ...digests.flatMap((digest): [string, Buffer][] => [
        ['digest', digest],
        ['digest in hex', Buffer.from(digest.toString('hex'))],
        ['digest in base64', Buffer.from(digest.toString('base64'))],
      ]),
    ];
    const files = await allFiles(join(server.dir, 'data'));
    expect(files.length).toBeGreaterThan(5);
    let bytes = 0;
    for (const file of files) {
      const content = await readFile(file);
      bytes += content.length;
      for (const [what, needle] of needles) expect(content.includes(needle), `${what} in ${file}`).toBe(false);
    }
    // All modes, large and small, copied and in parts: what was searched really holds the objects.
    expect(bytes).toBeGreaterThan(modes.length * 3 * MIN);
    const log = Buffer.from(server.output());
    expect(log.includes('PutObject')).toBe(true);
    for (const [what, needle] of needles) expect(log.includes(needle), `${what} in the log`).toBe(false);
    expect(log.includes('Signature=')).toBe(false);
  } finally {
    await server.close();
  }
});
