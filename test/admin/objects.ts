import { createHash, randomBytes } from 'node:crypto';
import { CreateAliasCommand, CreateKeyCommand, DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetBucketCorsCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetObjectCommand,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  RenameObjectCommand,
  UpdateObjectEncryptionCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { customerKey } from '../support/customer-key.js';
import type { TestServer } from '../support/server.js';

const MIN = 5 * 1024 * 1024;
const Bucket = 'rotation';
const customer = customerKey(randomBytes(32));
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

type Mode = [name: string, write: Partial<PutObjectCommandInput>, read: Partial<PutObjectCommandInput>];

const MODES: Mode[] = [
  ['s3', {}, {}],
  ['kms', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'alias/mine' }, {}],
  ['bucket-key', { ServerSideEncryption: 'aws:kms', BucketKeyEnabled: true }, {}],
  ['dsse', { ServerSideEncryption: 'aws:kms:dsse', SSEKMSKeyId: 'alias/mine' }, {}],
  ['c', customer, customer],
];

interface Kept {
  Key: string;
  VersionId?: string | undefined;
  read: Partial<PutObjectCommandInput>;
  digest: string;
}

/**
 * Objects in every mode and size, old versions, uploads under way, KMS keys and what a bucket is configured with, and how to find
 * them all again.
 */
export class EveryObject {
  readonly #kept: Kept[] = [];
  readonly #uploads: { Key: string; UploadId: string; read: Mode[2]; ETag: string; first: Buffer }[] = [];
  #ciphertext = Buffer.alloc(0);
  #configured = '';

  async put(server: TestServer): Promise<void> {
    const s3 = server.s3();
    const kms = server.kms();
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/mine', TargetKeyId: KeyMetadata!.KeyId! }));
    const sealed = await kms.send(new EncryptCommand({ KeyId: 'alias/mine', Plaintext: Buffer.from('by the client') }));
    this.#ciphertext = Buffer.from(sealed.CiphertextBlob!);
    await this.#configure(server);
    for (const [name, write, read] of MODES) {
      for (const [size, bytes] of [
        ['empty', 0],
        ['small', 100],
        ['large', 300_000],
        ['small', 200],
      ] as const) {
        const Body = randomBytes(bytes);
        const Key = `${name}-${size}`;
        const { VersionId } = await s3.send(
          new PutObjectCommand({ Bucket, Key, Body, Metadata: { of: name }, ...write }),
        );
        this.#kept.push({ Key, VersionId, read, digest: digest(Body) });
      }
      for (const done of [true, false]) {
        const Key = `${name}-${done ? 'multi' : 'upload'}`;
        const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...write } as never));
        const at = { Bucket, Key, UploadId: UploadId! };
        const first = randomBytes(MIN);
        const { ETag } = await s3.send(new UploadPartCommand({ ...at, PartNumber: 1, Body: first, ...read } as never));
        const upload = { Key, UploadId: UploadId!, read, ETag: ETag!, first };
        if (done) await this.#complete(server, upload);
        else this.#uploads.push(upload);
      }
      const Body = randomBytes(300_000);
      await s3.send(new PutObjectCommand({ Bucket, Key: `${name}-before`, Body, ...write }));
      await this.#rename(server, name);
      this.#kept.push({ Key: `${name}-renamed`, read, digest: digest(Body) });
    }
    const Body = randomBytes(100);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'rewrapped', Body }));
    const ObjectEncryption = { SSEKMS: { KMSKeyArn: KeyMetadata!.Arn!, BucketKeyEnabled: true } };
    await s3.send(new UpdateObjectEncryptionCommand({ Bucket, Key: 'rewrapped', ObjectEncryption }));
    this.#kept.push({ Key: 'rewrapped', read: {}, digest: digest(Body) });
  }

  /** With a token: a repetition finds the row of the first, or no source. */
  async #rename(server: TestServer, name: string): Promise<void> {
    const request = { Bucket, Key: `${name}-renamed`, RenameSource: `${name}-before`, ClientToken: `token-of-${name}` };
    await server.s3().send(new RenameObjectCommand(request));
  }

  async #configure(server: TestServer): Promise<void> {
    const s3 = server.s3();
    const Resource = `arn:aws:s3:::${Bucket}/public/*`;
    const Policy = JSON.stringify({
      Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource }],
    });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    const CORSRules = [{ AllowedMethods: ['GET'], AllowedOrigins: ['https://app.example'] }];
    await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
    await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } }));
    const Rules = [{ ID: 'r', Status: 'Enabled' as const, Filter: { Prefix: 'none/' }, Expiration: { Days: 1 } }];
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
    this.#configured = await this.#configuration(server);
  }

  async #configuration(server: TestServer): Promise<string> {
    const s3 = server.s3();
    const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket }));
    const { CORSRules } = await s3.send(new GetBucketCorsCommand({ Bucket }));
    const { TagSet } = await s3.send(new GetBucketTaggingCommand({ Bucket }));
    const { Rules } = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    return JSON.stringify([Policy, CORSRules, TagSet, Rules]);
  }

  /** @returns how many were compared. */
  async check(server: TestServer): Promise<number> {
    const s3 = server.s3();
    for (const { Key, VersionId, read, digest: expected } of this.#kept) {
      const answer = await s3.send(new GetObjectCommand({ Bucket, Key, VersionId, ...read } as never));
      const found = digest(await answer.Body!.transformToByteArray());
      if (found !== expected) throw new Error(`${Key} reads as something else`);
    }
    for (const [name] of MODES) await this.#rename(server, name);
    if ((await this.#configuration(server)) !== this.#configured) throw new Error('the bucket is configured otherwise');
    const opened = await server.kms().send(new DecryptCommand({ CiphertextBlob: this.#ciphertext }));
    if (Buffer.from(opened.Plaintext!).toString() !== 'by the client') throw new Error('Decrypt gives something else');
    return this.#kept.length;
  }

  /** Goes on with one of the uploads that are under way. */
  async completeOne(server: TestServer): Promise<void> {
    await this.#complete(server, this.#uploads.shift()!);
  }

  async completeAll(server: TestServer): Promise<void> {
    while (this.#uploads.length > 0) await this.completeOne(server);
  }

  async #complete(
    server: TestServer,
    upload: { Key: string; UploadId: string; read: Mode[2]; ETag: string; first: Buffer },
  ) {
    const s3 = server.s3();
    const { Key, UploadId, read, first } = upload;
    const Body = randomBytes(5000);
    const at = { Bucket, Key, UploadId };
    const { ETag } = await s3.send(new UploadPartCommand({ ...at, PartNumber: 2, Body, ...read } as never));
    const Parts = [
      { PartNumber: 1, ETag: upload.ETag },
      { PartNumber: 2, ETag },
    ];
    const { VersionId } = await s3.send(
      new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts }, ...read } as never),
    );
    this.#kept.push({ Key, VersionId, read, digest: digest(Buffer.concat([first, Body])) });
  }
}
