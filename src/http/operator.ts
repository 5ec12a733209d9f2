import type { Caller, SignatureFacts } from '../auth/ports.js';
import type { ClientBudget } from '../base/client-budget.js';
import { partitionOf } from '../base/partition.js';
import type { BodySource } from '../base/stream.js';
import type { ConditionValues } from '../policy/ports.js';
import { KnownPolicies } from '../s3/bucket-policy/known-policies.js';
import { S3Error } from '../s3/error.js';
import { ERRORS } from '../s3/errors.js';
import { isBucketName } from '../s3/fields/bucket-name.js';
import { beganMs } from '../s3/multipart/created-with.js';
import type { Facts, OperationContext, Permission, Reply, RequestFields } from '../s3/operation.js';
import type { Services } from '../s3/services.js';
import type { BucketRecord, ObjectContent } from '../store/records.js';
import type { Stored } from '../store/table.js';
import { Authorizer } from './authorizer.js';
import type { Peer } from './peer.js';
import { refuseUnread } from './refused.js';
import type { AnyOperation } from './router.js';
import { readTextBody, readXmlBody } from './xml-body.js';

/** A request whose sender is known, by whatever way it came. */
export interface Asked {
  fields: RequestFields;
  caller: Caller;
  signature: SignatureFacts;
  requestId: string;
  peer: Peer;
  /** `aws:` condition keys. */
  requestContext: ConditionValues;
  socket: unknown;
}

/** What is loaded for a request. */
export interface Loaded {
  /** Where it was read before. */
  bucket?: Stored<BucketRecord> | undefined;
}

/** Runs an operation for a caller: facts, input, policy, handle, reply. */
export class Operator {
  readonly #policies: KnownPolicies;

  constructor(private readonly services: Services) {
    this.#policies = new KnownPolicies(services.bucketPolicies, partitionOf(services.region));
  }

  /** Decides over what the request asks for. */
  authorizer(
    operation: string,
    { fields, caller, signature, requestContext, socket }: Omit<Asked, 'requestId' | 'peer'>,
  ): Authorizer {
    const { buckets, configs, region } = this.services;
    const source = { operation, region, fields, signature, requestContext, socket };
    return new Authorizer(buckets, this.#policies, configs, caller, source);
  }

  /** @throws S3Error and what the layers below throw */
  async run(operation: AnyOperation, asked: Asked, body: BodySource, loaded: Loaded): Promise<Reply> {
    const { fields } = asked;
    const authorizer = this.authorizer(operation.name, asked);
    const facts = await this.#facts(operation, fields, loaded, authorizer);
    await readControlBody(operation, fields, body, this.services.requestBudget);
    const input = readInput(operation, fields);
    const bucket = facts.bucket?.record;
    const looked = operation.facts.includes('object');
    const needs = operation.needs(input, facts);
    authorizer.requireAll(needs, bucket, looked ? (facts.object?.record ?? 'absent') : undefined);
    if (looked && !facts.object?.record.content) authorizer.requireToKnow(bucket);
    refuseUnread(operation, fields);
    readLateInput(operation, fields, input);
    const context = this.#context(operation.name, asked, body, facts, authorizer, needs);
    return operation.reply(await operation.handle(input, context), input);
  }

  async #facts(operation: AnyOperation, fields: RequestFields, loaded: Loaded, authorizer: Authorizer): Promise<Facts> {
    const { services } = this;
    const facts = {} as Facts;
    if (operation.facts.includes('bucket')) {
      const bucket = await authorizer.enter(fields.bucket, loaded.bucket);
      // Whether a bucket exists is told before policy is asked, as AWS does.
      if (!bucket) throw noSuchBucket(fields.bucket);
      requireExpectedOwner(fields.headers, bucket.record.ownerAccountId);
      facts.bucket = bucket;
    }
    if (operation.facts.includes('object')) {
      const versionId = fields.query.get('versionId') || undefined;
      const found = await services.objects.find(facts.bucket.record.bucketId, fields.key, versionId);
      if (found) facts.object = found;
    }
    if (operation.facts.includes('upload')) {
      const { bucketId } = facts.bucket.record;
      const uploadId = fields.query.get('uploadId') ?? '';
      const upload = await services.uploads.find(bucketId, fields.key, uploadId);
      if (upload) facts.upload = upload;
      const { createdWith } = upload?.record ?? (await this.#completed(bucketId, fields.key, uploadId)) ?? {};
      if (createdWith) authorizer.judgeUpload({ createdWith, beganMs: beganMs(uploadId) });
    }
    return facts;
  }

  /** What became of an upload that is complete: whoever asks for its end again may have the answer as before. */
  async #completed(bucketId: string, key: string, uploadId: string): Promise<ObjectContent | undefined> {
    const current = await this.services.objects.find(bucketId, key);
    const content = current?.record.content;
    return content?.uploadId === uploadId ? content : undefined;
  }

  #context(
    operationName: string,
    { fields, caller, signature, requestId, peer, requestContext }: Asked,
    body: BodySource,
    facts: Facts,
    authorizer: Authorizer,
    needs: readonly Permission[],
  ): OperationContext {
    return {
      operationName,
      caller,
      signature,
      requestId,
      fields,
      secure: peer.secure,
      loopback: peer.loopback,
      sourceIp: peer.ip,
      requestContext,
      facts,
      body,
      services: this.services,
      require: (permission, bucket, object) => authorizer.require(permission, bucket, object),
      allowed: (permission, bucket, object) => authorizer.allowed(permission, bucket, object),
      requireStill: (object) => authorizer.requireAll(needs, facts.bucket?.record, object),
      enter: (bucket) => authorizer.enter(bucket),
      policyOf: (bucket) => authorizer.policyOf(bucket),
    };
  }
}

export const noSuchBucket = (name: string): S3Error =>
  new S3Error(isBucketName(name) ? 'NoSuchBucket' : 'InvalidBucketName', { extra: { BucketName: name } });

const ACCOUNT_ID = /^\d{12}$/;

export function requireExpectedOwner(headers: RequestFields['headers'], owner: string): void {
  const expected = headers['x-amz-expected-bucket-owner'];
  if (expected === undefined) return;
  if (!ACCOUNT_ID.test(expected)) {
    throw new S3Error('InvalidBucketOwnerAWSAccountID', {
      message: `${ERRORS.InvalidBucketOwnerAWSAccountID.message}... [${expected}]`,
    });
  }
  if (expected !== owner) throw new S3Error('AccessDenied');
}

// biome-ignore lint/suspicious/noExplicitAny: the input belongs to the operation
function readInput({ input: declared }: AnyOperation, fields: RequestFields): any {
  const input: Record<string, unknown> = { bucket: fields.bucket, key: fields.key };
  for (const name in declared) {
    const field = declared[name]!;
    if (!field.late) input[name] = field.read(fields);
  }
  return input;
}

/** What is read only for those who may. */
function readLateInput({ input: declared }: AnyOperation, fields: RequestFields, input: Record<string, unknown>): void {
  for (const name in declared) {
    const field = declared[name]!;
    if (field.late) input[name] = field.read(fields);
  }
}

async function readControlBody(
  { body: declared }: AnyOperation,
  fields: RequestFields,
  body: BodySource,
  budget: ClientBudget,
): Promise<void> {
  if (declared?.kind === 'xml') {
    const tree = await readXmlBody(declared, fields.headers, body, budget);
    if (tree) fields.xml = tree;
  } else if (declared?.kind === 'text') {
    fields.text = await readTextBody(declared, fields.headers, body, budget);
  }
}
